// Small tools for building the page out of elements; text only ever becomes text nodes.

/** Creates an element: `h("a.link", {href, onclick}, "text", child)`. */
export function h(spec, props, ...children) {
  const [tag, ...classes] = spec.split(".");
  const el = document.createElement(tag || "div");
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(el.dataset, value);
    else if (key === "style") Object.assign(el.style, value);
    else if (key in el && key !== "list" && key !== "role") el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

/** Creates an SVG element with attributes. */
export function s(tag, attrs, ...children) {
  const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attrs ?? {})) el.setAttribute(key, value);
  el.append(...children);
  return el;
}

const PATHS = {
  menu: "M3 5h14M3 10h14M3 15h14",
  close: "M5 5l10 10M15 5L5 15",
  send: "M3 3.5l14 6.5-14 6.5 2-6.5zM5 10h6",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
  chevron: "M7 5l5 5-5 5",
  check: "M5 10.5l3.5 3.5L15.5 7",
  cross: "M6 6l8 8M14 6l-8 8",
  link: "M8 12l4-4M7 9l-2 2a2.8 2.8 0 0 0 4 4l2-2M13 11l2-2a2.8 2.8 0 0 0-4-4L9 7",
  cloud: "M6 15.5h8.5a3 3 0 0 0 .4-6A4.7 4.7 0 0 0 6 8.2a3.7 3.7 0 0 0 0 7.3z",
  info: "M10 9v5M10 6.2v.3M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15z",
  warn: "M10 3.2L18 16.8H2zM10 8.5v4M10 14.4v.2",
  reply: "M4 4.5h12v9H9l-3.5 3v-3H4z",
  slash: "M12.5 4l-5 12",
  sort: "M7 8l3-3 3 3M7 12l3 3 3-3",
};

/** A line icon of the set above, 20 units square. */
export function icon(name, size = 18) {
  const path = s("path", {
    d: PATHS[name] ?? "", fill: "none", stroke: "currentColor", "stroke-width": "1.6",
    "stroke-linecap": "round", "stroke-linejoin": "round",
  });
  return s("svg", { viewBox: "0 0 20 20", width: size, height: size, "aria-hidden": "true", class: "icon" }, path);
}

/** A person's square avatar: their letter on their colour; the app gets its shield. */
export function avatar(user, size = 36) {
  const el = h("span.avatar", { "aria-hidden": "true", style: { width: `${size}px`, height: `${size}px`, fontSize: `${size * 0.46}px` } });
  el.style.background = `#${/^[0-9a-f]{6}$/i.test(user?.color ?? "") ? user.color : "616061"}`;
  if (user?.id === "U0BBWS") {
    el.append(s("svg", { viewBox: "0 0 20 20", width: size * 0.62, height: size * 0.62 },
      s("path", { d: "M10 2l6.5 2.4v5c0 4.6-3 7.2-6.5 8.6-3.5-1.4-6.5-4-6.5-8.6v-5z", fill: "#fff" }),
      s("path", { d: "M6.8 10l2.3 2.3 4.2-4.6", fill: "none", stroke: "#4a154b", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" })));
  } else {
    el.append((user?.real_name ?? "?").slice(0, 1).toUpperCase());
  }
  return el;
}

/** Asks the server for something; throws the reason a person can read. */
export async function ask(url, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Is bbws still running?");
  }
  const text = await response.text();
  let data = null;
  try { data = JSON.parse(text); } catch { /* plain text is fine */ }
  if (!response.ok) {
    const error = new Error(data?.error ?? `${url} answered ${response.status}`);
    error.data = data;
    error.status = response.status;
    throw error;
  }
  return data;
}

/** Shows a short notice for a few seconds. */
export function toast(text) {
  const el = h("div.toast", {}, text);
  document.getElementById("toasts").append(el);
  setTimeout(() => el.remove(), 6000);
}
