// Block Kit blocks as elements, drawn as Slack draws them.
//
// `ctx` carries the reader (`me`, `users`, `channels`), what the reader has opened or typed (`ui`, kept across
// redraws) and `press(element, block)`, which sends a pressed button.

import { h, icon } from "./dom.js";
import { markdown, richText, textObject, link, emoji } from "./mrkdwn.js";
import { chart } from "./chart.js";
import { dataTable, plainTable } from "./data.js";

/** All blocks of a message or modal. */
export function blocks(list, ctx) {
  return h("div.blocks", {}, (list ?? []).map((block) => one(block, ctx)));
}

function one(block, ctx) {
  const draw = BLOCKS[block.type];
  let body;
  try {
    body = draw ? draw(block, ctx) : unknown(block);
  } catch (error) {
    body = unknown(block, error);
  }
  const known = draw ? block.type : "unknown";
  return h(`div.block.block-${known}`, { dataset: { blockId: block.block_id ?? "", blockType: block.type ?? "" } }, body);
}

function unknown(block, error) {
  return h("div.muted", {}, error ? `This ${block.type} block cannot be drawn: ${error.message}` : `A block this page does not know: ${block.type}`);
}

const BLOCKS = {
  header: (b) => h(`h${Math.min(4, b.level ?? 2) + 1}.header-text`, {}, emoji(b.text?.text ?? "")),
  divider: () => h("hr"),
  section,
  context: (b, ctx) => b.elements.map((el) => (el.type === "image" ? picture(el, "context-img") : h("span", {}, textObject(el, ctx)))),
  actions: (b, ctx) => b.elements.map((el) => element(el, b, ctx)),
  context_actions: (b, ctx) => b.elements.map((el) => contextAction(el, b, ctx)),
  input,
  image: (b) => h("figure", {}, b.title && h("figcaption", {}, b.title.text), picture(b, "picture")),
  plan,
  task_card: (b, ctx) => h("div.plan", {}, h("ol.tasks", {}, task(b, ctx))),
  alert,
  table: (b, ctx) => plainTable(b, ctx),
  data_table: (b, ctx) => dataTable(b, ctx, (el) => element(el, b, ctx)),
  data_visualization: (b) => chart(b),
  container,
  card,
  carousel: (b, ctx) => h("div.carousel", {}, b.elements.map((el) => card(el, ctx))),
  markdown: (b, ctx) => markdown(b.text, ctx),
  rich_text: (b, ctx) => richText(b, ctx),
};

function picture(el, className) {
  return h(`img.${className}`, { src: el.image_url ?? "", alt: el.alt_text ?? "", loading: "lazy" });
}

function section(b, ctx) {
  return [
    h("div.section-body", {},
      b.text && h("div.section-text", {}, textObject(b.text, ctx)),
      b.fields && h("div.fields", {}, b.fields.map((f) => h("div.field", {}, textObject(f, ctx))))),
    b.accessory && h("div.accessory", {}, b.accessory.type === "image" ? picture(b.accessory, "accessory-img") : element(b.accessory, b, ctx)),
  ];
}

/** An interactive element. */
function element(el, block, ctx) {
  switch (el.type) {
    case "button": return button(el, block, ctx);
    case "static_select": return select(el, block, ctx);
    case "plain_text_input": case "email_text_input": case "url_text_input": case "number_input":
      return textInput(el, ctx);
    case "datepicker": return dateInput(el, ctx);
    case "checkboxes": case "radio_buttons": return choices(el, block, ctx);
    default: return h("span.muted", {}, `(${el.type})`);
  }
}

function button(el, block, ctx) {
  const style = el.style ? `.btn-${el.style === "danger" ? "danger" : "primary"}` : "";
  const label = el.text?.text ?? "";
  const props = {
    type: "button", dataset: { actionId: el.action_id ?? "", value: el.value ?? "" },
    "aria-label": el.accessibility_label,
    onclick: (event) => ctx.press(el, block, event.currentTarget),
  };
  return h(`button.btn${style}`, props, emoji(label), el.confirm && h("span.sr-only", {}, " (asks first)"));
}

function contextAction(el, block, ctx) {
  if (el.type === "feedback_buttons") {
    const face = (item, sign) => h("button.icon-action", {
      type: "button", title: item.text?.text, "aria-label": item.accessibility_label ?? item.text?.text,
      onclick: (event) => ctx.press({ ...el, value: item.value, text: item.text }, block, event.currentTarget),
    }, sign);
    return [face(el.positive_button, "👍"), face(el.negative_button, "👎")];
  }
  return h("button.icon-action", {
    type: "button", title: el.text?.text, onclick: (event) => ctx.press(el, block, event.currentTarget),
  }, el.icon === "trash" ? "🗑️" : "•", " ", el.text?.text ?? "");
}

