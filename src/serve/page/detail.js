// Everything about one VPC, asked for when somebody opens it and again when it was read anew.

import { block, body, cell, chip, head, list, make, more, row, said, setText, table } from "/page/dom.js";
import { ago, count, moment, span, toneOf } from "/page/words.js";
import { Unanswered, ask } from "/page/live.js";
import { refusal } from "/page/holds.js";
import { windowLine } from "/page/limits.js";

const STEP = 50;
const LINKS = ["Instance", "State", "Until", "Protected", "Reason", "Declared at"];
const ACTIONS = ["Action", "Instance", "How it ended", "Why"];
let serial = 0;

export class Detail {
  #path;
  #stamp = null;
  #facts = make("div", { class: "facts" });
  #links = [];
  #why = new Map();
  #read = false;
  #most = STEP;
  #find;
  #count = make("p", { class: "faint" });
  #table;
  #rows = body();
  #more = make("button", { type: "button", class: "more", hidden: true });

  constructor(scope, columns) {
    const { account, regionId, vpcId } = scope;
    this.#path = `/api/v1/scopes/${[account, regionId, vpcId].map(encodeURIComponent).join("/")}`;
    serial += 1;
    const id = `links-${serial}`;
    this.#find = make("input", { type: "search", id, autocomplete: "off", spellcheck: "false" });
    this.#table = table(`Links declared for ${vpcId}`, LINKS, "links");
    this.#table.append(this.#rows);
    this.#find.addEventListener("input", () => { this.#most = STEP; this.#show(); });
    this.#more.addEventListener("click", () => { this.#most += STEP; this.#show(); });
    const links = make("div", {}, make("div", { class: "heading" }, make("h4", {}, "Links declared"), make("label", { for: id }, "Find "), this.#find, this.#count), this.#table, this.#more);
    const inside = make("div", { class: "detail" }, make("h3", {}, said(vpcId)), this.#facts, links);
    this.node = make("tr", { role: "row", class: "detail-row" }, make("td", { role: "cell", colspan: columns }, inside));
  }

  /** Loads it again if a pass has read the VPC, or a revision came into force, since. */
  refresh(scope, revision) {
    const stamp = `${scope.readAt} ${revision}`;
    if (this.#stamp === stamp) return;
    const first = this.#stamp === null;
    this.#stamp = stamp;
    if (!first) this.load();
  }

  async load() {
    try {
      this.#fill(await ask(this.#path));
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      block(this.#facts, error.message, () => make("p", { class: "notice" }, `This cannot be shown: ${error.message}`));
    }
  }

  #fill(scope) {
    const { now: _, ageSeconds: __, readAt, links, ...rest } = scope;
    block(this.#facts, rest, facts);
    this.#links = links;
    this.#read = readAt !== null && scope.verdict !== "partial";
    this.#why = new Map(scope.missingLinks.map((of) => [of.instanceId, of.why]));
    this.#show();
  }

  #show() {
    const wanted = this.#find.value.trim().toLowerCase();
    const texts = (of) => `${of.instanceId} ${of.reason || ""} ${of.file}`.toLowerCase();
    const found = wanted ? this.#links.filter((of) => texts(of).includes(wanted)) : this.#links;
    const shown = found.slice(0, this.#most).map((of) => ({ ...of, ...this.#state(of) }));
    list(this.#rows, shown, (of) => `${of.instanceId} ${of.file} ${of.line}`, link);
    more(this.#more, found.length - this.#most, STEP, "links");
    setText(this.#count, found.length === this.#links.length ? count(found.length, "link") : `${found.length} of ${count(this.#links.length, "link")}`);
  }

  #state(of) {
    if (!of.desiredNow) return { word: "expired", tone: "warn" };
    if (this.#why.has(of.instanceId)) return { word: `missing: ${this.#why.get(of.instanceId)}`, tone: "warn" };
    return this.#read ? { word: "linked", tone: "good" } : { word: "not known", tone: "idle" };
  }
}

function link(of) {
  return row(
    head("Instance", said(of.instanceId)),
    cell("State", "", chip(of.tone, of.word)),
    cell("Until", "", of.until ? [moment(of.until), " (", ago(of.until), ")"] : "no end"),
    cell("Protected", "", of.protected ? chip("good", "protected") : "no"),
    cell("Reason", "text", of.reason ? said(of.reason) : "none given"),
    cell("Declared at", "text", make("code", {}, `${of.file}:${of.line}`)),
  );
}

function facts(scope) {
  const pairs = [];
  for (const of of scope.manifests) {
    const owner = of.owner === null ? ["no owner given"] : ["owner ", said(of.owner)];
    pairs.push(["Manifest", [said(of.name), ", ", owner, ", ", make("code", {}, `${of.file}:${of.line}`)]]);
  }
  if (scope.digest && scope.actions.length > 0) pairs.push(["Plan", [make("code", {}, scope.digest.slice(0, 12)), scope.approver && [", approved by ", said(scope.approver)]]]);
  for (const of of scope.windows) pairs.push(["Window", windowLine(of)]);
  for (const of of scope.expiring) pairs.push(["Expires soon", [said(of.instanceId), ` at ${moment(of.until)}, in ${count(of.daysLeft, "day")}`]]);
  if (scope.unconfirmed.length) pairs.push(["Listed, unknown by id", said(short(scope.unconfirmed))]);
  const term = ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
  return [
    make("dl", { class: "terms" }, pairs.map(term)),
    scope.refusalDetails.map((of) => refusal(of)),
    quarantined(scope.quarantined),
    actions(scope),
  ];
}

function short(ids) {
  const most = 50;
  return ids.slice(0, most).join(", ") + (ids.length > most ? ` and ${ids.length - most} more` : "");
}

function quarantined(parked) {
  if (parked.length === 0) return null;
  const heads = ["Instance", "Action", "Next try", "Why"];
  const made = table("Links in quarantine", heads, "done");
  const rows = parked.slice(0, STEP).map((of) => row(
    head("Instance", said(of.instanceId)), cell("Action", "", of.action),
    cell("Next try", "", `in ${span(of.nextTrySeconds * 1000)}`), cell("Why", "text", said(of.why)),
  ));
  made.append(make("tbody", { role: "rowgroup" }, rows));
  return [make("h4", {}, `In quarantine: ${count(parked.length, "link")}`), made];
}

function actions(scope) {
  if (scope.actions.length === 0) return null;
  const ended = new Map(scope.outcomes.map((of) => [of.action + of.instanceId, of]));
  const made = table("What the last pass would do, or did", ACTIONS, "done");
  const rows = scope.actions.slice(0, STEP).map((of) => {
    const outcome = ended.get(of.action + of.instanceId);
    const how = outcome ? [chip(toneOf(outcome.outcome), outcome.outcome), " ", said(outcome.detail)] : [chip("idle", "not carried out")];
    return row(cell("Action", "", of.action), head("Instance", said(of.instanceId)), cell("How it ended", "text", how), cell("Why", "text", said(of.reason)));
  });
  made.append(make("tbody", { role: "rowgroup" }, rows));
  const rest = scope.actions.length - STEP;
  return [
    make("h4", {}, "What the last pass would do, or did"),
    made,
    rest > 0 && make("p", { class: "faint" }, `and ${rest} more: see /api/v1/plan`),
  ];
}
