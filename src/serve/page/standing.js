// Whether all is well, in words, and since when; and what is not.

import { block, byId, chip, copyable, list, make, mark, said, setText, announce } from "/page/dom.js";
import { STANDINGS, ago, clock, count, keyOf, left, moment, now, span, verdictOf } from "/page/words.js";

let before = null;
let changedAt = null;

/** Since when it has stood like that: by what this page saw, else by the samples of the last day. */
export function since(status, samples) {
  if (before !== null && before !== status.standing) changedAt = status.now;
  before = status.standing;
  if (changedAt) return { at: changedAt, surely: true };
  const good = (sample) => sample.unexpected === 0 && sample.failedPasses === 0;
  const last = samples.length - 1;
  const runs = (holds) => {
    let n = last;
    while (n >= 0 && holds(samples[n])) n -= 1;
    return n === last ? null : { at: samples[n + 1].at, surely: n >= 0 };
  };
  switch (status.standing) {
    case "waiting": return status.startedAt ? { at: status.startedAt, surely: true } : null;
    case "converged": return runs(good);
    case "pending":
    case "held": return runs((sample) => sample.unexpected > 0 || sample.missing > 0);
    case "partial":
    case "error": return runs((sample) => sample.failedPasses > 0 || sample.passes === 0);
    default: return null;
  }
}

export function standing(status, from) {
  const [word, tone, meaning] = STANDINGS[status.standing] || [status.standing, "warn", ""];
  const title = byId("standing-title");
  if (title.textContent !== word) {
    announce(word);
    document.title = `${word} · classiclinkd`;
  }
  setText(title, word);
  byId("standing").dataset.tone = tone;
  block(byId("standing-mark"), tone, mark);
  block(byId("standing-since"), from, () => from && [from.surely ? "since " : "at least since ", `${moment(from.at)}, `, ago(from.at)]);
  const paused = status.paused.length > 0 && "Calls are paused.";
  setText(byId("standing-why"), [meaning, aside(status), paused].filter(Boolean).join(" "));
  setText(byId("version"), `version ${status.version}`);
  block(byId("revision"), [status.revision, status.acceptedAt], () => revision(status));
}

/** How many VPCs it is about; or what is worth a word while all that may be done is done. */
function aside(status) {
  const { missing = 0, held = 0, partial = 0 } = status.summary || {};
  const of = (n) => `This is about ${count(n, "VPC")} of ${status.scopes.length.toLocaleString("en")}.`;
  if (status.standing === "held") return of(held);
  if (status.standing === "partial") return of(partial);
  if (status.standing !== "converged" || missing === 0) return "";
  return `${count(missing, "listed link is", "listed links are")} not there; only the mode sync attaches.`;
}

function revision(status) {
  if (!status.revision) return ["no revision of the manifests was accepted yet"];
  const { digest, commit, author, subject } = status.revision;
  const parts = ["revision ", make("code", {}, digest.slice(0, 12))];
  if (commit) parts.push(", commit ", make("code", {}, commit.slice(0, 12)));
  if (author) parts.push(" by ", said(author));
  if (subject) parts.push(" (", said(subject), ")");
  if (status.acceptedAt) parts.push(", accepted ", ago(status.acceptedAt));
  return parts;
}

export function disconnected(since, seen, reason) {
  const section = byId("standing");
  section.classList.toggle("gone", since !== null);
  document.body.classList.toggle("stale", since !== null);
  if (since === null) return;
  setText(byId("standing-title"), "Disconnected");
  document.title = "Disconnected · classiclinkd";
  section.dataset.tone = "bad";
  block(byId("standing-mark"), "bad", mark);
  block(byId("standing-since"), [since, Math.round(now() / 1000)], () => [`since ${clock(since)} UTC, for ${span(now() - since)}`]);
  const then = seen === null ? "" : ` Everything below is as it was at ${clock(seen)} UTC.`;
  setText(byId("standing-why"), `${reason} This page asks again every 2 s.${then}`);
}

