// The workspace as one person sees it: channels, messages, threads, dialogs; kept up to date by a stream of changes.

import { ask, avatar, h, icon, toast } from "./dom.js";
import { mrkdwn, textObject } from "./mrkdwn.js";
import { blocks, stateValues } from "./blocks.js";
import { composer } from "./composer.js";
import { awsDrawer } from "./aws.js";

const $ = (id) => document.getElementById(id);
const store = {
  me: null, users: new Map(), groups: {}, channels: new Map(), messages: new Map(), bot: null, command: "/bbws",
  channel: null, thread: null, home: null, atHome: false, ui: new Map(), unread: new Set(), commands: [], stream: null,
};
const GROUP_SECONDS = 300;

// ---- acting -------------------------------------------------------------------------------------------------

const seconds = (ts) => Number(ts.split(".")[0]);
const keyOf = (m) => `${m.channel}:${m.ts}`;

function uiOf(key) {
  if (!store.ui.has(key)) store.ui.set(key, new Map());
  return store.ui.get(key);
}

function context(message) {
  return {
    me: store.me, users: store.users, groups: store.groups, channels: store.channels, ui: uiOf(keyOf(message)),
    press: (element, block, target) => press(message, element, block, target),
  };
}

async function press(message, element, block, target) {
  const place = { channel: message.channel, ts: message.ts };
  await pressed(place, element, block, target, stateValues(message.blocks, uiOf(keyOf(message))));
}

/** A button was pressed that stands at this place: in a message, or in a view. */
async function pressed(place, element, block, target, state) {
  if (element.url) window.open(element.url, "_blank", "noopener");
  if (element.confirm && !(await confirmed(element.confirm))) return;
  // The message may have been redrawn while the question stood open; the screen's present button shows the work.
  const live = document.contains(target) ? target : null;
  live?.classList.add("busy");
  try {
    await ask("/sandbox/page/click", {
      user: store.me, ...place, block_id: block.block_id ?? "", action_id: element.action_id ?? "", value: element.value ?? null, state,
    });
  } catch (error) {
    toast(error.message);
  } finally {
    live?.classList.remove("busy");
  }
}

function confirmed(confirm) {
  const ctx = { me: store.me, users: store.users, groups: store.groups, channels: store.channels };
  const style = confirm.style === "danger" ? ".btn-danger" : ".btn-primary";
  return new Promise((resolve) => {
    const box = h("dialog.dialog.confirm", {
      "aria-labelledby": "confirm-title",
      onclose: () => { box.remove(); resolve(box.returnValue === "yes"); },
    },
    h("h2", { id: "confirm-title" }, textObject(confirm.title, ctx)),
    h("div.dialog-body", {}, textObject(confirm.text, ctx)),
    h("div.dialog-actions", {},
      h("button.btn", { type: "button", onclick: () => box.close("no") }, textObject(confirm.deny, ctx)),
      h(`button.btn${style}`, { type: "button", dataset: { confirm: "yes" }, onclick: () => box.close("yes") }, textObject(confirm.confirm, ctx))));
    document.body.append(box);
    box.showModal();
  });
}

