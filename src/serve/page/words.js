// The words of the API as a person reads them, and times and numbers as text.

import { make, setText } from "/page/dom.js";

/** How the whole stands: its word, its tone, and what it means. */
export const STANDINGS = {
  waiting: ["Waiting for the first pass", "idle", "No VPC has been read yet."],
  converged: ["Converged", "good", "Every declared VPC is as its manifests say."],
  pending: ["Changes pending", "warn", "No rule holds them; they are carried out, or tried again, by the next passes."],
  refused: ["Manifests not accepted", "bad", "The manifests have a mistake; the last accepted revision stays in force."],
  held: ["Held", "warn", "The gate holds changes back until somebody says that they are meant."],
  partial: ["Not completely read", "bad", "Nothing is cut where the links could not be read completely."],
  error: ["Failing", "bad", "The cloud refuses, or an action failed, in a way that time alone will not mend."],
};

const VERDICTS = {
  approved: ["changes pending", "warn"],
  held: ["held", "warn"],
  inSync: ["in sync", "good"],
  partial: ["not completely read", "bad"],
  error: ["failing", "bad"],
  waiting: ["not read yet", "idle"],
};

const OUTCOMES = { converged: "good", settling: "warn", skipped: "warn", withdrawn: "idle", open: "idle", unknown: "warn" };

export const toneOf = (outcome) => OUTCOMES[outcome] || "bad";
export const verdict = (word) => VERDICTS[word] || [word, "warn"];

/** What is said of one VPC, by how its last pass ended. */
export function verdictOf(scope) {
  if (scope.error) return "error";
  if (scope.verdict === "approved" && left(scope).length === 0) return "inSync";
  return scope.verdict;
}

/** The actions that its last pass proposed and did not see converge. */
export function left(scope) {
  const done = new Set((scope.outcomes || []).filter((of) => of.outcome === "converged").map((of) => of.action + of.instanceId));
  return scope.actions.filter((of) => !done.has(of.action + of.instanceId));
}

export const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many || `${one}s`}`;
export const keyOf = (scope) => `${scope.account}/${scope.regionId}/${scope.vpcId}`;

// What the daemon's clock shows, whatever the browser's does.
let ahead = 0;
export function setClock(now) { ahead = Date.parse(now) - Date.now(); }
export const now = () => Date.now() + ahead;

const two = (n) => String(n).padStart(2, "0");

/** A time of day in UTC; with the date, unless it is today. */
export function clock(at) {
  const date = new Date(at);
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const day = date.toISOString().slice(0, 10);
  return day === new Date(now()).toISOString().slice(0, 10) ? time : `${day} ${time}`;
}

const UNITS = [[31557600, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** A span in its two largest units, such as `1 h 20 min`. */
export function span(milliseconds) {
  let rest = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [];
  for (const [seconds, unit] of UNITS) {
    const n = Math.floor(rest / seconds);
    if (n > 0 && parts.length < 2) parts.push(`${n} ${unit}`);
    else if (parts.length > 0) break;
    rest -= n * seconds;
  }
  return parts.join(" ") || "0 s";
}

const moment = (at) => `${clock(at)} UTC`;
const local = (at) => `${new Date(at).toLocaleString()} where you are`;

/** A time of day; its title has it in the reader's zone. */
export const time = (at) => make("time", { datetime: at, title: local(at) }, clock(at));

/** How long ago, or how long from now; `tick` keeps it true. */
export function ago(at) {
  const made = make("time", { datetime: at, title: `${moment(at)}; ${local(at)}`, "data-ago": "" });
  setText(made, relative(at));
  return made;
}

export function relative(at) {
  const away = Date.parse(at) - now();
  return away > 0 ? `in ${span(away)}` : `${span(-away)} ago`;
}

export function tick() {
  for (const one of document.querySelectorAll("time[data-ago]")) setText(one, relative(one.dateTime));
}

export { moment };
