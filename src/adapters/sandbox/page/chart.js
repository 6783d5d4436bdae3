// The `data_visualization` block: lines, bars, areas and pies, drawn for the width there is.

import { h, s } from "./dom.js";

const HEIGHT = 220, TOP = 10, BOTTOM = 26, RIGHT = 12, FIRST_WIDTH = 560;
/** About how wide a character of an axis label is. */
const CHAR = 6.4;

const color = (i) => `var(--c${i % 12})`;
/** From the seventh line on, colours repeat in kind; a dash tells them apart. */
const dash = (i) => (i < 6 ? "none" : i < 9 ? "7 4" : "2 4");
const known = (value) => typeof value === "number" && Number.isFinite(value);
const label = (x, y, text, anchor = "middle") => s("text", { x, y, "text-anchor": anchor, class: "chart-text" }, text);

function short(n) {
  const [by, unit] = [[1e9, "G"], [1e6, "M"], [1e4, "k"]].find(([at]) => Math.abs(n) >= at) ?? [1, ""];
  const scaled = n / (unit === "k" ? 1e3 : by);
  return `${Math.round(scaled * 100) / 100}${unit}`;
}

const exact = (n) => (known(n) ? n.toLocaleString("en") : "unknown");

/** Round numbers that span the values, about four steps. */
function ticks(values) {
  const max = Math.max(0, ...values), min = Math.min(0, ...values);
  const rough = (max - min || 1) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const whole = values.every(Number.isInteger);
  const step = [1, 2, 5, 10].map((m) => m * unit).find((st) => st >= rough && (!whole || st >= 1)) ?? 1;
  const out = [];
  for (let v = Math.floor(min / step) * step; out.length < 8; v += step) {
    out.push(Math.round(v * 1e6) / 1e6);
    if (v >= max && out.length > 1) break;
  }
  return out;
}

function pie(c) {
  const total = c.segments.reduce((sum, seg) => sum + seg.value, 0) || 1;
  const share = (seg) => `${seg.label}: ${exact(seg.value)} (${Math.round((seg.value / total) * 100)} %)`;
  const svg = s("svg", { viewBox: "0 0 220 220", class: "chart-pie", role: "img", "aria-label": c.segments.map(share).join(", ") });
  let from = -Math.PI / 2;
  c.segments.forEach((seg, i) => {
    const to = from + (seg.value / total) * Math.PI * 2 * 0.99999;
    const at = (angle, r) => `${110 + r * Math.cos(angle)} ${110 + r * Math.sin(angle)}`;
    const big = to - from > Math.PI ? 1 : 0;
    const d = `M${at(from, 100)}A100 100 0 ${big} 1 ${at(to, 100)}L${at(to, 58)}A58 58 0 ${big} 0 ${at(from, 58)}Z`;
    svg.append(s("path", { d, fill: color(i) }, s("title", {}, share(seg))));
    from = to;
  });
  const names = c.segments.map((seg) => `${seg.label} · ${Math.round((seg.value / total) * 100)} %`);
  return h("div.chart-row", {}, svg, legend(names, false));
}

function legend(names, lines) {
  const key = (i) => (lines
    ? s("svg", { width: 22, height: 10, class: "key", "aria-hidden": "true" },
      s("line", { x1: 1, x2: 21, y1: 5, y2: 5, stroke: color(i), "stroke-dasharray": dash(i), class: "chart-line" }))
    : h("span.swatch", { style: { background: color(i) } }));
  return h("ul.legend", { "aria-hidden": "true" }, names.map((name, i) => h("li", {}, key(i), h("span", {}, name))));
}

/** The stretches of a series without a gap, as lists of points. */
function stretches(data, x, y) {
  const out = [];
  let open = null;
  data.forEach((p, k) => {
    if (!known(p?.value)) { open = null; return; }
    if (!open) out.push(open = []);
    open.push([x(k), y(p.value)]);
  });
  return out;
}

function bars(c, series, i, x, y, room) {
  const step = room / c.axis_config.categories.length;
  const width = Math.max(2, (step * 0.7) / c.series.length);
  return series.data.filter((p) => known(p.value)).map((p) => {
    const k = c.axis_config.categories.indexOf(p.label);
    const attrs = {
      x: x(k) - step * 0.35 + i * width, y: Math.min(y(p.value), y(0)), width: Math.max(1, width - 1),
      height: Math.max(1, Math.abs(y(0) - y(p.value))), rx: 2, fill: color(i),
    };
    return s("rect", attrs, s("title", {}, `${series.name}, ${p.label}: ${exact(p.value)}`));
  });
}

