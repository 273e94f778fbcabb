// One service: what serves, what comes, why what is newest is not live, its deploys
// and its logs.

import { ask } from "./api.js";
import { lane, lanesOf } from "./card.js";
import { history, outcome, plot, waterfall } from "./deploys.js";
import { h } from "./dom.js";
import { age, bytes, clock, count, seconds, short } from "./format.js";
import { icon } from "./icons.js";
import { address } from "./route.js";
import { look } from "./states.js";

// Details fetches what is not among the published values: the past deploys of one
// service, and what changed in one of them. It asks anew when a deploy has ended.
export class Details {
  constructor(draw) {
    this.draw = draw;
    this.name = "";
    this.changes = new Map();
  }

  // of gives what is known of a service, and asks for it where it may be out of date.
  of(s) {
    const version = [s.service, s.last?.ended, s.generation, s.set, s.state, s.failed].join(" ");
    if (version !== this.version) {
      if (s.service !== this.name) this.known = null;
      this.name = s.service;
      this.version = version;
      this.fetch(s.service, version);
    }
    return this.known;
  }

  async fetch(name, version) {
    try {
      const answer = await ask(`/api/service/${encodeURIComponent(name)}`);
      if (version !== this.version) return;
      this.known = answer;
    } catch (e) {
      if (version !== this.version) return;
      this.known ??= { problem: e.message };
      this.version = ""; // with the next draw, which comes with news
    }
    this.draw();
  }

  // between gives what differs between two sets, once it is known.
  between(service, from, to) {
    const key = `${service} ${from} ${to}`;
    if (!this.changes.has(key)) {
      this.changes.set(key, null);
      const query = new URLSearchParams({ from, to });
      ask(`/api/service/${encodeURIComponent(service)}/changes?${query}`)
        .catch((e) => ({ problem: e.message }))
        .then((answer) => (this.changes.set(key, answer), this.draw()));
    }
    return this.changes.get(key);
  }
}

// service draws the view. logs is the pane of its lines.
export function service({ store, name, params, details, acts, logs }) {
  const s = store.service(name);
  if (!s) return h("p.empty", {}, `The configuration has no service ${name}. `, h("a.link", { href: "#/" }, "All services"));
  const known = details.of(s);
  const deploys = known?.deploys ?? [];
  const asked = params.get("deploy");
  const chosen = deploys.find((d) => d.generation === asked) ?? deploys[0];
  const now = store.now();
  return [
    head(s, now, acts),
    h("div.service", {},
      h("div.column", { key: "column" },
        trouble(s, deploys, details),
        h("section.panel", { key: "now", "aria-label": "Generations" }, h("header", {}, h("h2", {}, "Generations"), standby(s)),
          h("div.body", {}, h("div.lanes.big", {}, lanesOf(s, now).map((l) => lane(l))), s.deploy && waterfall(s.deploy.steps, going(s.deploy, now)), left(s))),
        h("section.panel", { key: "deploys", "aria-label": "Deploys" }, h("header", {}, h("h2", {}, "Deploys"), h("span.muted.small", {}, deploys.length > 0 ? `the last ${deploys.length}` : "")),
          known === null ? h("p.empty", {}, "…") : known.problem ? h("p.empty", {}, known.problem) : deploys.length === 0 ? h("p.empty", {}, "No deploy has ended yet.")
            : [h("div.body", {}, plot(deploys, chosen, name)), chosen && one(s, chosen, deploys, details),
              history(deploys.slice(0, 50), { service: name, live: s.set, now, back: (d) => acts.back(s, d.set) })])),
      h("section.panel.own-logs", { key: "logs", "aria-label": "Logs" }, h("header", {}, h("h2", {}, "Logs"), h("span.grow", {}),
        h("a.link.small", { href: address("logs", { service: name }) }, "with other services")), h("div", { mount: logs, opaque: true, key: name }))),
  ];
}

function head(s, now, acts) {
  const { icon: shape, hue, word } = look(s.deploy ? "deploying" : s.state);
  const facts = [
    s.generation, s.set && `artefacts ${short(s.set)}`, s.since && `since ${age((now - Date.parse(s.since)) / 1000)}`, s.address, s.memory_bytes && bytes(s.memory_bytes),
    s.restarts > 0 && count(s.restarts, "restart"), s.replace === "stop-first" && "one at a time", s.data && "keeps data",
  ].filter(Boolean);
  const link = (name) => h("a.link", { key: name, href: address("service", {}, name) }, name);
  const list = (word, names) => names?.length > 0 && h("span", {}, `${word} `, names.map((n, i) => [i > 0 ? ", " : "", link(n)]));
  return h("div.service-head", { key: "head" },
    h("nav.crumbs.small", { "aria-label": "Where" }, h("a.link", { href: "#/" }, "System"), " / "),
    h("div.bar", {},
      h("h1", {}, s.service), h("span.badge", { class: hue }, icon(shape), word), (s.published ?? []).map((p) => h("span.chip", { key: p.port }, `:${p.port}`)),
      h("span.grow", {}),
      h("div.buttons", { role: "group", "aria-label": "Acts" },
        h("button.primary", { type: "button", class: "act-deploy", onclick: () => acts.deploy(s) }, "Redeploy"),
        h("button", { type: "button", class: "act-back", onclick: () => acts.back(s, "") }, "Roll back"),
        s.newest?.state === "paused" || s.state === "paused" ? h("button", { type: "button", class: "act-resume", onclick: () => acts.resume(s) }, "Resume")
          : h("button", { type: "button", class: "act-pause", onclick: () => acts.pause(s) }, "Pause"),
        h("button", { type: "button", class: "act-divert", onclick: () => acts.divert(s) }, s.diverted ? "Undo divert" : "Divert"),
        h("button", { type: "button", class: "act-restart", onclick: () => acts.restart(s) }, "Restart"))),
    h("p.muted.facts", {}, facts.map((f) => h("span", { key: f }, f)), list("calls", [...(s.needs ?? []), ...(s.knows ?? [])]), list("called by", s.needed_by)));
}

