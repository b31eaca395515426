// Makes what the page shows. What comes from manifests or the cloud goes in as text nodes, never as
// markup, and what would reorder or hide text is shown as its code point.

const SVG = "http://www.w3.org/2000/svg";
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

export const byId = (id) => document.getElementById(id);

export function plain(text) {
  return String(text).replace(UNSEEN, (of) => `\\u{${of.codePointAt(0).toString(16)}}`);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, plain(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : document.createTextNode(plain(child)));
  }
  return made;
}

export const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const draw = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/** Foreign text, which orders nothing but itself. */
export const said = (text, className) => make("bdi", { class: className }, text);

export function setText(node, text) {
  const wanted = plain(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Text in which `code` stands between backquotes. */
export function prose(text) {
  return text.split("`").map((part, n) => (n % 2 ? make("code", {}, part) : said(part)));
}

const MARKS = {
  good: ["M4 12.5l5 5L20 6.5"],
  warn: ["M12 3v11", "M12 19.5v.5"],
  bad: ["M5.5 5.5l13 13", "M18.5 5.5l-13 13"],
  idle: ["M5 12h.5", "M12 12h.5", "M19 12h.5"],
};

/** A shape for a tone; the words beside it say the same. */
export function mark(tone) {
  const strokes = (MARKS[tone] || MARKS.idle).map((d) => draw("path", { d }));
  return draw("svg", { viewBox: "0 0 24 24", class: `shape ${tone}`, "aria-hidden": "true", focusable: "false" }, strokes);
}

export const chip = (tone, word) => make("span", { class: `chip ${tone}` }, mark(tone), said(word));

/** Does some work inside a node without taking the focus from who has it there. */
function keepingFocus(within, work) {
  const had = document.activeElement;
  const inside = had !== document.body && within.contains(had);
  const name = inside ? had.getAttribute("data-focus") : null;
  work();
  if (!inside || document.activeElement === had) return;
  const next = had.isConnected
    ? had
    : [...within.querySelectorAll("[data-focus]")].find((one) => one.getAttribute("data-focus") === name);
  if (next) next.focus({ preventScroll: true });
}

const drawn = new WeakMap();

/** Shows a list: a node for each item, kept while the item's key stays; made anew where it changed,
 * or brought up to date by `update`. */
export function list(parent, items, keyOf, create, update) {
  keepingFocus(parent, () => {
    const before = new Map([...parent.children].map((node) => [drawn.get(node)?.key, node]));
    const nodes = items.map((item) => {
      const key = keyOf(item);
      const old = before.get(key);
      const text = update ? "" : JSON.stringify(item);
      if (old && drawn.get(old).text === text) {
        if (update) update(old, item);
        return old;
      }
      const node = create(item);
      drawn.set(node, { key, text });
      if (update) update(node, item);
      return node;
    });
    const wanted = new Set(nodes);
    for (const node of [...parent.children]) if (!wanted.has(node)) node.remove();
    nodes.forEach((node, n) => {
      if (parent.children[n] !== node) parent.insertBefore(node, parent.children[n] || null);
    });
  });
}

const shown = new WeakMap();

/** Shows something that is made anew where what it is made of has changed. */
export function block(parent, value, create) {
  const text = JSON.stringify(value);
  if (shown.get(parent) === text) return;
  shown.set(parent, text);
  keepingFocus(parent, () => parent.replaceChildren(...[create(value)].flat(Infinity).filter(Boolean)));
}

/** A table that on a narrow screen becomes a list of cards; the roles keep it a table for readers. */
export function table(caption, heads, className) {
  const cells = heads.map((head) => make("th", { scope: "col", role: "columnheader" }, head));
  return make(
    "table", { role: "table", class: className },
    make("caption", { class: "unseen" }, caption),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, cells)),
  );
}

export const body = () => make("tbody", { role: "rowgroup" });
export const row = (...cells) => make("tr", { role: "row" }, cells);
export const cell = (head, className, ...children) =>
  make("td", { role: "cell", class: className, "data-head": head }, make("div", {}, children));
export const head = (name, ...children) =>
  make("th", { role: "rowheader", scope: "row", "data-head": name }, make("div", {}, children));

/** A button that shows more of a list, where there is more. */
export function more(button, left, step, noun) {
  button.hidden = left <= 0;
  if (left > 0) setText(button, `Show ${Math.min(left, step)} more of ${left} ${noun}`);
}

let silence;

/** Says something to those who do not see the page. */
export function announce(text) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  clearTimeout(silence);
  silence = setTimeout(() => setText(announcer, text), 50);
}

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS, off this machine, there is no clipboard: the old way, else by hand.
    const range = document.createRange();
    range.selectNodeContents(from);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
}

/** Something to run or to write, with a button that copies it. */
export function copyable(text, label) {
  const code = make("code", { tabindex: "0", "data-focus": `code ${text}`, "aria-label": `${label}: ${text}`, role: "group" }, text);
  const button = make("button", { type: "button", "aria-label": `Copy ${text}`, "data-focus": `copy ${text}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copy(text, code);
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    announce(button.textContent);
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return make("div", { class: "copyable" }, make("span", { class: "faint" }, label), code, button);
}
