// The drawer that shows the simulated AWS and lets one hurt it, and Slack too.

import { ask, h, icon, toast } from "./dom.js";
import { platform } from "./sides.js";

const SPEEDS = [0, 1, 10, 60, 600];
const HOUR = 3600;
const SLACK_METHODS = ["chat.postMessage", "chat.update", "chat.postEphemeral", "users.info", "conversations.history", "views.open", "*"];
const SLACK_FAULTS = [
  ["lost_reply", "the reply is lost after the change"], ["rate_limited:5", "429, come back in 5 s"],
  ["rate_limited:30", "429, come back in 30 s"], ["down", "503"], ["invalid_blocks", "invalid_blocks"],
  ["internal_error", "internal_error"],
];
const EVERY_MS = 1000;
const TONES = [
  ["bad", /fail|error|abort|delet|down|denied|incompatible/i], ["busy", /creat|running|copy|pending|progress|start/i],
  ["good", /avail|complete|active|enabled|ok|ready/i],
];

function resource(r) {
  const tone = TONES.find(([, words]) => words.test(r.status ?? ""))?.[0] ?? "plain";
  const busy = typeof r.percent === "number" && r.percent < 100 && tone !== "bad";
  return h("li.resource", { dataset: { id: r.id } },
    h("div.resource-top", {}, h("span.resource-kind", {}, r.kind), h(`span.chip.chip-${tone}`, {}, busy ? `${r.status} ${Math.floor(r.percent)} %` : r.status)),
    h("div.resource-id", {}, r.id),
    busy && h("progress", { value: r.percent, max: 100, "aria-label": `${r.id} ${Math.floor(r.percent)} percent` }),
    r.detail && h("div.muted.resource-detail", {}, r.detail));
}

/** A table of a tenant's: how many rows it has, whether they hold what they should, and the sum over them. */
function tenantTable(t) {
  const [tone, state] = t.rows === null ? ["bad", "gone"] : t.rows === 0 ? ["bad", "empty"] : t.corrupted > 0 ? ["bad", `${t.corrupted} corrupted`] : ["good", "whole"];
  const rows = t.rows === null ? "no such table" : `${t.rows} ${t.rows === 1 ? "row" : "rows"}${t.newest ? `, newest ${t.newest}` : ""}`;
  return h("li.resource", { dataset: { table: t.table, environment: t.environment, rows: t.rows ?? "" } },
    h("div.resource-top", {}, h("span.resource-kind", {}, `${t.environment} · ${t.database}`), h(`span.chip.chip-${tone}`, {}, state)),
    h("div.resource-id", {}, t.table),
    h("div.muted.resource-detail", {}, rows, t.sum && h("span.table-sum", { title: "Sum over all rows" }, ` · sum ${t.sum.slice(0, 8)}`)));
}

