// The box people type into, with completion of the product's commands.

import { h, icon } from "./dom.js";

const SHOWN = 8;

/** The words of a usage line that are typed as they stand, before the first argument. */
function literal(usage) {
  const words = usage.split(/\s+/);
  const end = words.findIndex((w) => /^[<[(]|^--|…|\|/.test(w));
  return (end < 0 ? words : words.slice(0, end)).join(" ");
}

/** How well a command fits what is typed: null, or how many of its words match. */
function fit(command, typed) {
  const want = literal(command.usage).toLowerCase().split(" ");
  const have = typed.toLowerCase().trimStart().split(/\s+/);
  const open = typed.endsWith(" ") ? null : have.pop();
  const done = have.filter(Boolean);
  const fixed = done.slice(0, want.length);
  if (!fixed.every((word, i) => word === want[i])) return null;
  if (open && done.length < want.length && !want[done.length].startsWith(open)) return null;
  return fixed.length;
}

/** Creates a composer. `send(text)` resolves to whether it was taken; a `plain` one offers no commands. */
export function composer({ placeholder, commands = () => [], send, label, plain = false }) {
  let shown = [];
  let at = -1;
  const past = [];
  let back = 0;

  const box = h("textarea.composer-input", { rows: 1, placeholder, "aria-label": label, autocomplete: "off", enterKeyHint: "send" });
  box.spellcheck = false;
  const listId = `complete-${Math.random().toString(36).slice(2)}`;
  const list = h("ul.complete", { id: listId, role: "listbox", hidden: true });
  const go = h("button.send", { type: "button", "aria-label": "Send", disabled: true, onclick: () => submit() }, icon("send", 16));
  const slash = h("button.composer-slash", { type: "button", title: "Commands", "aria-label": "Commands", onclick: () => fill("/bbws ") }, icon("slash", 16));
  const el = h("div.composer-box", {}, list, box, h("div.composer-bar", {}, plain ? null : slash, h("span.composer-hint", {}), go));
  const hint = el.querySelector(".composer-hint");

  function fill(text) {
    box.value = text;
    box.focus();
    box.setSelectionRange(text.length, text.length);
    changed();
  }

  function choose(i) {
    const command = shown[i];
    if (command) fill(`${literal(command.usage)} `);
  }

  function draw() {
    list.hidden = shown.length === 0;
    list.replaceChildren(...shown.map((c, i) => {
      const fixed = literal(c.usage);
      return h(`li.complete-item${i === at ? ".on" : ""}`, {
        role: "option", id: `${listId}-${i}`, "aria-selected": String(i === at), onmousedown: (event) => { event.preventDefault(); choose(i); },
      }, h("span.complete-usage", {}, h("b", {}, fixed), h("span.complete-args", {}, c.usage.slice(fixed.length))), h("span.complete-about", {}, c.about));
    }));
    if (at >= 0) box.setAttribute("aria-activedescendant", `${listId}-${at}`);
    else box.removeAttribute("aria-activedescendant");
    hint.textContent = shown.length ? "Tab to complete · ↑↓ to choose" : box.value.startsWith("/") ? "Enter to send" : "";
  }

  function changed() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 180)}px`;
    go.disabled = !box.value.trim();
    const typed = box.value;
    const slashed = typed.startsWith("/") && !typed.includes("\n");
    const fits = slashed ? commands().map((c) => [fit(c, typed), c]).filter(([n]) => n !== null) : [];
    fits.sort((a, b) => b[0] - a[0]);
    const best = fits[0]?.[0] ?? 0;
    shown = fits.filter(([n]) => n === best).map(([, c]) => c).slice(0, SHOWN);
    at = -1;
    draw();
  }

  async function submit() {
    const text = box.value.trim();
    if (!text) return;
    past.push(text);
    back = past.length;
    box.value = "";
    changed();
    if (!(await send(text)) && !box.value) fill(text);
  }

  function recall(step) {
    back = Math.max(0, Math.min(past.length, back + step));
    fill(past[back] ?? "");
    shown = [];
    draw();
  }

  box.addEventListener("input", changed);
  box.addEventListener("blur", () => { shown = []; draw(); });
  box.addEventListener("focus", changed);
  box.addEventListener("keydown", (event) => {
    const arrow = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (arrow && shown.length) {
      at = (at + arrow + shown.length + (at < 0 && arrow < 0 ? 1 : 0)) % shown.length;
      draw();
    } else if (arrow && (box.value === "" || past.includes(box.value))) recall(arrow);
    else if (event.key === "Tab" && shown.length && !event.shiftKey) choose(Math.max(0, at));
    else if (event.key === "Escape" && shown.length) { shown = []; draw(); }
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) at >= 0 ? choose(at) : submit();
    else return;
    event.preventDefault();
  });

  return { el, fill, focus: () => box.focus(), placeholder: (text) => { box.placeholder = text; } };
}
