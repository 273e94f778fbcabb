// What services print, live and back in time, across generations. The agent filters;
// the address of the page holds the filter.

import { again, ask, stream } from "./api.js";
import { spans } from "./ansi.js";
import { h, patch } from "./dom.js";
import { LEVELS, marked, pattern } from "./filter.js";
import { count } from "./format.js";
import { icon } from "./icons.js";
import { LogList } from "./loglist.js";

const TAIL = 500;
const AFTER = 2000; // lines that are asked for after a break, to go on without a gap
const HUES = 8;

// filterOf reads a filter from the parameters of an address.
export function filterOf(params) {
  return { services: params.getAll("service"), generation: params.get("generation") ?? "", q: params.get("q") ?? "", level: params.get("level") ?? "" };
}

// query writes a filter as the agent takes it: /…/ is a pattern.
export function query({ services, generation, q, level }) {
  const out = new URLSearchParams();
  for (const s of services) out.append("service", s);
  if (generation) out.set("generation", generation);
  const slashes = /^\/(.+)\/(i?)$/.exec(q);
  if (slashes) out.set("regexp", (slashes[2] ? "(?i)" : "") + slashes[1]);
  else if (q) out.set("q", q);
  if (level) out.set("level", level);
  return out;
}

// hueOf gives a service its colour among the others.
export function hueOf(name) {
  let n = 0;
  for (const c of name) n = (n * 31 + c.codePointAt(0)) >>> 0;
  return n % HUES;
}