const keyOf = (el) => `input:${el.action_id}`;

/** Remembers what is typed, so that an edit of the message does not wipe it. */
function keep(ctx, el, state) {
  ctx.ui.set(keyOf(el), { type: el.type, ...state });
}

function kept(ctx, el) {
  return ctx.ui.get(keyOf(el));
}

function textInput(el, ctx) {
  const value = kept(ctx, el)?.value ?? el.initial_value ?? "";
  if (value) keep(ctx, el, { value });
  const props = {
    value, placeholder: el.placeholder?.text ?? "", maxLength: el.max_length ?? 3000,
    dataset: { key: keyOf(el), actionId: el.action_id ?? "" },
    oninput: (event) => keep(ctx, el, { value: event.target.value || null }),
  };
  return el.multiline ? h("textarea.field-input", { ...props, rows: 3 }) : h("input.field-input", { ...props, type: "text" });
}

function dateInput(el, ctx) {
  const value = kept(ctx, el)?.selected_date ?? el.initial_date ?? "";
  if (value) keep(ctx, el, { selected_date: value });
  return h("input.field-input", {
    type: "date", value, dataset: { key: keyOf(el) },
    oninput: (event) => keep(ctx, el, { selected_date: event.target.value || null }),
  });
}

function select(el, block, ctx) {
  const options = el.options ?? (el.option_groups ?? []).flatMap((g) => g.options);
  const chosen = kept(ctx, el)?.selected_option ?? el.initial_option ?? null;
  if (chosen) keep(ctx, el, { selected_option: chosen });
  const box = h("select.field-input", {
    dataset: { key: keyOf(el) },
    onchange: (event) => {
      const option = options[event.target.selectedIndex - 1] ?? null;
      keep(ctx, el, { selected_option: option });
      if (block.type !== "input" && option) ctx.press({ ...el, selected_option: option }, block, event.target);
    },
  }, h("option", { value: "" }, el.placeholder?.text ?? "Choose…"), options.map((o) => h("option", { value: o.value }, o.text.text)));
  box.value = chosen?.value ?? "";
  return box;
}

function choices(el, block, ctx) {
  const many = el.type === "checkboxes";
  const was = kept(ctx, el);
  const initial = many ? (was?.selected_options ?? el.initial_options ?? []) : [was?.selected_option ?? el.initial_option].filter(Boolean);
  const name = `${block.block_id}-${el.action_id}`;
  const box = h("div.choices", {}, el.options.map((o) => h("label.choice", {},
    h("input", { type: many ? "checkbox" : "radio", name, value: o.value, checked: initial.some((c) => c.value === o.value) }),
    h("span", {}, textObject(o.text, ctx), o.description && h("small", {}, textObject(o.description, ctx))))));
  const read = () => {
    const picked = [...box.querySelectorAll("input:checked")].map((i) => el.options.find((o) => o.value === i.value));
    keep(ctx, el, many ? { selected_options: picked } : { selected_option: picked[0] ?? null });
  };
  box.addEventListener("change", read);
  if (initial.length) read();
  return box;
}

function input(b, ctx) {
  const optional = b.optional && h("span.muted", {}, " (optional)");
  return h("label.input", {},
    h("span.input-label", {}, emoji(b.label?.text ?? ""), optional),
    element(b.element, b, ctx),
    h("span.input-error", { dataset: { errorFor: b.block_id ?? "" }, role: "alert" }),
    b.hint && h("span.hint", {}, b.hint.text));
}

const STATUS = { pending: "Waiting", in_progress: "In progress", complete: "Done", error: "Failed" };

function statusMark(status) {
  const known = status in STATUS ? status : "pending";
  const mark = h(`span.mark.mark-${known}`, { role: "img", "aria-label": STATUS[known], title: STATUS[known] });
  // The spinner keeps its phase when the message is redrawn every second.
  if (known === "in_progress") mark.style.animationDelay = `-${Date.now() % 900}ms`;
  if (known === "complete") mark.append(icon("check", 12));
  if (known === "error") mark.append(icon("cross", 12));
  return mark;
}