function standby(s) {
  return s.standby && h("span.muted.small", {}, `${s.standby} stands by`);
}

function left(s) {
  const all = Object.entries(s.left ?? {});
  return all.length > 0 && h("ul.small.muted", {}, all.map(([name, why]) => h("li", { key: name }, `${name} is not gone yet: ${why}`)));
}

function going(d, now) {
  return d.step && { name: d.step, took_ns: Math.max(0, now - Date.parse(d.step_since ?? d.since)) * 1e6, goes: true };
}

// trouble tells why what is newest is not live, or what the service waits for.
function trouble(s, deploys, details) {
  if (s.deploy) return waits(s);
  const state = s.newest?.state || (s.state === "down" ? "down" : "");
  if (!state) return waits(s);
  const { icon: shape, hue, word } = look(state);
  const failed = deploys.find((d) => d.outcome === "failed");
  const about = state === "failed" && failed?.set === s.newest?.set ? failed : null;
  return h("section.panel.trouble", { key: "trouble", class: hue, "aria-label": `Why the newest is not live: ${word}` },
    h("header", {}, icon(shape), h("h2", {}, `${word}${s.newest?.set ? ` · ${short(s.newest.set)}` : ""}`), h("span.muted.small", {}, s.generation ? `${s.generation} still serves` : "nothing serves")),
    h("div.body", {}, h("p.reason", {}, s.newest?.reason || "what was live has ended"), about && explained(s, about, deploys, details)),
    waits(s));
}

// explained shows of a failed deploy the stack trace whole, and where to read on.
function explained(s, d, deploys, details) {
  const number = /\d+$/.exec(d.generation)?.[0];
  return [
    d.trace?.length > 0 && h("pre.trace", { tabindex: "0", "aria-label": `Stack trace of ${d.generation}` }, d.trace.join("\n")),
    h("p.small", {}, d.printed && h("a.link", { href: address("logs", { service: s.service, generation: number }) }, `All that ${d.generation} has printed`)),
    changed(s, d, deploys, details),
  ];
}

function waits(s) {
  return s.waits_for?.length > 0 && h("p.waits", { key: "waits" }, icon("waiting"), "waits for ", s.waits_for.map((name, i) => [i > 0 ? ", " : "", h("a.link", { key: name, href: address("service", {}, name) }, name)]));
}

// one shows a deploy: its steps, how it ended, what changed.
function one(s, d, deploys, details) {
  return h("div.one", { key: `one ${d.generation}`, "data-deploy": d.generation },
    h("div.bar", {}, h("h3", {}, d.generation), outcome(d), h("span.muted.small", {}, [seconds(Math.max(d.took_ns ?? 0, (d.steps ?? []).reduce((n, x) => n + x.took_ns, 0)) / 1e9), clock(new Date(d.time)), short(d.set)].join(" · "))),
    d.reason && h("p.reason", {}, d.step && !d.reason.startsWith(d.step) ? `${d.step}: ${d.reason}` : d.reason),
    d.steps?.length > 0 && waterfall(d.steps.map((x) => ({ ...x, failed: x.name === d.step }))),
    d.outcome !== "failed" ? changed(s, d, deploys, details) : d.set !== s.newest?.set && explained(s, d, deploys, details));
}

// changed shows the files that differ, and the classes in them, where both sets are
// kept.
function changed(s, d, deploys, details) {
  if (!d.previous || d.previous === d.set || !d.kept) return null;
  if (!deploys.some((other) => other.set === d.previous && other.kept)) return h("p.muted.small", {}, "What changed is not known: the set before is not kept any more.");
  return differences(details.between(s.service, d.previous, d.set));
}

function differences(answer) {
  if (!answer) return h("p.muted.small", {}, "compares …");
  if (answer.problem) return h("p.muted.small", {}, answer.problem);
  const files = answer.files ?? [];
  if (files.length === 0) return h("p.muted.small", {}, "No file differs from the set before.");
  const signs = { added: "+", removed: "−", changed: "~" };
  const entry = (f) => [h("span.sign", { class: f.what }, signs[f.what] ?? "·"), h("span.hidden", {}, `${f.what} `), h("code", {}, f.name)];
  return h("details.changes", { key: "changes" }, h("summary", {}, `${count(files.length, "file")} changed`, h("span.muted", {}, inside(files))),
    h("ul", {}, files.map((f) => h("li", { key: f.name }, entry(f),
      f.inside?.length > 0 && h("ul", {}, f.inside.map((x) => h("li", { key: x.name }, entry(x))))))),
    answer.more > 0 && h("p.muted.small", {}, `and ${answer.more} more`));
}

function inside(files) {
  const n = files.reduce((sum, f) => sum + (f.inside?.length ?? 0), 0);
  return n > 0 ? `, ${n === 1 ? "1 entry" : `${n} entries`} inside` : "";
}
