// What was done, by whom, on whose commit, and how it ended; and the runs that did it.

import { block, body, byId, cell, chip, head, list, make, more, row, said, setText, table } from "/page/dom.js";
import { count, keyOf, moment, time, toneOf } from "/page/words.js";
import { Unanswered, ask } from "/page/live.js";

const STEP = 25;
const MOST = 1000;
const HEADS = ["When (UTC)", "What", "Link", "How it ended", "Why, by whom"];

let most = 10;
let again = () => {};
const rows = body();
const tableOf = table("What was done, newest first", HEADS, "history");
tableOf.append(rows);
byId("history").append(tableOf);

const endOf = (of) => of.endedAt || of.at;
const short = (digest) => make("code", {}, digest.slice(0, 12));

function cause(of) {
  const parts = [of.reason && said(of.reason)];
  const { revision } = of;
  if (revision?.commit) parts.push(["commit ", short(revision.commit), revision.author && [" by ", said(revision.author)]]);
  else if (revision) parts.push(["revision ", short(revision.digest)]);
  if (of.approver) parts.push(["approved by ", said(of.approver)]);
  if (of.run) parts.push([`run ${of.run}`, of.command && ` (${of.command}`, of.by && [" by ", said(of.by)], of.command && ")"]);
  const codes = [...new Set(of.calls.map((call) => call.code).filter(Boolean))];
  if (codes.length) parts.push(["answers ", codes.map((code) => make("code", {}, code))]);
  return parts.filter(Boolean).map((part) => make("span", { class: "part" }, part));
}

function target(of) {
  const names = [of.account, of.regionId, of.vpcId].filter(Boolean);
  return names.length ? names.join("/") : "everything";
}

const by = (of) => make("span", { class: "part" }, "by ", said(of.by));
const why = (of) => of.reason && make("span", { class: "part" }, said(of.reason));

// What an earlier revision took out is not this one's doing.
const losing = (of) => of.lost.filter((scope) => scope.instances.length > scope.lostBefore.length).length;

const HAPPENINGS = {
  accepted: (of) => [
    "accepted", [count(of.files.length, "file")],
    [losing(of) > 0 && make("span", { class: "part" }, `${count(losing(of), "VPC")} lost links`), of.released.length > 0 && make("span", { class: "part" }, `${count(of.released.length, "VPC")} released`)],
    [make("span", { class: "part" }, "revision ", short(of.revision.digest)), of.revision.commit && make("span", { class: "part" }, "commit ", short(of.revision.commit)), of.revision.author && make("span", { class: "part" }, "by ", said(of.revision.author))],
  ],
  approved: (of) => ["approved", ["plan ", short(of.plan), of.of && [" of ", said(keyOf(of.of))]], [`until ${moment(of.until)}`], [by(of), why(of)]],
  paused: (of) => ["paused", [said(target(of.target))], [said(of.cause)], [by(of), why(of)]],
  resumed: (of) => ["resumed", [said(target(of.target))], [], [by(of), why(of)]],
  restored: (of) => ["undone", [count(of.links.length, "link")], [`run ${of.run}`], [make("span", { class: "part" }, said(of.of)), by(of)]],
};

function record(of) {
  const told = HAPPENINGS[of.kind]?.(of);
  const [what, link, ended, whom] = told || [
    of.kind,
    [make("span", { class: "part" }, said(of.instanceId)), make("span", { class: "part faint" }, said(keyOf(of)))],
    [chip(toneOf(of.outcome), of.outcome), " ", said(of.detail)],
    cause(of),
  ];
  return row(
    cell(HEADS[0], "when", time(endOf(of))), head(HEADS[1], what), cell(HEADS[2], "text", link),
    cell(HEADS[3], "text", ended), cell(HEADS[4], "text", whom),
  );
}

async function history() {
  try {
    const past = await ask(`/api/v1/history?since=7d&limit=${most}`);
    const records = past.records.toSorted((a, b) => Date.parse(endOf(b)) - Date.parse(endOf(a)) || b.seq - a.seq);
    list(rows, records, (of) => String(of.seq), record);
    const full = records.length >= most && most < MOST;
    byId("history-more").hidden = !full;
    if (full) setText(byId("history-more"), `Show ${STEP} more`);
    const none = records.length === 0 ? "Nothing was done within seven days." : "";
    const rest = !past.complete && !full ? "`classiclinkd history` shows what is left out here." : "";
    setText(byId("history-note"), none || rest.replaceAll("`", ""));
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    setText(byId("history-note"), `The history cannot be shown: ${error.message}`);
  }
}

const RUNS = ["Run", "Began (UTC)", "Command", "By", "Actions"];

async function runs() {
  const place = byId("runs-list");
  try {
    const { runs: found } = await ask("/api/v1/runs?limit=50");
    block(place, found, () => {
      const made = table("Runs, newest first", RUNS);
      const line = (of) => row(
        head("Run", of.run), cell("Began (UTC)", "when", time(of.at)), cell("Command", "", of.command ? said(of.command) : "not looked at"),
        cell("By", "", of.by ? said(of.by) : "not looked at"), cell("Actions", "text", Object.entries(of.outcomes).map(([word, n]) => chip(toneOf(word), `${n} ${word}`))),
      );
      made.append(make("tbody", { role: "rowgroup" }, found.toReversed().map(line)));
      return found.length ? made : make("p", { class: "faint" }, "There is none yet.");
    });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    block(place, error.message, () => make("p", { class: "notice" }, `The runs cannot be shown: ${error.message}`));
  }
}

/** What of the past is on the page, anew. */
export async function past() {
  await history();
  if (byId("runs").open) await runs();
}

byId("runs").addEventListener("toggle", () => { if (byId("runs").open) runs(); });
byId("history-more").addEventListener("click", () => {
  most = Math.min(MOST, most + STEP);
  history();
});
