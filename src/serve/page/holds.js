// What the gate holds, each with what releases it.

import { byId, chip, copyable, list, make, more, prose, said } from "/page/dom.js";
import { ago, keyOf } from "/page/words.js";

const STEP = 10;
let most = STEP;
let last = [];

/** What to run or to write: the command that approves, and what the way out has between backquotes
 * and a person would have to type. */
export function ways(refusal) {
  const found = refusal.approve ? [[refusal.approve, "Run"]] : [];
  const pieces = refusal.wayOut.split("`").filter((_, n) => n % 2 === 1);
  for (const piece of pieces) {
    if (/^classiclinkd \S/.test(piece)) found.push([piece, "Run"]);
    else if (/^[A-Za-z.]+: \S/.test(piece)) found.push([piece, "Or write"]);
  }
  const seen = new Set();
  const fresh = found.filter(([text]) => !seen.has(text) && seen.add(text));
  return fresh.map(([text, label], n) => copyable(text, n === 0 && label === "Or write" ? "Write" : label));
}

export function refusal(held, title) {
  return make(
    "article", { class: "card warn" },
    make("p", { class: "title" }, chip("warn", held.rule), title),
    make("p", {}, prose(held.message)),
    make("p", { class: "way" }, make("strong", {}, "Way out: "), prose(held.wayOut)),
    ways(held),
  );
}

function card(held) {
  return refusal(held, [said(keyOf(held), "name"), held.readAt && make("span", { class: "faint" }, "read ", ago(held.readAt))]);
}

export function holds(refusals) {
  last = refusals;
  byId("holds").hidden = refusals.length === 0;
  // When it was read says nothing new about it: as a part of it, each pass would make it anew.
  const shown = refusals.slice(0, most).map(({ readAt: _, ageSeconds: __, ...rest }) => rest);
  list(byId("holds-list"), shown, (held) => `${keyOf(held)} ${held.rule}`, card);
  more(byId("holds-more"), refusals.length - most, STEP, "refusals");
}

byId("holds-more").addEventListener("click", () => {
  most += STEP;
  holds(last);
});