function line(c, series, i, x, y) {
  const out = stretches(series.data, x, y).flatMap((points) => {
    const path = `M${points.map((p) => p.join(" ")).join("L")}`;
    const area = `${path}L${points.at(-1)[0]} ${y(0)}L${points[0][0]} ${y(0)}Z`;
    return [
      c.type === "area" && s("path", { d: area, fill: color(i), opacity: 0.18 }),
      s("path", { d: path, stroke: color(i), "stroke-dasharray": dash(i), class: "chart-line" }),
    ].filter(Boolean);
  });
  const dot = (p, k) => s("g", { class: "chart-mark" },
    s("circle", { cx: x(k), cy: y(p.value), r: 3, fill: color(i), class: "chart-dot" }),
    s("circle", { cx: x(k), cy: y(p.value), r: 12, class: "chart-hit" }),
    s("title", {}, `${series.name}, ${p.label}: ${exact(p.value)}`));
  return [...out, ...series.data.flatMap((p, k) => (known(p?.value) ? [dot(p, k)] : []))];
}

function plot(c, width, about) {
  const names = c.axis_config.categories;
  const marks = ticks(c.series.flatMap((one) => one.data.map((p) => p.value)).filter(known));
  const [low, high] = [marks[0], marks.at(-1)];
  const left = Math.max(...marks.map((v) => short(v).length)) * CHAR + 10;
  const room = Math.max(40, width - left - RIGHT);
  const floor = HEIGHT - BOTTOM;
  const x = (k) => left + (room / names.length) * (k + 0.5);
  const y = (v) => floor - ((v - low) / (high - low || 1)) * (floor - TOP);
  const svg = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, class: "chart-axes", role: "img", "aria-label": about });
  for (const v of marks) {
    svg.append(s("line", { x1: left, x2: width - RIGHT, y1: y(v), y2: y(v), class: v === 0 ? "chart-base" : "chart-grid" }),
      label(left - 6, y(v) + 4, short(v), "end"));
  }
  // As many labels as fit, the last one always.
  const longest = Math.max(...names.map((name) => name.length)) * CHAR + 12;
  const every = Math.ceil((longest * names.length) / room);
  names.forEach((name, k) => {
    if ((names.length - 1 - k) % every) return;
    const half = (name.length * CHAR) / 2;
    svg.append(label(Math.max(half, Math.min(x(k), width - half - 2)), HEIGHT - 8, name));
  });
  c.series.forEach((series, i) => svg.append(...(c.type === "bar" ? bars(c, series, i, x, y, room) : line(c, series, i, x, y))));
  return svg;
}

/** What the drawing shows, for those who cannot see it. */
function told(title, c) {
  const unit = c.axis_config.y_label ? `, ${c.axis_config.y_label}` : "";
  const lines = c.series.map((one) => {
    const values = one.data.map((p) => p.value).filter(known);
    if (!values.length) return `${one.name}: unknown`;
    return `${one.name}: from ${exact(values[0])} to ${exact(values.at(-1))}, lowest ${exact(Math.min(...values))}, highest ${exact(Math.max(...values))}`;
  });
  return `${{ bar: "Bar", area: "Area" }[c.type] ?? "Line"} chart: ${title}${unit}. ${lines.join(". ")}.`;
}

/** Every value, for screen readers. */
function values(title, c) {
  const row = (name, k) => h("tr", {}, h("th", { scope: "row" }, name), c.series.map((one) => h("td", {}, exact(one.data[k]?.value))));
  return h("div.sr-only", {}, h("table", {}, h("caption", {}, title),
    h("thead", {}, h("tr", {}, h("td"), c.series.map((one) => h("th", { scope: "col" }, one.name)))),
    h("tbody", {}, c.axis_config.categories.map(row))));
}

function axes(title, c) {
  const about = told(title, c);
  const box = h("div.chart-plot", {}, plot(c, FIRST_WIDTH, about));
  let drawn = FIRST_WIDTH;
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width < 60 || width === drawn) return;
    drawn = width;
    box.replaceChildren(plot(c, width, about));
  }).observe(box);
  const caption = [c.axis_config.y_label, c.axis_config.x_label].filter(Boolean).join(" by ");
  const names = c.series.map((one) => one.name);
  return [
    caption && h("div.muted.chart-caption", {}, caption), box, values(title, c),
    legend(names, c.type !== "bar"),
  ];
}

/** The block. */
export function chart(b) {
  const c = b.chart ?? {};
  const title = b.title ?? "";
  return h("figure.chart", {}, h("figcaption.chart-title", {}, title), c.type === "pie" ? pie(c) : axes(title, c));
}
