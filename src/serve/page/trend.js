// Passes over time, and the links that are left, as bars and as a line, and as a sentence and a table.

import { block, body, byId, cell, draw, head, make, row, said, setText, table } from "/page/dom.js";
import { clock, count, now, span } from "/page/words.js";

const HEIGHT = 140;
const EDGE = { left: 40, right: 8, top: 10, bottom: 20 };
const COLUMNS = 80;
const LEAST = 10 * 60 * 1000;

let last = { stepSeconds: 10, samples: [] };

/** Samples as columns of equal width, oldest first; a column without any has null. */
function columns({ stepSeconds, samples }) {
  const end = now();
  const first = samples.length ? Date.parse(samples[0].at) : end;
  const step = stepSeconds * 1000;
  const whole = Math.max(LEAST, end - first);
  const width = Math.ceil(whole / COLUMNS / step) * step;
  const many = Math.ceil(whole / width);
  const start = end - many * width;
  const all = Array.from({ length: many }, (_, n) => ({ at: start + n * width, sample: null }));
  for (const of of samples) {
    const n = Math.min(many - 1, Math.max(0, Math.floor((Date.parse(of.at) - start) / width)));
    const old = all[n].sample || { passes: 0, failedPasses: 0, converged: 0 };
    all[n].sample = {
      passes: old.passes + of.passes, failedPasses: old.failedPasses + of.failedPasses, converged: old.converged + of.converged,
      unexpected: of.unexpected, missing: of.missing,
    };
  }
  return { all, start, end, width };
}

/** The next round number: an axis that ends there is read at a glance. */
function round(most) {
  if (most <= 4) return 4;
  const scale = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].map((n) => n * scale).find((n) => n >= most);
}

function frame(width, top, { start, end }, label) {
  const right = width - EDGE.right;
  const y = (value) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - value / top);
  const x = (at) => EDGE.left + (right - EDGE.left) * ((at - start) / (end - start));
  const lines = [0, top / 2, top].map((value) => [
    draw("line", { x1: EDGE.left, x2: right, y1: y(value), y2: y(value), class: value ? "grid" : "axis" }),
    draw("text", { x: EDGE.left - 6, y: y(value) + 4, class: "tick end" }, value.toLocaleString("en")),
  ]);
  const times = [[start, "tick"], [(start + end) / 2, "tick middle"], [end, "tick end"]].map(([at, className]) =>
    draw("text", { x: x(at), y: HEIGHT - 4, class: className }, hour(at)));
  const made = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label }, lines, times);
  return { made, x, y };
}

const hour = (at) => clock(at).slice(-8, -3);

/** A line in steps: how it stood at the end of each column; it breaks where nothing is known. */
function steps(all, value, x, y, width) {
  let path = "";
  let on = false;
  for (const { at, sample } of all) {
    if (!sample) {
      on = false;
      continue;
    }
    const level = y(value(sample)).toFixed(1);
    path += `${on ? "V" : `M${x(at).toFixed(1)} `}${level}H${x(at + width).toFixed(1)}`;
    on = true;
  }
  return path;
}

function leftChart(width, of, label) {
  const most = Math.max(0, ...of.all.map(({ sample }) => (sample ? Math.max(sample.unexpected, sample.missing) : 0)));
  const { made, x, y } = frame(width, round(most), of, label);
  made.append(
    draw("path", { d: steps(of.all, (one) => one.missing, x, y, of.width), class: "line missing" }),
    draw("path", { d: steps(of.all, (one) => one.unexpected, x, y, of.width), class: "line unexpected" }),
  );
  return made;
}

function passChart(width, of, label) {
  const most = Math.max(0, ...of.all.map(({ sample }) => sample?.passes || 0));
  const { made, x, y } = frame(width, round(most), of, label);
  for (const { at, sample } of of.all.filter((one) => one.sample?.passes)) {
    const [from, wide] = [x(at) + 0.5, Math.max(1, x(at + of.width) - x(at) - 1)];
    const bar = (value, above, className) =>
      value > 0 && made.append(draw("rect", { x: from, y: y(value + above), width: wide, height: y(above) - y(value + above), class: className }));
    bar(sample.failedPasses, 0, "bar failed");
    bar(sample.passes - sample.failedPasses, sample.failedPasses, "bar");
  }
  return made;
}

function sentences({ all, start, end }) {
  const known = all.filter((one) => one.sample);
  const over = `over ${span(end - start)}`;
  const latest = known.at(-1)?.sample || { unexpected: 0, missing: 0 };
  const peak = known.reduce((most, one) => (one.sample.unexpected > most.sample.unexpected ? one : most), known[0] || { at: end, sample: latest });
  const sum = (key) => known.reduce((total, one) => total + one.sample[key], 0);
  const high = peak.sample.unexpected > latest.unexpected ? `; at most ${peak.sample.unexpected.toLocaleString("en")}, at ${clock(peak.at)} UTC` : "";
  const failed = sum("failedPasses");
  return {
    left: `${count(latest.unexpected, "link")} linked and listed nowhere, ${latest.missing.toLocaleString("en")} listed and missing${high}.`,
    passes: `${count(sum("passes"), "pass", "passes")} ${over}; ${failed ? `${failed.toLocaleString("en")} of them failed or read incompletely` : "none failed"}; ${count(sum("converged"), "action")} converged.`,
  };
}

const key = (className, text) =>
  make("li", {}, draw("svg", { class: "key", viewBox: "0 0 24 12", "aria-hidden": "true" }, className.startsWith("bar") ? draw("rect", { x: 6, y: 1, width: 10, height: 10, class: className }) : draw("path", { d: "M1 6H23", class: className })), text);

function figure(id, title, keys) {
  return make("figure", { id }, make("h3", {}, title), make("ul", { class: "keys" }, keys), make("div", { class: "chart" }), make("figcaption", {}));
}

byId("trend").append(
  figure("trend-left", "Links left", [key("line unexpected", "linked, listed nowhere"), key("line missing", "listed, missing")]),
  figure("trend-passes", "Passes", [key("bar", "complete"), key("bar failed", "failed, or read incompletely")]),
);
const numbers = make("div", {});
const asTable = make("details", { class: "numbers" }, make("summary", {}, "The same as numbers"), numbers);
byId("trend").append(asTable);

function rows(of) {
  const heads = ["From (UTC)", "Linked, listed nowhere", "Listed, missing", "Passes", "Failed", "Converged"];
  const made = table("Links left and passes, newest first", heads);
  const inside = body();
  for (const { at, sample } of of.all.filter((one) => one.sample).toReversed()) {
    const texts = [sample.unexpected, sample.missing, sample.passes, sample.failedPasses, sample.converged];
    inside.append(row(head(heads[0], said(clock(at))), texts.map((text, n) => cell(heads[n + 1], "number", text.toLocaleString("en")))));
  }
  made.append(inside);
  return made;
}

export function trend(told) {
  last = told;
  const of = columns(told);
  const words = sentences(of);
  for (const [id, text, chart] of [["trend-left", words.left, leftChart], ["trend-passes", words.passes, passChart]]) {
    const place = byId(id).querySelector(".chart");
    setText(byId(id).querySelector("figcaption"), text);
    const width = Math.max(200, Math.floor(place.clientWidth));
    block(place, [width, of.all, text], () => chart(width, of, text));
  }
  if (asTable.open) block(numbers, of.all, () => rows(of));
}

asTable.addEventListener("toggle", () => trend(last));
let resized;
addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(() => trend(last));
});
