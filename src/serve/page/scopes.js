// The VPCs that are declared: what is wrong first, and everything about one on demand.

import { body, byId, cell, chip, head, list, make, more, row, said, setText, table } from "/page/dom.js";
import { ago, count, keyOf, left, relative, verdict, verdictOf } from "/page/words.js";
import { Detail } from "/page/detail.js";

const STEP = 25;
const ORDER = ["error", "partial", "held", "approved", "waiting", "inSync"];
const HEADS = ["VPC", "State", "Mode", "Observed", "Desired", "To detach", "To attach", "Missing", "Read"];

let most = STEP;
let last = [];
let revision = null;
const details = new Map();
const tableOf = table("The VPCs that are declared, what is wrong first", HEADS, "scopes");
byId("scopes").append(tableOf);
const find = byId("scopes-find");
const show = byId("scopes-show");

const rank = (scope) => ORDER.indexOf(verdictOf(scope));

/** One list of what passes have read and what none has yet. */
export function together(rows, read) {
  const known = new Map((read || []).map((scope) => [keyOf(scope), scope]));
  return rows.map((scope) => known.get(keyOf(scope)) || { ...scope, actions: [], missing: [], refusals: [], verdict: "waiting" });
}

function create(scope) {
  const key = keyOf(scope);
  const made = body();
  const name = make("button", { type: "button", class: "open", "aria-expanded": "false" }, make("span", { class: "turn", "aria-hidden": "true" }), said(key, "name"));
  name.addEventListener("click", () => toggle(made, key, name, scope));
  const cells = HEADS.slice(1).map((of, n) => cell(of, n > 1 && n < 7 ? "number" : ""));
  made.append(row(head("VPC", name), cells));
  return made;
}

function toggle(made, key, name, scope) {
  const open = details.get(key);
  if (open) {
    open.node.remove();
    details.delete(key);
  } else {
    const detail = new Detail(scope, HEADS.length);
    details.set(key, detail);
    made.append(detail.node);
    detail.load();
  }
  name.setAttribute("aria-expanded", String(!open));
}

function update(made, scope) {
  const cells = [...made.firstElementChild.children].map((of) => of.firstElementChild);
  const [word, tone] = verdict(verdictOf(scope));
  if (cells[1].textContent !== word) cells[1].replaceChildren(chip(tone, word));
  const open = left(scope);
  const number = (verb) => open.filter((of) => of.action === verb).length;
  const texts = [scope.mode, scope.observed, scope.desired, number("detach"), number("attach"), scope.missing.length];
  texts.forEach((text, n) => {
    setText(cells[n + 2], text.toLocaleString("en"));
    if (n > 2) cells[n + 2].parentElement.classList.toggle("some", text > 0);
  });
  const read = cells[8].firstElementChild;
  if (!scope.readAt) setText(cells[8], "not yet");
  else if (!read) cells[8].replaceChildren(ago(scope.readAt));
  else {
    read.dateTime = scope.readAt;
    setText(read, relative(scope.readAt));
  }
  details.get(keyOf(scope))?.refresh(scope, revision);
}

export function scopes(all, digest) {
  last = all;
  revision = digest;
  const declared = new Set(all.map(keyOf));
  for (const key of [...details.keys()]) if (!declared.has(key)) details.delete(key);
  redraw();
}

function redraw() {
  const wanted = find.value.trim().toLowerCase();
  const asked = last.filter((scope) => keyOf(scope).toLowerCase().includes(wanted) && (show.value === "all" || verdictOf(scope) !== "inSync"));
  const sorted = asked.map((scope) => [rank(scope), scope]).sort(([a, x], [b, y]) => a - b || (keyOf(x) < keyOf(y) ? -1 : 1)).map(([, scope]) => scope);
  const shown = sorted.slice(0, most);
  const visible = new Set(shown.map(keyOf));
  for (const key of [...details.keys()]) if (!visible.has(key)) details.delete(key);
  const frame = tableOf.children.length - tableOf.tBodies.length;
  listBodies(shown, frame);
  more(byId("scopes-more"), sorted.length - most, STEP, "VPCs");
  setText(byId("scopes-count"), sorted.length === last.length ? count(last.length, "VPC") : `${sorted.length} of ${count(last.length, "VPC")}`);
}

/** The bodies stand behind caption and head, which stay. */
function listBodies(shown, frame) {
  const fixed = [...tableOf.children].slice(0, frame);
  list(tableOf, [...fixed, ...shown], (of) => (of instanceof Node ? of : keyOf(of)), (of) => (of instanceof Node ? of : create(of)), (node, of) => {
    if (!(of instanceof Node)) update(node, of);
  });
}

byId("scopes-more").addEventListener("click", () => {
  most += STEP;
  redraw();
});
find.addEventListener("input", () => {
  most = STEP;
  redraw();
});
show.addEventListener("change", () => {
  most = STEP;
  redraw();
});
