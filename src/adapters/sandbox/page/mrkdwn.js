// Slack's mrkdwn and rich text as elements. Nothing here ever parses HTML: whatever is not markup stays text.

import { h } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rotating_light: "🚨", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", no_entry: "⛔", no_entry_sign: "🚫", lock: "🔒", unlock: "🔓", key: "🔑", shield: "🛡️",
  floppy_disk: "💾", package: "📦", file_cabinet: "🗄️", file_folder: "📁", cloud: "☁️", globe_with_meridians: "🌐",
  rocket: "🚀", tada: "🎉", eyes: "👀", wave: "👋", "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", bell: "🔔",
  mag: "🔍", memo: "📝", clipboard: "📋", calendar: "📅", clock1: "🕐", stopwatch: "⏱️", fire: "🔥", boom: "💥",
  arrow_right: "➡️", arrow_left: "⬅️", arrows_counterclockwise: "🔄", repeat: "🔁", black_square_for_stop: "⏹️",
  double_vertical_bar: "⏸️", arrow_forward: "▶️", octagonal_sign: "🛑", question: "❓", exclamation: "❗",
  information_source: "ℹ️", bulb: "💡", link: "🔗", pushpin: "📌", bar_chart: "📊", chart_with_upwards_trend: "📈",
  red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡", large_blue_circle: "🔵", white_circle: "⚪",
  large_orange_circle: "🟠", black_circle: "⚫", gear: "⚙️", wrench: "🔧", hammer_and_wrench: "🛠️", robot_face: "🤖",
  heavy_minus_sign: "➖", radio_button: "🔘", point_right: "👉", raised_hand: "✋", busts_in_silhouette: "👥",
  bust_in_silhouette: "👤", police_car: "🚓", fire_engine: "🚒", ambulance: "🚑", test_tube: "🧪", recycle: "♻️",
};

/** Undoes Slack's three escapes, once. */
export function unescape(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}

/** Text with `:emoji:` names shown as pictures where known. */
export function emoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);
}

/** A link that opens elsewhere; anything but the web and mail stays plain text. */
export function link(url, label) {
  let safe = null;
  try {
    const parsed = new URL(url);
    if (["http:", "https:", "mailto:"].includes(parsed.protocol)) safe = parsed.href;
  } catch { /* not an address */ }
  if (!safe) return document.createTextNode(label || url);
  return h("a.link", { href: safe, target: "_blank", rel: "noopener noreferrer" }, label || url);
}

function mention(ctx, id) {
  const user = ctx.users.get(id);
  const mine = id === ctx.me ? ".mention-me" : "";
  return h(`span.mention${mine}`, {}, `@${user?.real_name ?? id}`);
}

/** A user group by its handle, as Slack shows it. */
function group(ctx, id, label) {
  const handle = ctx.groups?.[id];
  return h("span.mention", {}, label || (handle ? `@${handle}` : "@group"));
}

function channelLink(ctx, id, label) {
  const channel = ctx.channels.get(id);
  return h("span.mention", {}, `#${channel?.name ?? label ?? id}`);
}

/** Fills a `<!date^…>` pattern for the reader's own clock. */
function dated(seconds, pattern) {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return null;
  const day = (style) => at.toLocaleDateString(undefined, style);
  const long = day({ year: "numeric", month: "long", day: "numeric" });
  const short = day({ year: "numeric", month: "short", day: "numeric" });
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return pattern
    .replace(/\{date_num\}/g, at.toISOString().slice(0, 10))
    .replace(/\{date_short(_pretty)?\}/g, short)
    .replace(/\{date_long(_pretty)?\}|\{date(_pretty)?\}/g, long)
    .replace(/\{time_secs\}/g, at.toLocaleTimeString())
    .replace(/\{time\}/g, time)
    .replace(/\{ago\}/g, () => `${Math.max(0, Math.round((Date.now() / 1000 - seconds) / 60))} minutes ago`);
}

/** What stands between `<` and `>`. */
function angled(body, ctx) {
  const bar = body.indexOf("|");
  const head = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  if (head.startsWith("@")) return mention(ctx, head.slice(1));
  if (head.startsWith("#")) return channelLink(ctx, head.slice(1), label);
  const date = /^!date\^(\d+)\^([^^]*)/.exec(head);
  if (date) return h("time", {}, dated(Number(date[1]), unescape(date[2])) ?? label);
  if (head.startsWith("!subteam^")) return group(ctx, head.slice("!subteam^".length), label);
  if (head.startsWith("!")) return h("span.mention.mention-me", {}, `@${label || head.slice(1)}`);
  // What is no address was not meant as markup, so it is shown as it came.
  return /^(https?:|mailto:)/i.test(head) ? link(unescape(head), label) : document.createTextNode(`<${unescape(body)}>`);
}

