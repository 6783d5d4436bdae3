// Tables.

import { h, s, icon } from "./dom.js";
import { richText } from "./mrkdwn.js";

/** Cells as short as this stay on one line: a region or a time reads badly in two. */
const TIGHT = 14;

function cellText(cell) {
  if (!cell) return "";
  if (cell.type === "rich_text") return (cell.elements ?? []).flatMap((e) => e.elements ?? []).map((e) => e.text ?? "").join("");
  if (cell.type === "action_cell") return cell.fallback?.text ?? cell.element?.text?.text ?? "";
  return String(cell.text ?? "");
}

function cellNode(cell, ctx, element) {
  if (cell?.type === "rich_text") return richText(cell, ctx);
  if (cell?.type === "action_cell" && element) return element(cell.element);
  return document.createTextNode(cellText(cell));
}

const numeric = (cell) => cell?.type === "raw_number";

/** The plain `table` block. */
export function plainTable(b, ctx) {
  const settings = b.column_settings ?? [];
  const rows = b.rows.map((row, r) => h("tr", {}, row.map((cell, c) => {
    const align = settings[c]?.align ?? "left";
    return h(r === 0 ? "th" : "td", { style: { textAlign: align }, scope: r === 0 ? "col" : undefined }, cellNode(cell, ctx));
  })));
  return h("div.table-wrap", {}, h("table.table", {}, h("thead", {}, rows[0]), h("tbody", {}, rows.slice(1))));
}

/** The `data_table` block: sorted by a click on a heading, a page at a time. */
export function dataTable(b, ctx, element) {
  const key = `table:${b.caption}`;
  const view = ctx.ui.get(key) ?? { page: 0, by: -1, down: false };
  ctx.ui.set(key, view);
  const [head, ...body] = b.rows;
  const size = b.page_size ?? 5;
  const rowHeader = b.row_header_column_index ?? 0;
  const acts = head.map((_, c) => body.some((row) => row[c]?.type === "action_cell"));
  const box = h("div.data-table");

  const sorted = () => {
    if (view.by < 0) return body;
    const asNumbers = body.every((row) => numeric(row[view.by]));
    const compare = asNumbers
      ? (x, y) => x[view.by].value - y[view.by].value
      : (x, y) => cellText(x[view.by]).localeCompare(cellText(y[view.by]), undefined, { numeric: true });
    return [...body].sort((x, y) => (view.down ? -1 : 1) * compare(x, y));
  };
  const sortBy = (c) => {
    view.down = view.by === c ? !view.down : false;
    view.by = c;
    view.page = 0;
    draw();
  };
  const heading = (cell, c) => {
    // Buttons have no order.
    if (acts[c]) return h("th.act", { scope: "col" }, cellText(cell));
    const order = view.by === c ? (view.down ? "descending" : "ascending") : "none";
    const numbers = body.every((row) => numeric(row[c]));
    return h(numbers ? "th.num" : "th", { scope: "col", "aria-sort": order },
      h("button.sort", { type: "button", onclick: () => sortBy(c) }, cellText(cell), order === "none" ? icon("sort", 12) : order === "ascending" ? " ↑" : " ↓"));
  };
  // On a phone each row is a card, in which every cell says what it is (blocks.css).
  const bodyCell = (cell, c) => (c === rowHeader
    ? h("th", { scope: "row", role: "rowheader" }, cellNode(cell, ctx, element))
    : h(acts[c] ? "td.act" : numeric(cell) ? "td.num" : cellText(cell).length <= TIGHT ? "td.tight" : "td", { role: "cell", "data-label": acts[c] ? "" : cellText(head[c]) }, cellNode(cell, ctx, element)));

  function draw() {
    const pages = Math.max(1, Math.ceil(body.length / size));
    view.page = Math.min(view.page, pages - 1);
    const from = view.page * size;
    const shown = sorted().slice(from, from + size);
    const turn = (by) => () => { view.page += by; draw(); };
    box.replaceChildren(
      h("div.table-wrap", {}, h("table.table", { role: "table" }, h("caption", {}, b.caption),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head.map(heading))),
        h("tbody", { role: "rowgroup" }, shown.map((row) => h("tr", { role: "row" }, row.map(bodyCell)))))),
      pages > 1 ? h("div.pager", {},
        h("button.btn.btn-small", { type: "button", disabled: view.page === 0, onclick: turn(-1) }, "Previous"),
        h("span.muted", {}, `${from + 1}–${from + shown.length} of ${body.length}`),
        h("button.btn.btn-small", { type: "button", disabled: view.page === pages - 1, onclick: turn(1) }, "Next")) : "");
  }
  draw();
  return box;
}
