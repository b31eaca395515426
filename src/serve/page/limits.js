// What may be done when, and how much of it: windows and budgets.

import { byId, chip, list, make, more, said, block } from "/page/dom.js";
import { ago, moment } from "/page/words.js";

const STEP = 8;
let most = STEP;
let last = [];

export function windowLine(of) {
  const open = of.kind === "allow" ? of.open : !of.open;
  const state = of.kind === "allow" ? (of.open ? "open" : "closed") : of.open ? "denies now" : "does not apply now";
  return [
    make("span", { class: "window" }, `${of.kind} `, make("code", {}, of.spec), ` ${of.timezone} `),
    chip(open ? "good" : "warn", state),
    of.changesAt ? make("span", { class: "faint" }, ` changes ${moment(of.changesAt)}, `, ago(of.changesAt)) : "",
  ];
}

export function windows(status) {
  const { allowed, closedBy, changesAt } = status.changes;
  block(byId("windows"), [status.windows, status.changes], () => {
    const word = allowed ? "changes may be made now" : "no changes now";
    const until = changesAt ? ["until ", moment(changesAt), ", ", ago(changesAt)] : [];
    const first = make("p", {}, chip(allowed ? "good" : "warn", word), " ", closedBy && [said(closedBy), " "], until);
    if (status.windows.length === 0) return [first, make("p", { class: "faint" }, "The configuration has no windows; those of a manifest stand with its VPC.")];
    return [first, make("ul", { class: "plain" }, status.windows.map((of) => make("li", {}, windowLine(of))))];
  });
}

const share = (of) => Math.max(of.hourUsed / (of.hourLimit || 1), of.dayUsed / (of.dayLimit || 1));

export function budgets(all) {
  last = [...all].sort((a, b) => share(b) - share(a));
  list(byId("budgets"), last.slice(0, most), (of) => `${of.account}/${of.regionId}`, lane);
  more(byId("budgets-more"), last.length - most, STEP, "budgets");
}

function lane(of) {
  const name = `${of.account}/${of.regionId}`;
  return make("div", { class: "lane" }, make("p", { class: "name" }, said(name)), gauge(name, "hour", of.hourUsed, of.hourLimit), gauge(name, "day", of.dayUsed, of.dayLimit));
}

function gauge(name, span, used, limit) {
  const text = `${used.toLocaleString("en")} of ${limit.toLocaleString("en")} within the ${span}`;
  const meter = make("meter", { min: 0, max: Math.max(limit, 1), value: Math.min(used, Math.max(limit, 1)), low: limit * 0.7, high: limit * 0.9, optimum: 0, "aria-label": `${name}: ${text}` });
  return make("p", { class: "gauge" }, meter, make("span", {}, text, used >= limit ? make("strong", {}, ", spent") : ""));
}

byId("budgets-more").addEventListener("click", () => {
  most += STEP;
  budgets(last);
});
