// A service on the graph: its state, its generations side by side, and what is newest
// on disk.

import { h } from "./dom.js";
import { age, bytes, seconds, short } from "./format.js";
import { icon } from "./icons.js";
import { address } from "./route.js";
import { look } from "./states.js";

const passed = (since, now) => Math.max(0, (now - Date.parse(since)) / 1000);

// lanesOf gives the generations that a person wants to see, the one that serves first:
// [{ name, role, how }]. Standbys wait and are left out, as are those that go away.
export function lanesOf(s, now) {
  const lanes = [];
  if (s.diverted) lanes.push({ name: s.diverted, role: "serves", how: "diverted: gets the traffic", traffic: true });
  for (const g of s.generations ?? []) {
    const since = g.since ? age(passed(g.since, now)) : "";
    if (g.state === "live") lanes.push({ name: g.generation, role: s.diverted ? "leaves" : "serves", how: s.diverted ? "no traffic" : `live ${since}`, traffic: !s.diverted });
    else if (g.state === "draining") lanes.push({ name: g.generation, role: "leaves", how: "draining" });
    else if (g.generation === s.deploy?.generation) lanes.push({ name: g.generation, role: "comes", how: `${s.deploy.step ?? ""} ${seconds(passed(s.deploy.step_since ?? s.deploy.since, now))}`.trim() });
    else if (g.state === "kept") lanes.push({ name: g.generation, role: "broke", how: "failed, kept" });
  }
  if (lanes.length === 0 && s.deploy?.generation) lanes.push({ name: s.deploy.generation, role: "comes", how: s.deploy.step ?? "" });
  const rank = { serves: 0, comes: 1, leaves: 2, broke: 3 };
  return lanes.sort((a, b) => rank[a.role] - rank[b.role]);
}

// brief cuts the service's name off where it is known.
const brief = (name, known) => (known.length > 5 && name.startsWith(`${known}-`) ? `…${name.slice(known.length)}` : name);

// lane draws one generation; the service's name may be cut off where it is known.
export function lane({ name, role, how, traffic }, known = "") {
  const shown = brief(name, known);
  return h("div.lane", { class: role, key: name, "data-generation": name },
    h("div.what", {}, traffic && icon("traffic"), h("span.cut", { title: name }, shown), traffic && h("span.hidden", {}, ", gets the traffic")),
    h("div.how.cut", {}, how));
}

// saying gives in a few words what a service is at, beyond being live.
export function saying(s, now) {
  if (s.deploy) return `${s.deploy.step ?? "deploying"} ${seconds(passed(s.deploy.since, now))}`;
  if (s.newest?.state) return [look(s.newest.state).word, s.newest.reason].filter(Boolean).join(": ");
  if (s.waits_for?.length) return `waits for ${s.waits_for.join(", ")}`;
  if (s.down) return `down: ${s.down}`;
  if (s.state !== "live") return look(s.state).word;
  return "";
}

// part gives how far a deploy is, from how long the last one took.
export function part(s, now) {
  const usual = s.last && !s.last.error ? s.last.took_ns / 1e9 : 0;
  const took = passed(s.deploy.since, now);
  const steps = s.deploy.plan?.length ? (s.deploy.steps?.length ?? 0) / s.deploy.plan.length : 0;
  return Math.min(0.97, usual > 0 ? Math.max(steps, took / usual) : steps || 0.5);
}

// card draws a service. compact leaves out the lanes.
export function card(s, { now, compact, style, near }) {
  const { icon: shape, hue, word } = look(s.deploy ? "deploying" : s.state);
  const said = saying(s, now);
  const facts = [s.memory_bytes ? bytes(s.memory_bytes) : "", compact && s.since ? age(passed(s.since, now)) : ""].filter(Boolean);
  return h("article.card", { key: s.service, class: `${hue}${near ? " near" : ""}`, style, "data-service": s.service },
    h("div.head", {},
      icon(shape),
      h("a.open.cut.grow", { href: address("service", {}, s.service), "aria-label": described(s, word, said) }, s.service),
      (s.published ?? []).slice(0, 2).map((p) => h("span.chip", { title: `published on ${p.interface ?? ""} port ${p.port}` }, `:${p.port}`)),
      s.kind && s.kind !== "service" && h("span.chip", {}, s.kind)),
    compact ? null : h("div.lanes", {}, lanes(s, now)),
    h("div.foot", {},
      said ? h("span.say.cut.grow", { title: said }, said) : h("span.cut.grow", { title: s.generation }, compact ? brief(s.generation ?? word, s.service) : `${word}${s.set ? " · " : ""}${short(s.set)}`),
      h("span", {}, facts.join(" · "))),
    s.deploy && h("div.meter", { "aria-hidden": "true" }, h("i", { style: { "--part": part(s, now).toFixed(3) } })));
}

function lanes(s, now) {
  const all = lanesOf(s, now).slice(0, 2);
  return all.length > 0 ? all.map((l) => lane(l, all.length > 1 ? s.service : "")) : h("div.lane.nothing", { key: "" }, h("div.what", {}, "nothing serves"), h("div.how", {}, "no generation yet"));
}

function described(s, word, said) {
  return [s.service, word, s.generation ? `${s.generation} serves` : "nothing serves", said].filter(Boolean).join(", ");
}