async function send(text, threadTs) {
  const body = { user: store.me, channel: store.channel, text };
  if (threadTs) body.thread_ts = threadTs;
  try {
    await ask("/sandbox/page/command", body);
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

// ---- messages -----------------------------------------------------------------------------------------------

const clock = (ts) => new Date(seconds(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

function dayName(ts) {
  const at = new Date(seconds(ts) * 1000);
  const today = new Date();
  const days = Math.round((new Date(today.toDateString()) - new Date(at.toDateString())) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return at.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

function inChannel(channel) {
  const all = [...(store.messages.get(channel)?.values() ?? [])];
  return all.sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

const isTop = (m) => !m.thread_ts || m.thread_ts === m.ts;
const repliesTo = (m) => inChannel(m.channel).filter((r) => r.thread_ts === m.ts && r.ts !== m.ts);

function grouped(m, before) {
  return before && before.user === m.user && !before.ephemeral && !m.ephemeral
    && seconds(m.ts) - seconds(before.ts) < GROUP_SECONDS && dayName(m.ts) === dayName(before.ts)
    && repliesTo(before).length === 0;
}

function threadFooter(m) {
  const replies = repliesTo(m);
  if (!replies.length) return null;
  const faces = [...new Set(replies.map((r) => r.user))].slice(0, 4);
  const word = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  return h("button.thread-link", { type: "button", onclick: () => openThread(m.ts) },
    faces.map((id) => avatar(store.users.get(id), 22)), h("b", {}, word),
    h("span.muted", {}, `Last reply ${dayName(replies.at(-1).ts).toLowerCase()} at ${clock(replies.at(-1).ts)}`));
}

function messageBody(m) {
  const ctx = context(m);
  if (m.blocks?.length) return blocks(m.blocks, ctx);
  return h("div.text", {}, mrkdwn(m.text, ctx));
}

function messageEl(m, before, inThread) {
  const user = store.users.get(m.user);
  const short = grouped(m, before) && !inThread;
  const name = user?.real_name ?? m.user;
  const when = h("time.when", { title: new Date(seconds(m.ts) * 1000).toLocaleString() }, clock(m.ts));
  const el = h(`article.message${short ? ".short" : ""}${m.ephemeral ? ".ephemeral" : ""}`, { dataset: { ts: m.ts, user: m.user }, "aria-label": `${name}, ${clock(m.ts)}` },
    m.ephemeral && h("div.only-you", {}, icon("eye", 14), "Only visible to you"),
    h("div.gutter", {}, short ? when : avatar(user, 36)),
    h("div.content", {},
      !short && h("div.byline", {}, h("b.author", {}, name), user?.is_bot && h("span.badge", {}, "APP"), when),
      messageBody(m), m.edited && !m.blocks?.length && h("span.muted", {}, " (edited)"), reactions(m),
      m.ephemeral && h("button.dismiss", { type: "button", onclick: () => dismiss(m) }, "Dismiss message"),
      !inThread && !m.ephemeral && threadFooter(m)),
    !m.ephemeral && h("div.hover-actions", { role: "toolbar", "aria-label": "Message actions", onkeydown: walk }, deeds(m, inThread)));
  return el;
}

/** What can be done to a message besides pressing what is on it. */
function deeds(m, inThread) {
  const one = (label, face, onclick) => h("button.hover-action", { type: "button", title: label, "aria-label": label, onclick }, face);
  const act = (deed) => ask("/sandbox/page/deed", { user: store.me, channel: m.channel, ts: m.ts, ...deed }).catch((error) => toast(error.message));
  const edit = () => {
    const text = window.prompt("Edit message", m.text);
    if (text && text !== m.text) act({ deed: "edit", text });
  };
  const all = [
    one("Put on the timeline with 📝", "📝", () => act({ deed: "react", emoji: "memo" })),
    m.user === store.me && one("Edit message", "✏️", edit),
    m.user === store.me && one("Delete message", "🗑️", () => act({ deed: "delete" })),
    !inThread && one("Reply in thread", icon("reply", 16), () => openThread(m.ts)),
  ].filter(Boolean);
  // One stop of the tab key; from there the arrows lead to the others.
  all.forEach((button, at) => { button.tabIndex = at === 0 ? 0 : -1; });
  return all;
}

/** Moves along a toolbar by the arrow keys. */
function walk(event) {
  const next = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
  const button = next && event.target.closest(".hover-action")?.[next];
  if (button) {
    event.preventDefault();
    button.focus();
  }
}

const EMOJI = { memo: "📝" };

function reactions(m) {
  if (!m.reactions?.length) return null;
  return h("div.reactions", {}, m.reactions.map((r) => h("span.reaction", { title: `:${r.name}: by ${r.users.map((id) => store.users.get(id)?.real_name ?? id).join(", ")}` },
    EMOJI[r.name] ?? `:${r.name}:`, ` ${r.count}`)));
}

function dismiss(m) {
  ask("/sandbox/page/dismiss", { user: store.me, channel: m.channel, ts: m.ts }).catch((error) => toast(error.message));
}

/** Puts the new drawing in place of the old one; the cursor stays in the field or on the button it was in. */
function swap(old, fresh) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const at = active?.dataset.key ? [active.selectionStart, active.selectionEnd] : null;
  const same = active?.dataset.key ? `[data-key="${CSS.escape(active.dataset.key)}"]`
    : active?.dataset.actionId ? `[data-action-id="${CSS.escape(active.dataset.actionId)}"]` : null;
  old.replaceWith(fresh);
  const again = same && fresh.querySelector(same);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (at && at[0] !== null && again.setSelectionRange) again.setSelectionRange(...at);
}

function intro(channel) {
  const tries = channel.name === "ops" || channel.name === "prod-notices"
    ? ["help", "backup create prod full", "op list"].map((text) => h("button.try", { type: "button", onclick: () => main.fill(`${store.command} ${text}`) }, `${store.command} ${text}`))
    : [];
  return h("div.intro", {}, h("div.intro-sign", {}, "#"), h("h2", {}, channel.name),
    h("p", {}, "This is the very beginning of the ", h("b", {}, `#${channel.name}`), ` channel. ${channel.purpose?.value ?? ""}.`),
    tries.length > 0 && h("div.tries", {}, tries));
}

const atBottom = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 90;
const toBottom = (el) => { el.scrollTop = el.scrollHeight; };

function drawLog() {
  const log = $("log");
  const channel = store.channels.get(store.channel);
  const out = [intro(channel)];
  let before = null;
  for (const m of inChannel(store.channel).filter(isTop)) {
    if (!before || dayName(before.ts) !== dayName(m.ts)) out.push(h("div.day", { role: "separator" }, h("span", {}, dayName(m.ts))));
    out.push(messageEl(m, before, false));
    before = m;
  }
  log.replaceChildren(...out);
  toBottom(log);
}

/** Draws one message that came or changed; anything but a change in place or a new last message draws all anew. */
function drawMessage(m, isNew) {
  if (m.channel !== store.channel || store.atHome) return;
  const log = $("log");
  const stick = atBottom(log);
  const top = isTop(m) ? m : store.messages.get(m.channel)?.get(m.thread_ts);
  if (top) {
    const list = inChannel(store.channel).filter(isTop);
    const i = list.findIndex((x) => x.ts === top.ts);
    const old = log.querySelector(`:scope > [data-ts="${CSS.escape(top.ts)}"]`);
    const sameDay = i > 0 && dayName(list[i - 1].ts) === dayName(top.ts);
    if (old) swap(old, messageEl(top, list[i - 1], false));
    else if (isNew && i === list.length - 1 && sameDay) log.append(messageEl(top, list[i - 1], false));
    else drawLog();
  }
  if (stick) toBottom(log);
  if (store.thread) {
    if (m.thread_ts === store.thread || m.ts === store.thread) drawThread();
  }
}

// ---- threads ------------------------------------------------------------------------------------------------

let threadComposer = null;

function openThread(ts) {
  store.thread = ts;
  closeAws();
  threadComposer = composer({
    placeholder: "Reply…", plain: true, send: (text) => send(text, store.thread), label: "Reply in thread",
  });
  const pane = $("thread");
  pane.hidden = false;
  document.body.classList.add("with-pane");
  drawThread();
  threadComposer.focus();
}

function closeThread() {
  store.thread = null;
  $("thread").hidden = true;
  document.body.classList.toggle("with-pane", !$("aws").hidden);
}

function drawThread() {
  const parent = store.messages.get(store.channel)?.get(store.thread);
  if (!parent) return closeThread();
  const pane = $("thread");
  const replies = repliesTo(parent);
  const word = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  const list = h("div.thread-log", {}, messageEl(parent, null, true),
    replies.length > 0 && h("div.reply-count", {}, h("span", {}, word)), replies.map((r) => messageEl(r, null, true)));
  const old = pane.querySelector(".thread-log");
  const focused = threadComposer.el.contains(document.activeElement);
  if (old && pane.dataset.ts === store.thread) {
    const stick = atBottom(old);
    const was = old.scrollTop;
    swap(old, list);
    list.scrollTop = stick ? list.scrollHeight : was;
  } else {
    pane.dataset.ts = store.thread;
    pane.replaceChildren(
      h("header.pane-head", {}, h("div", {}, h("b", {}, "Thread"), h("span.muted", {}, ` #${store.channels.get(store.channel)?.name}`)),
        h("button.icon-btn", { type: "button", "aria-label": "Close thread", onclick: closeThread }, icon("close"))),
      list, threadComposer.el);
    toBottom(list);
  }
  if (focused) threadComposer.focus();
}

// ---- modals -------------------------------------------------------------------------------------------------

let modal = null;

function showView(view) {
  if (modal && modal.id !== view?.id) {
    const { box } = modal;
    modal = null;
    takeOff(box);
  }
  if (!view) return;
  const ui = uiOf(`view:${view.id}`);
  const ctx = { me: store.me, users: store.users, groups: store.groups, channels: store.channels, ui, press: () => toast("Buttons in dialogs are not part of this workspace.") };
  const post = async (close) => {
    const values = stateValues(view.blocks, ui);
    box.querySelectorAll("[data-error-for]").forEach((el) => { el.textContent = ""; });
    if (!close && missing(view, values, box)) return;
    // As in Slack: until the app has answered, a form takes neither a word nor a second Enter.
    form.inert = true;
    form.setAttribute("aria-busy", "true");
    try {
      await ask("/sandbox/page/view", { user: store.me, view_id: view.id, values, close });
    } catch (error) {
      const errors = error.data?.errors;
      if (!errors) return toast(error.message);
      for (const [id, text] of Object.entries(errors)) {
        const slot = box.querySelector(`[data-error-for="${CSS.escape(id)}"]`);
        if (slot) slot.textContent = text;
        else toast(text);
      }
    } finally {
      form.inert = false;
      form.removeAttribute("aria-busy");
    }
  };
  const form = h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); post(false); } },
    h("header.dialog-head", {}, avatar(store.users.get(store.bot), 28), h("h2", {}, view.title?.text ?? ""),
      h("button.icon-btn", { type: "button", "aria-label": "Close", onclick: () => post(true) }, icon("close"))),
    h("div.dialog-body", {}, blocks(view.blocks, ctx)),
    h("div.dialog-actions", {},
      h("button.btn", { type: "button", onclick: () => post(true) }, view.close?.text ?? "Cancel"),
      view.submit && h("button.btn.btn-primary", { type: "submit" }, view.submit.text)));
  const box = modal?.box ?? h("dialog.dialog.view", { oncancel: (event) => { event.preventDefault(); modal?.post(true); } });
  box.replaceChildren(form);
  if (!modal) {
    document.body.append(box);
    box.showModal();
  }
  modal = { id: view.id, box, post };
}

/**
 * Takes a dialog off the screen. What had the focus before gets it back; a text field among Chromium's takes keys then and no text,
 * until it loses the focus once and gets it again.
 */
function takeOff(box) {
  box.close();
  const back = document.activeElement;
  $("log").focus({ preventScroll: true });
  if (back && back !== document.body && back.isConnected && !box.contains(back)) back.focus({ preventScroll: true });
  box.remove();
}

/** Marks inputs that must be filled in; Slack does not even send such a form. */
function missing(view, values, box) {
  let found = false;
  for (const block of view.blocks.filter((b) => b.type === "input" && !b.optional)) {
    const state = Object.values(values[block.block_id] ?? {})[0] ?? {};
    const filled = [state.value, state.selected_date, state.selected_option].some(Boolean) || state.selected_options?.length;
    if (filled) continue;
    found = true;
    const slot = box.querySelector(`[data-error-for="${CSS.escape(block.block_id)}"]`);
    if (slot) slot.textContent = "Please complete this required field.";
  }
  return found;
}

// ---- home ---------------------------------------------------------------------------------------------------

/** Opens the app's Home: the app is told, and draws it. */
function openHome() {
  store.atHome = true;
  closeThread();
  menu(false);
  history.replaceState(null, "", "#home");
  drawSidebar();
  drawHome();
  ask("/sandbox/page/home", { user: store.me }).catch((error) => toast(error.message));
}

function drawHome() {
  const view = store.home;
  const app = store.users.get(store.bot);
  $("composer").hidden = true;
  $("channel-head").replaceChildren(h("h1", {}, avatar(app, 24), ` ${app?.real_name ?? "App"}`), h("span.purpose", {}, "Home"));
  document.title = "Home · BBWS workspace";
  const log = $("log");
  if (!view) return log.replaceChildren(h("p.muted.home-empty", {}, "The app draws its Home…"));
  const ui = uiOf(`view:${view.id}`);
  const ctx = {
    me: store.me, users: store.users, groups: store.groups, channels: store.channels, ui,
    press: (element, block, target) => pressed({ view_id: view.id }, element, block, target, stateValues(view.blocks, ui)),
  };
  const was = log.querySelector(".home") ? log.scrollTop : 0;
  const fresh = h("section.home", { dataset: { view: view.id, hash: view.hash }, "aria-label": "Home" }, blocks(view.blocks, ctx));
  const old = log.querySelector(":scope > .home");
  if (old) swap(old, fresh);
  else log.replaceChildren(fresh);
  log.scrollTop = was;
}

// ---- frame --------------------------------------------------------------------------------------------------

function drawPersonas() {
  const people = [...store.users.values()].filter((u) => !u.is_bot && !u.deleted);
  $("personas").replaceChildren(h("span.acting", {}, "Acting as"), ...people.map((u) => {
    const role = (u.profile?.title ?? "").split(",")[0];
    return h("button.persona", {
      type: "button", role: "radio", "aria-checked": String(u.id === store.me), title: `${u.real_name} · ${u.profile?.title ?? ""}`,
      "aria-label": `${u.real_name}, ${u.profile?.title ?? ""}`, dataset: { user: u.id }, onclick: () => become(u.id),
    }, avatar(u, 26), h("span.persona-text", {}, h("b", {}, u.real_name), h("small", {}, role)));
  }));
}

function drawSidebar() {
  $("channels").replaceChildren(...[...store.channels.values()].map((c) => h("li", {},
    h(`button.channel${c.id === store.channel && !store.atHome ? ".active" : ""}${store.unread.has(c.id) ? ".unread" : ""}`, {
      type: "button", dataset: { channel: c.id }, "aria-current": c.id === store.channel && !store.atHome ? "page" : undefined, onclick: () => enter(c.id),
    }, h("span.hash", {}, "#"), c.name))));
  const person = (u) => h("li.person", { title: u.profile?.title }, avatar(u, 20), h("span", {}, u.real_name, u.id === store.me && h("span.you", {}, " you")),
    h("span.presence", { "aria-hidden": "true" }));
  const home = (u) => h("li", {}, h(`button.channel${store.atHome ? ".active" : ""}`, {
    type: "button", dataset: { home: u.id }, "aria-current": store.atHome ? "page" : undefined, onclick: openHome,
  }, avatar(u, 20), h("span", {}, u.real_name)));
  const all = [...store.users.values()].filter((u) => !u.deleted && u.id !== "USLACKBOT");
  $("people").replaceChildren(...all.filter((u) => !u.is_bot).map(person));
  $("apps").replaceChildren(...all.filter((u) => u.is_bot).map((u) => (u.id === store.bot ? home(u) : person(u))));
}

function drawHead() {
  const c = store.channels.get(store.channel);
  $("channel-head").replaceChildren(
    h("h1", {}, h("span.hash", {}, "#"), c.name), h("span.purpose", {}, c.purpose?.value ?? ""),
    h("span.members", { title: "Members" }, [...store.users.values()].filter((u) => !u.is_bot && !u.deleted).slice(0, 4).map((u) => avatar(u, 22)),
      h("span", {}, String(c.num_members ?? ""))));
  main.placeholder(`Message #${c.name}, or type ${store.command}`);
  document.title = `#${c.name} · BBWS workspace`;
}

function enter(id) {
  store.atHome = false;
  $("composer").hidden = false;
  store.channel = id;
  store.unread.delete(id);
  closeThread();
  menu(false);
  history.replaceState(null, "", `#${id}`);
  drawSidebar();
  drawHead();
  drawLog();
}

function menu(open) {
  document.body.classList.toggle("menu-open", open);
  $("scrim").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
}

let aws = null;

function closeAws() {
  $("aws").hidden = true;
  aws?.stop();
  $("aws-toggle").setAttribute("aria-pressed", "false");
  document.body.classList.toggle("with-pane", !$("thread").hidden);
}

function toggleAws() {
  if (!$("aws").hidden) return closeAws();
  closeThread();
  $("aws").hidden = false;
  $("aws-toggle").setAttribute("aria-pressed", "true");
  document.body.classList.add("with-pane");
  aws.start();
}

// ---- changes ------------------------------------------------------------------------------------------------

function take(message) {
  if (!store.messages.has(message.channel)) store.messages.set(message.channel, new Map());
  const list = store.messages.get(message.channel);
  const isNew = !list.has(message.ts);
  list.set(message.ts, message);
  return isNew;
}

function banner(text) {
  $("banner").hidden = !text;
  $("banner").textContent = text ?? "";
}

function down(isDown) {
  store.down = isDown;
  banner(isDown ? "Slack’s Web API is switched off: bbws cannot post until you bring it back in the “Simulated AWS” drawer." : null);
  aws?.slackDown(isDown);
}

const CHANGES = {
  snapshot(data) {
    store.users = new Map(data.users.map((u) => [u.id, u]));
    store.groups = data.groups ?? {};
    store.channels = new Map(data.channels.map((c) => [c.id, c]));
    store.messages = new Map();
    Object.assign(store, { home: data.home ?? null, me: data.me, bot: data.bot, command: data.command });
    [...data.messages, ...data.ephemerals].forEach(take);
    const wanted = store.channel ?? location.hash.slice(1);
    store.channel = store.channels.has(wanted) ? wanted : data.channels[0].id;
    document.body.dataset.me = store.me;
    drawPersonas();
    const begins = !store.begun && location.hash === "#home";
    store.begun = true;
    drawSidebar();
    if (begins || (store.atHome && store.home === null)) openHome();
    else if (store.atHome) drawHome();
    else {
      drawHead();
      drawLog();
      if (store.thread) drawThread();
    }
    showView(data.modal);
    down(data.down);
  },
  message({ message }) {
    const isNew = take(message);
    if (isNew && (message.channel !== store.channel || store.atHome)) {
      store.unread.add(message.channel);
      drawSidebar();
    }
    drawMessage(message, isNew);
  },
  gone({ channel, ts }) {
    store.messages.get(channel)?.delete(ts);
    if (channel === store.channel && !store.atHome) drawLog();
  },
  home({ view }) {
    store.home = view;
    if (store.atHome) drawHome();
  },
  modal({ view }) { showView(view); },
  down({ down: isDown }) { down(isDown); },
};

function become(user) {
  sessionStorage.setItem("bbws-user", user);
  store.stream?.close();
  store.me = user;
  store.home = null;
  showView(null);
  const stream = new EventSource(`/sandbox/page/events?user=${encodeURIComponent(user)}`);
  store.stream = stream;
  stream.onmessage = (event) => {
    const data = JSON.parse(event.data);
    CHANGES[data.kind]?.(data);
  };
  stream.onerror = () => banner("The connection is lost; trying again…");
}

const main = composer({ placeholder: "", commands: () => store.commands, send: (text) => send(text), label: "Message" });

function begin() {
  $("menu").append(icon("menu"));
  $("menu").addEventListener("click", () => menu(!document.body.classList.contains("menu-open")));
  $("scrim").addEventListener("click", () => menu(false));
  $("aws-toggle").append(icon("cloud", 18), h("span", {}, "Simulated AWS"));
  $("aws-toggle").addEventListener("click", toggleAws);
  $("composer").append(main.el);
  aws = awsDrawer($("aws"), closeAws, (text) => {
    // The drawer lies over the composer on a narrow screen.
    if (matchMedia("(max-width: 1020px)").matches) closeAws();
    main.fill(text);
  });
  ask("/sandbox/page/commands").then((list) => { store.commands = list; }).catch((error) => toast(error.message));
  const asked = new URLSearchParams(location.search).get("as");
  become(asked ?? sessionStorage.getItem("bbws-user") ?? "U0ALICE");
}

begin();
