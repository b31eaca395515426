"use strict";
// Everything that comes from manifests or the cloud is put in as text nodes, never as markup.

const standings = {
  waiting: ["waiting for the first pass", "faint"],
  converged: ["converged", "good"],
  pending: ["changes pending", "warn"],
  refused: ["the manifests are not accepted", "bad"],
  held: ["held by the gate", "bad"],
  partial: ["not completely read", "bad"],
  error: ["failing", "bad"],
};
const verdicts = {
  approved: ["approved", "warn"],
  held: ["held", "bad"],
  inSync: ["in sync", "good"],
  partial: ["not completely read", "bad"],
};

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fill(id, nodes) {
  document.getElementById(id).replaceChildren(...nodes);
}

function settled(scope) {
  const ended = new Map();
  for (const outcome of scope.outcomes || []) {
    ended.set(outcome.action + outcome.instanceId, outcome);
  }
  return ended;
}

function scopeCard(scope) {
  const card = element("article", undefined, "scope");
  const [word, className] = verdicts[scope.verdict] || [scope.verdict, "warn"];
  const title = element("h3", `${scope.account} / ${scope.regionId} / ${scope.vpcId}: `);
  title.append(element("span", word, className));
  const facts = `mode ${scope.mode}, ${scope.observed} observed, ${scope.desired} desired, read ${scope.ageSeconds} s ago`;
  card.append(title, element("p", facts, "faint"));
  const list = element("ul");
  const ended = settled(scope);
  for (const action of scope.actions) {
    const outcome = ended.get(action.action + action.instanceId);
    const text = outcome ? outcome.detail : action.reason;
    const tone = outcome && outcome.outcome === "converged" ? "good" : "warn";
    list.append(element("li", `${action.action} ${action.instanceId}: ${text}`, tone));
  }
  for (const instance of scope.missing) list.append(element("li", `missing ${instance}`, "warn"));
  for (const refusal of scope.refusals) list.append(element("li", `[${refusal.rule}] ${refusal.message}`, "bad"));
  card.append(list);
  return card;
}

function recentRow(recent) {
  const row = element("tr");
  const tone = recent.outcome === "converged" ? "good" : "bad";
  row.append(
    element("td", `${recent.at.slice(0, 19).replace("T", " ")} UTC`),
    element("td", recent.action),
    element("td", recent.instanceId),
    element("td", recent.scope),
    element("td", recent.detail, tone),
  );
  return row;
}

function show(status) {
  const [word, className] = standings[status.standing] || [status.standing, "warn"];
  const standing = document.getElementById("standing");
  if (standing.textContent !== word) standing.textContent = word;
  standing.className = className;
  const revision = status.revision ? `revision ${status.revision.digest.slice(0, 12)}` : "no revision accepted yet";
  fill("facts", [element("span", `${revision}, ${status.passes} passes, ${status.quarantined} links in quarantine, version ${status.version}`, "faint")]);
  const trouble = document.getElementById("trouble");
  trouble.hidden = !status.sourceProblem;
  trouble.textContent = status.sourceProblem || "";
  fill("scopes", (status.scopes || []).map(scopeCard));
  document.querySelector("#recent tbody").replaceChildren(...status.recent.map(recentRow));
}

async function refresh() {
  try {
    const answer = await fetch("/api/v1/status");
    show(await answer.json());
  } catch (error) {
    const standing = document.getElementById("standing");
    standing.textContent = "the daemon does not answer";
    standing.className = "bad";
  }
}

refresh();
setInterval(refresh, 2000);
