// Two regions side by side: where customers go, which database is written, what only one side has, and what comes next.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en-GB");

/** Seconds for people. */
function lasts(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return [hours && `${hours} h`, (minutes || !hours) && `${minutes} min`].filter(Boolean).join(" ");
}

function side(s, control) {
  const tone = s.down ? "bad" : s.role === "can be written" ? "good" : s.role === "replicates" ? "busy" : "plain";
  return h(`div.side${s.down ? ".side-down" : ""}`, { dataset: { side: s.region, traffic: s.traffic, newest: s.newest, role: s.role } },
    h("div.resource-top", {}, h("b", {}, s.region), h(`span.chip.chip-${tone}`, {}, s.down ? "lost" : s.role)),
    h("div.side-newest", {}, h("span.muted", {}, "newest order "), whole.format(s.newest)),
    h("div.muted.resource-detail", {}, s.database, h("br"), `${s.tasks} ${s.tasks === 1 ? "task runs" : "tasks run"}`, s.weight !== null && `, weight ${s.weight}`),
    h("progress", { value: s.traffic, max: 100, "aria-label": `${s.traffic} percent of customers reach ${s.region}` }),
    h("div.muted.resource-detail", {}, `${s.traffic} % of customers`),
    h("button.btn.btn-small", { type: "button", onclick: () => control({ region: s.region, down: !s.down }) }, s.down ? `Bring ${s.region} back` : `Lose ${s.region}`));
}

function next(n, control, fill) {
  if (n.command) return h("button.btn.btn-small.next-step", { type: "button", onclick: () => fill(n.command) }, n.label, h("code", {}, n.command));
  if (n.region) return h("button.btn.btn-small.next-step", { type: "button", onclick: () => control({ region: n.region[0], down: n.region[1] }) }, n.label);
  return h("p", {}, n.label);
}

/** What can happen to the platform besides the loss of a region, and to bbws in the middle of it. */
const ACCIDENTS = [["delete_rows", "DELETE without WHERE"], ["corrupt_rows", "Corrupt"], ["kill", "bbws dies too"], ["heal", "Heal everything"]];

/** How far the copies are, and where customers are still led. */
function between(p) {
  const parts = [];
  if (p.behind !== null) parts.push(`The replica is ${p.behind} s behind; the RPO is ${lasts(p.rpo)}.`);
  if (p.draining !== null) parts.push(`Resolvers hold old answers for another ${p.draining} s.`);
  return parts.length > 0 && h("p.muted.side-between", { dataset: { behind: p.behind ?? "", draining: p.draining ?? "" } }, parts.join(" "));
}

/** Time or data that goes by against what is promised. */
function watch(name, promise, seconds, of, what) {
  const over = seconds > of;
  return h(`div.stopwatch${over ? ".over" : ""}`, { dataset: { stopwatch: name, seconds } },
    h("b", {}, name), h("span.stopwatch-time", {}, clock(seconds)), h("span.muted", {}, `of ${lasts(of)}, ${what}`),
    h("progress", { value: Math.min(seconds, of), max: of, "aria-label": `${promise}: ${lasts(seconds)} of ${lasts(of)}` }));
}

function clock(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}

/** The stopwatches of an incident: since when nobody is served, and how much only the side that was lost has. */
function stopwatches(p) {
  if (p.dark === null && !p.lost) return false;
  return h("div.stopwatches", { role: "group", "aria-label": "Stopwatches" },
    p.dark !== null && watch("RTO", "Time without service", p.dark, p.rto, "while nobody is served"),
    watch("RPO", "Data that only one side has", p.lost, p.rpo, "of orders in one region alone"));
}

/** A platform; `control` moves the simulated AWS, `fill` types a command. */
export function platform(p, control, fill) {
  return h("section", { dataset: { platform: p.environment, dark: p.dark ?? "" } },
    h("h3", {}, `${p.environment} in two regions`),
    h("div.sides", {}, p.sides.map((s) => side(s, control))),
    between(p),
    stopwatches(p),
    h("p.side-orders", {}, p.orders),
    p.dark !== null
      ? h("p.side-dark", { role: "status" }, `Nobody is served, for ${lasts(p.dark)} by now; the RTO is ${lasts(p.rto)}. ${whole.format(p.turned_away)} customers turned away.`)
      : p.turned_away > 0 && h("p.muted", {}, `${whole.format(p.turned_away)} customers were turned away so far.`),
    h("div.aws-label", {}, "What comes next"), next(p.next, control, fill),
    p.environment === "prod" && h("div.aws-label", {}, "What else can happen"),
    p.environment === "prod" && h("div.faults", {}, ACCIDENTS.map(([fault, label]) => h("button.btn.btn-small", { type: "button", dataset: { accident: fault }, onclick: () => control({ fault }) }, label))));
}