export function figures(status, scopes) {
  const waiting = scopes.filter((scope) => scope.verdict === "waiting").length;
  const sum = (of) => scopes.reduce((total, scope) => total + of(scope), 0);
  const open = (verb) => sum((scope) => (scope.actions ? left(scope).filter((of) => of.action === verb).length : 0));
  const inSync = scopes.filter((scope) => verdictOf(scope) === "inSync").length;
  const detach = open("detach");
  const attach = open("attach");
  const missing = sum((scope) => (Array.isArray(scope.missing) ? scope.missing.length : 0));
  const all = [
    ["VPCs in sync", `${inSync.toLocaleString("en")} of ${scopes.length.toLocaleString("en")}`, inSync < scopes.length - waiting ? "warn" : ""],
    ["Links observed", sum((scope) => scope.observed).toLocaleString("en"), ""],
    ["Links desired", sum((scope) => scope.desired).toLocaleString("en"), ""],
    ["To detach", detach.toLocaleString("en"), detach ? "warn" : ""],
    ["To attach", attach.toLocaleString("en"), attach ? "warn" : ""],
    ["Missing", missing.toLocaleString("en"), missing ? "warn" : ""],
    ["In quarantine", status.quarantined.toLocaleString("en"), status.quarantined ? "bad" : ""],
    ["Passes", status.passes.toLocaleString("en"), ""],
  ];
  list(byId("figures"), all, ([name]) => name, ([name, value, tone]) =>
    make("div", { class: `figure ${tone}` }, make("dt", {}, name), make("dd", {}, value)));
}

/** What stands in the way, beside what the gate holds. */
export function problems(status, scopes) {
  const found = [];
  if (status.sourceProblem) found.push({ key: "source", word: "manifests not accepted", tone: "bad", text: status.sourceProblem, verbatim: true });
  if (status.journalProblem) found.push({ key: "journal", word: "journal cannot be written", tone: "bad", text: `${status.journalProblem}; no call is made without it. Mend the state folder.` });
  for (const { account, problem } of status.accountProblems) found.push({ key: `account ${account}`, word: "another account", tone: "bad", text: `Nothing is done in ${account}: ${problem}.` });
  for (const why of status.paused) found.push({ key: `paused ${why}`, word: "paused", tone: "warn", text: why, command: resume(why) });
  if (!status.changes.allowed) {
    const opens = status.changes.changesAt ? `; changes may be made again from ${moment(status.changes.changesAt)}` : "";
    found.push({ key: "windows", word: "outside the windows", tone: "idle", text: `${status.changes.closedBy}${opens}` });
  }
  for (const scope of scopes) {
    // With a refusal it stands among what is held, with its way out.
    if (scope.error && scope.refusals.length === 0) {
      const { code, message, requestId } = scope.error;
      const request = requestId ? ` (request ${requestId})` : "";
      found.push({ key: `error ${keyOf(scope)}`, word: "failing", tone: "bad", text: `${keyOf(scope)}: ${code}: ${message}${request}` });
    }
  }
  const most = 20;
  const rest = found.length - most;
  if (rest > 0) found.splice(most, rest, { key: "rest", word: "more", tone: "bad", text: `and ${rest} more VPCs that fail: see the list of VPCs` });
  byId("problems").hidden = found.length === 0;
  list(byId("problems-list"), found, (one) => one.key, problem);
}

function problem({ word, tone, text, verbatim, command }) {
  const told = verbatim ? make("pre", { tabindex: "0", role: "group", "aria-label": "Why", "data-focus": "why" }, said(text)) : make("p", {}, said(text));
  return make("div", { class: `card ${tone}` }, make("p", { class: "title" }, chip(tone, word)), told, command && copyable(command, "Run"));
}

/** What ends a pause, by the target that it begins with: what follows is anybody's text. */
function resume(why) {
  const [, target] = why.match(/^(everything|[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+){0,2}) since /) || [];
  if (!target) return null;
  if (target === "everything") return "classiclinkd resume";
  const options = ["--account", "--region", "--vpc"];
  return `classiclinkd resume ${target.split("/").map((name, n) => `${options[n]} ${name}`).join(" ")}`;
}