// LogView is a pane of lines with its filters. It owns its node; apply gives it
// another filter, close ends it.
export class LogView {
  // changed is told of a filter that a person has set; names gives the services.
  constructor(node, { filter, changed, names, single = false }) {
    Object.assign(this, { changed, names, single, filter });
    node.classList.add("logs");
    this.bar = element(node, "div", "log-bar");
    this.box = element(node, "div", "log-box");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "log");
    this.box.setAttribute("aria-label", "Lines of services");
    this.box.setAttribute("aria-live", "off"); // hundreds a second are no speech
    this.foot = element(node, "div", "log-foot");
    this.list = new LogList(this.box, { row: (line, before) => this.row(line, before), earlier: () => this.earlier(), following: () => this.draw(), dropped: (n) => (this.forgotten += n) });
    this.connect();
  }

  close() {
    this.ends?.abort();
    clearTimeout(this.typing);
    this.list.close();
  }

  apply(filter) {
    if (JSON.stringify(filter) !== JSON.stringify(this.filter)) {
      this.filter = filter;
      this.connect();
    }
    this.draw();
  }

  // connect begins anew with the filter as it is.
  connect() {
    this.ends?.abort();
    const ends = (this.ends = new AbortController());
    this.match = pattern(this.filter.q);
    this.problem = this.match.error ?? "";
    this.hidden = this.errors = this.forgotten = 0;
    this.before = "";
    this.done = true;
    this.busy = false;
    this.broken = false;
    this.partials = new Map();
    this.draw();
    this.list.clear();
    this.listen();
  }

  // listen follows with the filter as it is, from where the list ends.
  listen() {
    const { ends } = this;
    if (this.problem) return;
    again((worked) => stream(`/api/logs/stream?tail=${this.list.lines.length > 0 ? AFTER : TAIL}&${query(this.filter)}`, (name, data) => {
      worked.any = true;
      this.take(name, data);
    }, ends.signal), ends.signal, (why) => this.broke(why, ends));
  }

  // see is told whether somebody can see the page: a browser has few connections for
  // all its pages, so one that nobody sees needs none.
  see(visible) {
    this.ends.abort();
    this.busy = false;
    if (!visible) return;
    this.ends = new AbortController();
    this.listen();
  }

  broke(why, ends) {
    if (why?.status === 400) {
      this.problem = why.message;
      ends.abort();
    } else this.broken = true;
    this.draw();
  }

  take(name, data) {
    if (name === "start") {
      const fresh = this.after(data.lines ?? []);
      if (fresh) {
        this.broken = false;
        this.append(fresh);
        return this.draw();
      }
      this.list.clear();
      this.partials.clear();
      this.before = data.before ?? "";
      this.done = data.done ?? !data.before;
      this.hidden = data.hidden ?? 0;
      this.errors = this.forgotten = 0;
      this.broken = false;
      this.append(data.lines ?? []);
      if (!this.done && (data.lines ?? []).length < 50) this.earlier();
    } else if (name === "lines") {
      this.hidden += data.hidden ?? 0;
      this.append(data.lines ?? []);
    } else return;
    this.draw();
  }

  // after gives those lines that follow the last one that there is already, or null
  // where it is not among them: then what is between is unknown.
  after(lines) {
    const whole = this.list.lines.findLast((l) => !l.partial && !l.note);
    const at = whole ? lines.findLastIndex((l) => same(l, whole)) : -1;
    return at < 0 ? null : lines.slice(at + 1).filter((l) => !this.list.lines.slice(-AFTER).some((k) => !k.partial && same(k, l)));
  }

  // append adds lines; one that replaces a progress bar takes its place.
  append(lines) {
    const fresh = [];
    this.errors += lines.filter(grave).length;
    for (const line of lines) {
      const key = `${line.generation} ${line.file ?? ""}`;
      const bar = this.partials.get(key);
      if (line.partial) this.partials.set(key, line);
      else this.partials.delete(key);
      const at = bar ? fresh.lastIndexOf(bar) : -1;
      if (at >= 0) fresh[at] = line;
      else if (!bar || !this.list.replace(bar, line)) fresh.push(line);
    }
    this.list.append(fresh);
  }

  // earlier asks for older lines, until some have come or there are none.
  async earlier() {
    if (this.busy || this.done || !this.before || this.forgotten > 0) return;
    this.busy = true;
    this.draw();
    const { signal } = this.ends;
    try {
      for (let found = 0; found < 20 && !this.done; ) {
        const answer = await ask(`/api/logs?limit=1000&before=${encodeURIComponent(this.before)}&${query(this.filter)}`, { signal });
        if (signal.aborted) return;
        const lines = answer.lines ?? [];
        this.before = answer.before ?? "";
        this.done = answer.done ?? !this.before;
        this.hidden += answer.hidden ?? 0;
        found += lines.length;
        this.errors += lines.filter(grave).length;
        if (lines.length > 0) this.list.prepend(lines);
        this.draw();
      }
    } catch (e) {
      if (signal.aborted) return;
      this.broken = e.status === 0;
      if (e.status !== 0) this.problem = e.message;
    }
    this.busy = false;
    this.draw();
    this.list.look();
  }

  row(line, before) {
    const node = document.createElement("div");
    const goesOn = before && !before.note && ["service", "generation", "file"].every((key) => before[key] === line[key]);
    node.className = `line${line.level ? ` l-${line.level}` : ""}${line.note ? " note" : ""}${goesOn ? " goes-on" : ""}`;
    if (!this.single) element(node, "span", `who h${hueOf(line.service)}`).textContent = line.service;
    const from = element(node, "span", "gen");
    from.textContent = `${/\d+$/.exec(line.generation ?? "")?.[0] ?? ""}${line.file ? ` ${line.file}` : ""}`;
    from.title = [line.generation, line.time && new Date(line.time).toLocaleTimeString()].filter(Boolean).join(" · ");
    const text = element(node, "span", "text");
    const pieces = line.ansi ? spans(line.ansi) : [{ text: line.text, classes: "" }];
    for (const piece of marked(pieces, this.match.ranges(line.text))) {
      const part = element(text, piece.mark ? "mark" : "span", piece.classes);
      part.textContent = piece.text;
    }
    return node;
  }

  set(part) { this.changed({ ...this.filter, ...part }); }

  draw() {
    if (!this.list) return;
    const { services, q, level, generation } = this.filter;
    const names = this.names();
    patch(this.bar, [
      h("label.search", {}, icon("search"), h("span.hidden", {}, "Filter lines: text, or /a pattern/"),
        h("input", { key: "q", type: "search", class: "log-q", placeholder: "text, or /a pattern/", value: this.typed ?? q, "aria-invalid": this.problem ? "true" : null, oninput: (e) => this.type(e.target.value) })),
      h("label", {}, h("span.hidden", {}, "Level"), h("select", { key: "level", class: "log-level", value: level, onchange: (e) => this.set({ level: e.target.value }) },
        h("option", { value: "" }, "all levels"), LEVELS.map((l) => h("option", { value: l, selected: l === level }, l === "error" ? "errors" : `${l} and above`)))),
      generation && h("button", { type: "button", onclick: () => this.set({ generation: "" }) }, `generation ${generation} alone`, icon("close")),
      !this.single && names.length > 1 && h("div.chips", { role: "group", "aria-label": "Lines of which services" }, names.map((name) => h("button", {
        key: name, type: "button", "aria-pressed": String(services.includes(name)), onclick: () => this.set({ services: services.includes(name) ? services.filter((s) => s !== name) : [...services, name], generation: "" }),
      }, h("i", { class: `dot h${hueOf(name)}` }), name))),
    ]);
    patch(this.foot, [
      h("span.log-count", { role: "status" }, this.tells()),
      this.errors > 0 && !level && h("button.log-errors.s-bad", { type: "button", onclick: () => this.set({ level: "error" }) }, icon("failed"), count(this.errors, "error")),
      this.forgotten > 0 && h("button", { type: "button", onclick: () => this.connect() }, "Read back from the end"),
      this.problem && h("span.state.s-bad", { role: "alert" }, this.problem),
      this.broken && h("span.state.s-warn", {}, "the agent does not answer, trying again"),
      h("span.grow", {}),
      !this.list.follows && h("button.primary", { type: "button", onclick: () => this.list.follow() }, icon("down_arrow"), "Follow again"),
      this.list.follows && h("span.muted", {}, "follows"),
    ]);
  }

  // tells how much is shown, and that something is not.
  tells() {
    const shown = this.list.lines.length;
    const more = this.forgotten > 0 ? `, ${this.forgotten.toLocaleString("en")} earlier ones let go of` : this.busy ? ", reading earlier ones" : this.done ? "" : ", earlier ones above";
    if (this.hidden > 0) return `${shown.toLocaleString("en")} of ${count(shown + this.hidden, "line")} shown, the filter hides ${this.hidden.toLocaleString("en")}${more}`;
    return `${count(shown, "line")}${more}`;
  }

  type(value) {
    this.typed = value;
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      this.typed = undefined;
      this.set({ q: value });
    }, 200);
  }
}

const grave = (line) => line.level === "error" || line.level === "fatal";

const same = (a, b) => a.offset === b.offset && a.generation === b.generation && (a.file ?? "") === (b.file ?? "");

function element(parent, name, classes) {
  const node = document.createElement(name);
  if (classes) node.className = classes;
  parent.append(node);
  return node;
}