/** Fills the drawer; `fill` types a command, `start` and `stop` follow whether it is open. */
export function awsDrawer(root, close, fill) {
  let timer = null;
  const drawn = new WeakMap();
  /** Draws a part again where it has changed, and leaves the focus where it was. */
  const redraw = (part, value, make) => {
    const text = JSON.stringify(value);
    if (drawn.get(part) === text) return;
    drawn.set(part, text);
    const stops = () => [...part.querySelectorAll("button, summary")];
    const focused = stops().indexOf(document.activeElement);
    part.replaceChildren(...make(value));
    if (focused >= 0) stops()[focused]?.focus({ preventScroll: true });
  };
  const control = async (body) => {
    try {
      await ask("/sandbox/aws/control", body);
      await refresh();
    } catch (error) {
      toast(error.message);
    }
  };
  const now = h("span.aws-now", {}, "–");
  const counts = h("span.muted", {});
  const address = h("div.muted.aws-address", { hidden: true });
  const speeds = h("div.segments", { role: "group", "aria-label": "Clock speed" });
  const regions = h("div.regions", {});
  const dead = h("p.side-dark", { role: "status", hidden: true }, "bbws is dead. It starts again in a few seconds and goes on from its ledger.");
  const platforms = h("div.platforms", {});
  const faults = h("div.faults", {});
  const tables = h("ul.resources.tables", {});
  const note = h("p.muted.aws-note", { hidden: true });
  const parts = [
    h("section", {}, h("div.aws-row", {}, now, counts), address, h("div.aws-label", {}, "Clock of everything"), speeds, dead),
    platforms,
    h("section", {}, h("h3", {}, "Make something go wrong"), faults),
    h("section", {}, h("h3", {}, "Tenants’ tables"), tables),
    regions,
  ];

  function draw(state) {
    now.textContent = String(state.now ?? "").replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
    counts.textContent = `${state.calls ?? 0} calls, ${state.mutations ?? 0} changes`;
    redraw(speeds, state.speed, (current) => [
      ...[...new Set([...SPEEDS, current])].sort((a, b) => a - b).map((speed) => h("button.segment", {
        type: "button", "aria-pressed": String(speed === current), onclick: () => control({ speed }),
      }, speed === 0 ? "pause" : `${speed}×`)),
      h("button.segment", { type: "button", title: "Put the clock forward", onclick: () => control({ advance: HOUR }) }, "+1 h")]);
    dead.hidden = !state.dead;
    address.hidden = !state.address;
    address.textContent = state.address ? `Any SDK reaches it: --endpoint-url=http://${state.address}` : "";
    redraw(platforms, state.platforms ?? [], (all) => all.map((p) => platform(p, control, fill)));
    redraw(faults, state.faults ?? [], (all) => all.map((f) => h("button.btn.btn-small", { type: "button", dataset: { fault: f.id }, onclick: () => control({ fault: f.id }) }, f.label)));
    redraw(tables, state.tables ?? [], (all) => all.map(tenantTable));
    redraw(regions, state.regions ?? [], (all) => {
      const folded = new Set([...regions.querySelectorAll("details:not([open])")].map((d) => d.dataset.region));
      return all.map((region) => h("div.region", { dataset: { region: region.name } },
        h("details", { open: !folded.has(region.name), dataset: { region: region.name } },
          h("summary", {}, h("span.fold", {}, icon("chevron", 14)), h("b", {}, region.name), h("span.muted", {}, `${region.resources?.length ?? 0}`)),
          region.resources?.length
            ? h("ul.resources", {}, region.resources.map(resource))
            : h("p.muted.empty", {}, "Nothing here yet.")),
        // Beside the summary and not in it: a button in a button is neither to a screen reader.
        h(`button.switch${region.down ? ".off" : ""}`, {
          type: "button", "aria-pressed": String(!region.down), title: region.down ? "Bring the region back" : "Take the region down",
          "aria-label": `${region.name} is ${region.down ? "down: bring it back" : "up: take it down"}`,
          onclick: () => control({ region: region.name, down: !region.down }),
        }, region.down ? "down" : "up")));
    });
  }

  async function refresh() {
    try {
      const state = await ask("/sandbox/aws/state");
      note.hidden = true;
      parts.forEach((part) => { part.hidden = false; });
      // A finger on a button does not lose it.
      if (!root.querySelector(":active")) draw(state);
    } catch (error) {
      note.hidden = false;
      note.textContent = error.status === 404 ? "No simulated AWS is attached to this server." : error.message;
      parts.forEach((part) => { part.hidden = true; });
    }
  }

  const method = h("select.field-input", { "aria-label": "Slack method" }, SLACK_METHODS.map((m) => h("option", { value: m }, m === "*" ? "any method" : m)));
  const fault = h("select.field-input", { "aria-label": "Slack fault" }, SLACK_FAULTS.map(([value, text]) => h("option", { value }, text)));
  const strike = async () => {
    try {
      await ask("/sandbox/page/fault", { method: method.value, fault: fault.value });
      toast(`The next ${method.value === "*" ? "call" : method.value} will meet it: ${fault.selectedOptions[0].textContent}.`);
    } catch (error) {
      toast(error.message);
    }
  };
  const again = h("button.btn.btn-small", { type: "button", dataset: { reset: "ask" } }, "Reset the demo");
  again.addEventListener("click", () => {
    if (again.dataset.reset === "ask") {
      again.dataset.reset = "sure";
      again.textContent = "All of it is lost: reset";
      return;
    }
    again.dataset.reset = "ask";
    again.textContent = "Reset the demo";
    ask("/sandbox/aws/reset", {}).then(() => toast("The demo begins again.")).catch((error) => toast(error.message));
  });
  let isDown = false;
  const power = h("button.switch", { type: "button", onclick: () => ask("/sandbox/page/fault", { down: !isDown }).catch((error) => toast(error.message)) }, "up");
  const slackDown = (down) => {
    isDown = down;
    power.textContent = down ? "down" : "up";
    power.classList.toggle("off", down);
    power.setAttribute("aria-pressed", String(!down));
  };

  root.replaceChildren(
    h("header.pane-head", {}, h("div", {}, h("b", {}, "Simulated AWS"), h("span.muted", {}, " nothing here is real")),
      h("button.icon-btn", { type: "button", "aria-label": "Close the drawer", onclick: close }, icon("close"))),
    h("div.aws-body", {}, note, parts,
      h("section", {}, h("div.aws-row", {}, h("h3", {}, "Slack’s Web API"), power),
        h("div.slack-fault", {}, method, fault, h("button.btn.btn-small", { type: "button", onclick: strike }, "Break the next one"))),
      h("section", {}, h("h3", {}, "Begin again"), h("p.muted", {}, "Slack, AWS, the ledger and the clock as they were at the start."), again)));

  return {
    slackDown,
    start() {
      refresh();
      timer ??= setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
    },
    stop() {
      clearInterval(timer);
      timer = null;
    },
  };
}
