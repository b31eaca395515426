// Keeps the page true: told by events, else by asking again and again; at most one question a second.

import { byId, setText, announce } from "/page/dom.js";
import { clock, now, span } from "/page/words.js";

const REST = 1000;
const CALM = 5000;
const POLL = 2000;
// The title of a hidden page still says how it stands.
const UNSEEN = 30000;
const PATIENCE = 10000;
const REOPEN = 15000;
const EVENTS = ["accepted", "trouble", "passed", "expiring", "stopped", "missed"];

const WORDS = { connecting: "connecting", live: "live", polling: "asking every 2 s", gone: "disconnected" };

export async function ask(path) {
  let answer;
  let value;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    value = await answer.json();
  } catch {
    throw new Unanswered("The daemon does not answer.");
  }
  if (!answer.ok) throw new Unanswered(`${path} answers ${answer.status}: ${value.error}`);
  return value;
}

/** Nobody answered, or not with what was asked for; any other error is a mistake of the page's own. */
export class Unanswered extends Error {}

export class Live {
  #refresh;
  #lost;
  #events = null;
  #timer = null;
  #last = 0;
  #busy = false;
  #again = false;
  #goneSince = null;
  #seen = null;
  #reason = "";

  /** `refresh` asks for everything and shows it; `lost` is told since when nobody answers, or null, and why. */
  constructor(refresh, lost) {
    this.#refresh = refresh;
    this.#lost = lost;
  }

  start() {
    this.#listen();
    this.#run();
    setInterval(() => { if (this.#closed() && !document.hidden) this.#listen(); }, REOPEN);
    // A hidden page holds no stream: a browser has six connections for all pages of one server.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return this.#close();
      this.#listen();
      this.#soon(0);
    });
  }

  #closed() {
    return !this.#events || this.#events.readyState === EventSource.CLOSED;
  }

  #close() {
    this.#events?.close();
    this.#events = null;
  }

  #listen() {
    this.#close();
    const events = new EventSource("/api/v1/events");
    const heard = () => this.#soon(Math.max(0, this.#last + REST - performance.now()));
    for (const name of EVENTS) events.addEventListener(name, heard);
    events.addEventListener("open", heard);
    // The browser connects again by itself; meanwhile asking says whether anybody is there.
    events.addEventListener("error", heard);
    this.#events = events;
  }

  #soon(wait) {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), wait);
  }

  async #run() {
    this.#busy = true;
    this.#again = false;
    this.#last = performance.now();
    try {
      await this.#refresh();
      this.#seen = now();
      if (this.#goneSince !== null) announce("The daemon answers again");
      this.#goneSince = null;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.#reason = error.message;
      if (this.#goneSince === null) {
        this.#goneSince = now();
        announce("Disconnected: the daemon does not answer");
      }
    } finally {
      this.#busy = false;
      this.#tell();
      this.#soon(this.#wait());
    }
  }

  #wait() {
    if (document.hidden) return UNSEEN;
    if (this.#again) return Math.max(0, this.#last + REST - performance.now());
    return this.#state() === "live" ? CALM : POLL;
  }

  #state() {
    if (this.#goneSince !== null) return "gone";
    if (this.#seen === null) return "connecting";
    return this.#events?.readyState === EventSource.OPEN ? "live" : "polling";
  }

  #tell() {
    const state = this.#state();
    byId("connection").dataset.state = state;
    setText(byId("connection-word"), WORDS[state]);
    this.tick();
    this.#lost(this.#goneSince, this.#seen, this.#reason);
  }

  tick() {
    const since = this.#goneSince;
    const text = since !== null
      ? `since ${clock(since)} UTC (${span(now() - since)})`
      : this.#seen === null ? "" : `as of ${clock(this.#seen)} UTC`;
    setText(byId("connection-time"), text);
  }
}