/** One step. What it left behind folds away once it is done; what moves or failed stays open. */
function task(t, ctx) {
  const status = t.status ?? "pending";
  const more = [
    t.output && h("div.task-output", {}, richText(t.output, ctx)),
    t.sources?.length && h("div.sources", {}, t.sources.map((src) => h("span.source", {}, icon("link", 12), link(src.url, src.text)))),
  ].filter(Boolean);
  const title = !t.hide_title && h("div.task-title", {}, t.title ?? "", more.length > 0 && h("span.fold", {}, icon("chevron", 12)));
  const details = t.details && h("div.task-details", {}, richText(t.details, ctx));
  const key = `task:${t.task_id}:${status}`;
  const open = ctx.ui.get(key) ?? (status === "in_progress" || status === "error");
  const body = more.length
    ? h("details.task-body", { open, ontoggle: (event) => ctx.ui.set(key, event.target.open) }, h("summary", {}, title, details), more)
    : h("div.task-body", {}, title, details);
  return h(`li.task.task-${status}`, { dataset: { taskId: t.task_id ?? "", status } }, statusMark(status), body);
}

function overall(tasks) {
  const is = (status) => tasks.some((t) => t.status === status);
  if (is("error")) return "error";
  if (is("in_progress")) return "in_progress";
  if (tasks.length && tasks.every((t) => t.status === "complete")) return "complete";
  return is("complete") ? "in_progress" : "pending";
}

function plan(b, ctx) {
  const tasks = b.tasks ?? [];
  const done = tasks.filter((t) => t.status === "complete").length;
  // What is over folds: it is one stop of the Tab key and not forty.
  const state = overall(tasks);
  const key = `plan-open:${state}`;
  const open = ctx.ui.get(key) ?? state !== "complete";
  const body = h("details.plan", { open, ontoggle: (event) => ctx.ui.set(key, event.target.open) },
    h("summary.plan-head", {}, statusMark(state), h("span.plan-title", {}, b.title ?? ""),
      tasks.length > 0 && h("span.plan-count", {}, `${done} of ${tasks.length}`), h("span.fold", {}, icon("chevron", 14))),
    h("ol.tasks", {}, tasks.map((t) => task(t, ctx))));
  return body;
}

function alert(b, ctx) {
  const level = ["info", "success", "warning", "error"].includes(b.level) ? b.level : "default";
  const sign = { success: "check", warning: "warn", error: "warn" }[level] ?? "info";
  return h(`div.alert.alert-${level}`, { role: level === "error" ? "alert" : "note" }, icon(sign, 18), h("div", {}, textObject(b.text, ctx)));
}

function container(b, ctx) {
  const title = b.rich_text_title ? richText(b.rich_text_title, ctx) : emoji(b.title?.text ?? "");
  const subtitle = b.subtitle && h("span.container-sub", {}, textObject(b.subtitle, ctx));
  const children = h("div.container-body", {}, blocks(b.child_blocks, ctx));
  if (!b.is_collapsible) return h("div.container", {}, h("div.container-head", {}, h("span.container-title", {}, title), subtitle), children);
  const key = `container:${b.title?.text ?? b.block_id}`;
  const open = ctx.ui.has(key) ? ctx.ui.get(key) : !b.default_collapsed;
  return h("details.container", { open, ontoggle: (event) => ctx.ui.set(key, event.target.open) },
    h("summary.container-head", {}, h("span.fold", {}, icon("chevron", 14)), h("span.container-title", {}, title), subtitle), children);
}

function card(b, ctx) {
  return h("div.card", {},
    b.hero_image && picture(b.hero_image, "card-hero"),
    h("div.card-head", {}, b.icon && picture(b.icon, "card-icon"), h("div", {},
      b.title && h("div.card-title", {}, textObject(b.title, ctx)),
      b.subtitle && h("div.card-sub", {}, textObject(b.subtitle, ctx)))),
    b.body && h("div.card-body", {}, textObject(b.body, ctx)),
    b.actions && h("div.card-actions", {}, b.actions.map((el) => element(el, b, ctx))));
}

/** What the inputs of a message or modal hold, in Slack's `state.values` shape. */
export function stateValues(list, ui) {
  const values = {};
  for (const block of list ?? []) {
    const elements = [block.element, block.accessory, ...(block.elements ?? [])];
    for (const el of elements) {
      if (!el?.action_id || ["button", "image", "overflow"].includes(el.type)) continue;
      const state = ui.get(keyOf(el)) ?? empty(el);
      (values[block.block_id] ??= {})[el.action_id] = state;
    }
  }
  return values;
}

function empty(el) {
  const field = { datepicker: "selected_date", static_select: "selected_option", radio_buttons: "selected_option" }[el.type] ?? "value";
  return el.type === "checkboxes" ? { type: el.type, selected_options: [] } : { type: el.type, [field]: null };
}
