// Tables and charts.

import { h, s, icon } from "./dom.js";
import { richText } from "./mrkdwn.js";

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
    const order = view.by === c ? (view.down ? "descending" : "ascending") : "none";
    const numbers = body.every((row) => numeric(row[c]));
    return h(numbers ? "th.num" : "th", { scope: "col", "aria-sort": order },
      h("button.sort", { type: "button", onclick: () => sortBy(c) }, cellText(cell), order === "none" ? icon("sort", 12) : order === "ascending" ? " ↑" : " ↓"));
  };
  const bodyCell = (cell, c) => (c === rowHeader
    ? h("th", { scope: "row" }, cellNode(cell, ctx, element))
    : h(numeric(cell) ? "td.num" : "td", {}, cellNode(cell, ctx, element)));

  function draw() {
    const pages = Math.max(1, Math.ceil(body.length / size));
    view.page = Math.min(view.page, pages - 1);
    const from = view.page * size;
    const shown = sorted().slice(from, from + size);
    const turn = (by) => () => { view.page += by; draw(); };
    box.replaceChildren(
      h("div.table-wrap", {}, h("table.table", {}, h("caption", {}, b.caption),
        h("thead", {}, h("tr", {}, head.map(heading))),
        h("tbody", {}, shown.map((row) => h("tr", {}, row.map(bodyCell)))))),
      pages > 1 ? h("div.pager", {},
        h("button.btn.btn-small", { type: "button", disabled: view.page === 0, onclick: turn(-1) }, "Previous"),
        h("span.muted", {}, `${from + 1}–${from + shown.length} of ${body.length}`),
        h("button.btn.btn-small", { type: "button", disabled: view.page === pages - 1, onclick: turn(1) }, "Next")) : "");
  }
  draw();
  return box;
}

const COLORS = ["#1264a3", "#e8912d", "#2eb67d", "#9b4dca", "#e01e5a", "#36c5f0", "#616061", "#ecb22e", "#0b7a75", "#c2410c", "#5b5fc7", "#8a6d3b"];
const W = 560, H = 220, LEFT = 46, BOTTOM = 30, TOP = 10;

function nice(max) {
  const unit = 10 ** Math.floor(Math.log10(max || 1));
  return [1, 2, 2.5, 5, 10].map((m) => m * unit).find((m) => m >= max) ?? max;
}

const label = (x, y, text, anchor = "middle") => s("text", { x, y, "text-anchor": anchor, class: "chart-text" }, text);
const short = (n) => (Math.abs(n) >= 10000 ? `${Math.round(n / 1000)}k` : String(Math.round(n * 100) / 100));

function pie(c) {
  const total = c.segments.reduce((sum, seg) => sum + seg.value, 0) || 1;
  const svg = s("svg", { viewBox: "0 0 220 220", class: "chart-pie", role: "img" });
  let from = -Math.PI / 2;
  c.segments.forEach((seg, i) => {
    const to = from + (seg.value / total) * Math.PI * 2 * 0.99999;
    const at = (angle, r) => `${110 + r * Math.cos(angle)} ${110 + r * Math.sin(angle)}`;
    const big = to - from > Math.PI ? 1 : 0;
    const d = `M${at(from, 100)}A100 100 0 ${big} 1 ${at(to, 100)}L${at(to, 58)}A58 58 0 ${big} 0 ${at(from, 58)}Z`;
    svg.append(s("path", { d, fill: COLORS[i % 12] }, s("title", {}, `${seg.label}: ${short(seg.value)}`)));
    from = to;
  });
  const names = c.segments.map((seg) => `${seg.label} · ${Math.round((seg.value / total) * 100)} %`);
  return [svg, legend(names)];
}

function legend(names) {
  return h("ul.legend", {}, names.map((name, i) => h("li", {}, h("span.swatch", { style: { background: COLORS[i % 12] } }), name)));
}

function marks(c, x, y, width, floor) {
  const out = [];
  const step = width / c.axis_config.categories.length;
  c.series.forEach((series, i) => {
    const color = COLORS[i % 12];
    if (c.type === "bar") {
      const bar = Math.max(2, (step * 0.7) / c.series.length);
      series.data.forEach((p, k) => {
        const top = Math.min(y(p.value), floor);
        const attrs = { x: x(k) - (step * 0.35) + i * bar, y: top, width: bar - 1, height: Math.max(1, Math.abs(floor - y(p.value))), rx: 2, fill: color };
        out.push(s("rect", attrs, s("title", {}, `${series.name}, ${p.label}: ${short(p.value)}`)));
      });
      return;
    }
    const points = series.data.map((p, k) => `${x(k)} ${y(p.value)}`);
    if (c.type === "area") out.push(s("path", { d: `M${x(0)} ${floor}L${points.join("L")}L${x(series.data.length - 1)} ${floor}Z`, fill: color, opacity: 0.18 }));
    out.push(s("path", { d: `M${points.join("L")}`, fill: "none", stroke: color, "stroke-width": 2, "stroke-linejoin": "round" }));
    series.data.forEach((p, k) => out.push(s("circle", { cx: x(k), cy: y(p.value), r: 3, fill: color }, s("title", {}, `${series.name}, ${p.label}: ${short(p.value)}`))));
  });
  return out;
}

function axes(c) {
  const names = c.axis_config.categories;
  const values = c.series.flatMap((one) => one.data.map((p) => p.value));
  const max = nice(Math.max(0, ...values));
  const min = Math.min(0, ...values);
  const width = W - LEFT - 10;
  const floorY = H - BOTTOM;
  const x = (k) => LEFT + (width / names.length) * (k + 0.5);
  const y = (v) => floorY - ((v - min) / (max - min || 1)) * (floorY - TOP);
  const svg = s("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart-axes", role: "img" });
  for (let i = 0; i <= 4; i++) {
    const v = min + ((max - min) * i) / 4;
    svg.append(s("line", { x1: LEFT, x2: W - 10, y1: y(v), y2: y(v), class: "chart-grid" }), label(LEFT - 6, y(v) + 4, short(v), "end"));
  }
  const every = Math.ceil(names.length / 8);
  names.forEach((name, k) => { if (k % every === 0) svg.append(label(x(k), H - 12, name)); });
  svg.append(...marks(c, x, y, width, y(Math.max(0, min))));
  const caption = [c.axis_config.y_label, c.axis_config.x_label].filter(Boolean).join(" by ");
  return [caption && h("div.muted.chart-caption", {}, caption), svg, c.series.length > 1 && legend(c.series.map((one) => one.name))];
}

/** The `data_visualization` block. */
export function chart(b) {
  const c = b.chart ?? {};
  return h("figure.chart", {}, h("figcaption.chart-title", {}, b.title ?? ""), c.type === "pie" ? h("div.chart-row", {}, pie(c)) : axes(c));
}
