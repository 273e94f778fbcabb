// What the agent has published, kept current by its events.

import { again, stream } from "./api.js";

const MOST_EVENTS = 200;
const HIDDEN = 10_000; // milliseconds; a short look elsewhere costs nothing

// Store holds the newest values; changed is called after each change, and heard with
// each new event.
export class Store {
  constructor({ changed, heard }) {
    Object.assign(this, { changed, heard });
    this.services = [];
    this.externals = [];
    this.events = [];
    this.agent = null; // nothing has come yet
    this.link = { state: "connecting", since: Date.now() };
    this.ahead = 0; // of the agent's clock before this machine's
  }

  // now is the agent's time, in milliseconds.
  now() { return Date.now() + this.ahead; }

  // see is told whether somebody can see the page; one that nobody sees lets go of
  // its connection after a while, of which a browser has few for all its pages.
  see(visible) {
    clearTimeout(this.leaving);
    if (!visible) this.leaving = setTimeout(() => this.ends?.abort(), HIDDEN);
    else if (!this.ends || this.ends.signal.aborted) {
      this.ends = new AbortController();
      this.run(this.ends.signal);
    }
  }

  // run stays connected until the signal.
  run(signal) {
    return again((worked) => stream("/api/events", (name, data) => {
      worked.any = true;
      this.take(name, data);
    }, signal), signal, (why) => this.broke(why));
  }

  take(name, data) {
    switch (name) {
      case "snapshot": this.restart(data); break;
      case "service": {
        const at = this.services.findIndex((s) => s.service === data.service);
        if (at >= 0) this.services[at] = data;
        break;
      }
      case "memory":
        this.services = this.services.map((s) => (s.service in data ? { ...s, memory_bytes: data[s.service] } : s));
        if ("" in data) this.agent = { ...this.agent, memory_available_bytes: data[""] };
        break;
      case "agent": this.agent = data; break;
      case "event":
        this.events = [...this.events, data].slice(-MOST_EVENTS);
        this.heard(data);
        break;
      default: return; // of a newer agent
    }
    this.changed();
  }

  // restart takes a whole state, and tells of the events that came during a break.
  restart(state) {
    const seen = this.agent ? this.events.at(-1) : undefined;
    const same = this.agent?.pid === state.agent.pid && this.agent?.since === state.agent.since;
    this.services = state.services ?? [];
    this.externals = state.externals ?? [];
    this.agent = state.agent;
    this.ahead = Date.parse(state.at) - Date.now();
    this.events = state.events ?? [];
    this.link = { state: "live", since: Date.now() };
    if (seen && same) for (const e of this.events) if (e.id > seen.id) this.heard(e);
  }

  broke(why) {
    if (why?.status === 401) this.link = { state: "signed out", since: this.link.since, why: why.message };
    else if (why?.status === 403) this.link = { state: "refused", since: this.link.since, why: why.message };
    else if (this.link.state !== "broken") this.link = { state: "broken", since: Date.now(), why: why?.message };
    this.changed();
  }

  service(name) { return this.services.find((s) => s.service === name); }
}
