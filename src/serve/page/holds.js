// What the gate holds, each with what releases it.

import { byId, chip, copyable, list, make, more, prose, said } from "/page/dom.js";
import { ago, keyOf } from "/page/words.js";

const STEP = 10;
let most = STEP;
let last = [];

// Names of files are in a way out, too: only what these describe is offered for copying.
const COMMAND = /classiclinkd (?:approve [0-9a-f]+|resume(?: --(?:account|region|vpc) [A-Za-z0-9._-]+)*)(?![^\s;,`])/g;
const EDIT = /^[A-Za-z.]+: [A-Za-z0-9%]+$/;

/** What to run or to write: the commands of a way out, and what it has between backquotes that a
 * person would have to type. */
function ways(refusal) {
  const commands = [refusal.approve, ...(refusal.wayOut.match(COMMAND) || [])].filter(Boolean);
  const edits = refusal.wayOut.split("`").filter((piece, n) => n % 2 === 1 && EDIT.test(piece));
  const fresh = (all) => [...new Set(all)];
  return [
    fresh(commands).map((text, n) => copyable(text, n ? "Or run" : "Run")),
    fresh(edits).map((text) => copyable(text, commands.length ? "Or write" : "Write")),
  ];
}

export function refusal(held, title) {
  const tone = held.rule === "coverage" ? "bad" : "warn";
  return make(
    "article", { class: `card ${tone}` },
    make("p", { class: "title" }, chip(tone, held.rule), title),
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