const BEFORE = /[\s([{"'“‘—–\-/>]/;
const AFTER = /[\s)\]}.,:;!?"'”’—–\-/<…]/;
const STYLES = { "*": "b", _: "i", "~": "s" };

/** The closing mark of a styled run that begins at `at`, or -1; marks count at word borders only. */
function closing(text, at, mark) {
  if (at > 0 && !BEFORE.test(text[at - 1]) && !(text[at - 1] in STYLES)) return -1;
  if (at + 1 >= text.length || /\s/.test(text[at + 1]) || text[at + 1] === mark) return -1;
  for (let end = at + 2; end < text.length; end++) {
    if (text[end] === "\n") return -1;
    const next = text[end + 1];
    const ends = text[end] === mark && !/\s/.test(text[end - 1]);
    if (ends && (next === undefined || AFTER.test(next) || next in STYLES)) return end;
  }
  return -1;
}

function inline(text, ctx) {
  const out = [];
  let plain = "";
  const flush = () => {
    if (plain) out.push(document.createTextNode(emoji(unescape(plain))));
    plain = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "<") {
      const end = text.indexOf(">", i);
      if (end > i + 1 && !text.slice(i, end).includes("\n")) {
        flush();
        out.push(angled(text.slice(i + 1, end), ctx));
        i = end;
        continue;
      }
    } else if (c === "`") {
      const end = text.indexOf("`", i + 1);
      if (end > i + 1 && !text.slice(i, end).includes("\n")) {
        flush();
        out.push(h("code", {}, unescape(text.slice(i + 1, end))));
        i = end;
        continue;
      }
    } else if (c in STYLES) {
      const end = closing(text, i, c);
      if (end > 0) {
        flush();
        out.push(h(STYLES[c], {}, inline(text.slice(i + 1, end), ctx)));
        i = end;
        continue;
      }
    }
    plain += c;
  }
  flush();
  return out;
}

function lines(text, ctx) {
  const out = [];
  let quote = null;
  const parts = text.split("\n");
  parts.forEach((line, i) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quoted) {
      if (!quote) out.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(quoted[1], ctx));
      return;
    }
    quote = null;
    out.push(...inline(line, ctx));
    if (i < parts.length - 1) out.push(h("br"));
  });
  return out;
}

/** mrkdwn as nodes. */
export function mrkdwn(text, ctx) {
  return String(text ?? "").split(/```\n?/).flatMap((part, i, all) => {
    const fenced = i % 2 === 1 && i < all.length - 1;
    if (fenced) return [h("pre", {}, unescape(part.replace(/\n$/, "")))];
    return lines(i > 1 ? part.replace(/^\n/, "") : part, ctx);
  });
}

/** A text object, `plain_text` or `mrkdwn`, as nodes. */
export function textObject(object, ctx) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, ctx);
  return [document.createTextNode(emoji(String(object.text ?? "")))];
}

/** The standard Markdown of a `markdown` block: headings, lists, rules, emphasis, links. */
export function markdown(text, ctx) {
  const out = h("div.markdown");
  let list = null;
  for (const part of String(text ?? "").split(/^```.*$/m).entries()) {
    const [i, body] = part;
    if (i % 2 === 1) {
      out.append(h("pre", {}, body.replace(/^\n|\n$/g, "")));
      continue;
    }
    for (const line of body.split("\n")) {
      const heading = /^(#{1,4})\s+(.*)$/.exec(line);
      const item = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/.exec(line);
      if (!item) list = null;
      if (heading) out.append(h(`h${heading[1].length + 2}`, {}, inline(asMrkdwn(heading[2]), ctx)));
      else if (item) {
        if (!list) out.append((list = h(item[1] ? "ol" : "ul")));
        list.append(h("li", {}, inline(asMrkdwn(item[2]), ctx)));
      } else if (/^\s*(---|\*\*\*)\s*$/.test(line)) out.append(h("hr"));
      else if (line.trim()) out.append(h("p", {}, inline(asMrkdwn(line), ctx)));
    }
  }
  return out;
}

function asMrkdwn(line) {
  const safe = line.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return safe
    .replace(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>")
    .replace(/(^|[^*\w])\*([^*\s][^*]*)\*(?!\*)/g, "$1_$2_")
    .replace(/\*\*([^*]+)\*\*/g, "*$1*");
}

function styled(node, style) {
  let out = node;
  const wraps = [["code", "code"], ["bold", "b"], ["italic", "i"], ["strike", "s"]];
  for (const [key, tag] of wraps) if (style?.[key]) out = h(tag, {}, out);
  return out;
}

function richInline(el, ctx) {
  switch (el.type) {
    case "text": return styled(document.createTextNode(String(el.text ?? "")), el.style);
    case "link": return styled(link(String(el.url ?? ""), el.text), el.style);
    case "user": return mention(ctx, el.user_id);
    case "channel": return channelLink(ctx, el.channel_id);
    case "emoji": return document.createTextNode(EMOJI[el.name] ?? `:${el.name}:`);
    case "broadcast": return h("span.mention.mention-me", {}, `@${el.range}`);
    case "date": return h("time", {}, dated(el.timestamp, el.format ?? "{date_short} {time}") ?? el.fallback ?? "");
    case "color": return h("code", {}, String(el.value ?? ""));
    default: return document.createTextNode(String(el.text ?? ""));
  }
}

/** A `rich_text` value as one element. */
export function richText(block, ctx) {
  const all = (list) => (list ?? []).map((el) => richInline(el, ctx));
  return h("div.rich", {}, (block?.elements ?? []).map((part) => {
    if (part.type === "rich_text_list") {
      const tag = part.style === "ordered" ? "ol" : "ul";
      return h(tag, {}, part.elements.map((item) => h("li", {}, all(item.elements))));
    }
    if (part.type === "rich_text_preformatted") return h("pre", {}, all(part.elements));
    if (part.type === "rich_text_quote") return h("blockquote", {}, all(part.elements));
    return h("div.rich-line", {}, all(part.elements));
  }));
}
