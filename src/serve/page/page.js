// Asks for how things stand and shows it.

import { tick, setClock } from "/page/words.js";
import { Live, ask } from "/page/live.js";
import { disconnected, figures, problems, since, standing } from "/page/standing.js";
import { holds } from "/page/holds.js";
import { scopes, together } from "/page/scopes.js";
import { trend } from "/page/trend.js";
import { past } from "/page/past.js";
import { budgets, windows } from "/page/limits.js";

async function refresh() {
  const asked = ["status", "scopes", "refusals", "trend"].map((path) => ask(`/api/v1/${path}`));
  const [status, rows, held, samples] = await Promise.all(asked);
  setClock(status.now);
  const all = together(rows.scopes, status.scopes);
  standing(status, since(status, samples.samples));
  figures(status, all);
  problems(status, all);
  holds(held.refusals);
  scopes(all, status.revision?.digest);
  trend(samples);
  budgets(status.budgets);
  windows(status);
  await past();
}

const live = new Live(refresh, disconnected);
live.start();
setInterval(() => {
  tick();
  live.tick();
}, 1000);
