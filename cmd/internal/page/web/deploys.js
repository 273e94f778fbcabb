// The deploys of a service: a plot of the last fifty, and one of them step by step.

import { h } from "./dom.js";
import { clock, seconds, short } from "./format.js";
import { icon } from "./icons.js";
import { address } from "./route.js";

const HEIGHT = 120;
const outcomes = { live: ["live", "s-live"], failed: ["failed", "s-bad"], back: ["warning", "s-warn"] };

const total = (steps) => (steps ?? []).reduce((sum, s) => sum + s.took_ns, 0);
const lasted = (d) => Math.max(d.took_ns ?? 0, total(d.steps)) / 1e9;

// slowest names the steps that take most of the time in all deploys, most first: they
// get a shade of their own, the others share one.
export function slowest(deploys, most = 4) {
  const sums = new Map();
  for (const d of deploys) for (const s of d.steps ?? []) sums.set(s.name, (sums.get(s.name) ?? 0) + s.took_ns);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name);
}

// ceiling gives a round number of seconds above all.
export function ceiling(most) {
  if (!(most > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 5, 8, 10].map((n) => n * unit).find((n) => n >= most);
}

// plot draws the deploys, the oldest first, as bars of steps; each is a link that
// shows it below.
export function plot(deploys, chosen, service) {
  const all = [...deploys].reverse();
  const shades = slowest(all);
  const top = ceiling(Math.max(...all.map(lasted)));
  const shade = (name) => (shades.includes(name) ? `k${shades.indexOf(name)}` : "k-rest");
  const bars = all.map((d) => {
    const scale = (ns) => (ns / 1e9 / top) * HEIGHT;
    const steps = d.steps?.length ? d.steps : [{ name: "", took_ns: d.took_ns ?? 0 }];
    let y = HEIGHT;
    const rects = steps.map((s, i) => {
      const height = Math.max(scale(s.took_ns), 0);
      y -= height;
      return height > 0.2 && h("rect", { key: i, class: shade(s.name), x: 0, width: 10, y: y.toFixed(2), height: height.toFixed(2) });
    });
    const words = `${d.generation}, ${d.outcome}, ${seconds(lasted(d))}, ${clock(new Date(d.time))}`;
    return h("li", { key: `${d.generation} ${d.time}`, class: d.outcome === "failed" ? "failed" : "" },
      h("a", { href: address("service", { deploy: d.generation }, service), "aria-label": words, title: words, "aria-current": d === chosen ? "true" : null, "data-deploy": d.generation },
        h("svg", { viewBox: `0 0 10 ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, rects),
        d.outcome === "live" ? h("span.mark", {}) : icon(d.outcome === "failed" ? "close" : "warning")));
  });
  return h("figure.plot", {},
    h("div.axis", { "aria-hidden": "true" }, h("span", {}, `${+top.toPrecision(3)} s`), h("span", {}, `${+(top / 2).toPrecision(3)} s`), h("span", {}, "0")),
    h("ol.bars", { "aria-label": `The last ${all.length} deploys, the oldest first` }, bars),
    h("figcaption", {}, shades.map((name) => h("span.key", { key: name }, h("i", { class: shade(name) }), name)), h("span.key", {}, h("i.k-rest", {}), "other steps")));
}

// waterfall draws the steps of one deploy, each where it began.
export function waterfall(steps, going) {
  const all = [...(steps ?? []), ...(going ? [going] : [])];
  const whole = Math.max(total(all), 1);
  let at = 0;
  return h("ol.waterfall", {}, all.map((s, i) => {
    const from = at;
    at += s.took_ns;
    return h("li", { key: `${i} ${s.name}`, class: s.goes ? "goes" : s.failed ? "failed" : "" },
      h("span.name.cut", {}, s.name),
      h("span.track", { "aria-hidden": "true" }, h("i", { style: { "--from": (from / whole).toFixed(4), "--part": (s.took_ns / whole).toFixed(4) } })),
      h("span.took", {}, seconds(s.took_ns / 1e9)));
  }));
}

// outcome draws how a deploy ended.
export function outcome(d) {
  const [shape, hue] = outcomes[d.outcome] ?? ["none", "s-idle"];
  return h("span.with.state", { class: hue }, icon(shape), d.outcome);
}

// history draws the deploys as a table; back is called for one to go back to.
export function history(deploys, { service, live, now, back }) {
  return h("div.table", { tabindex: "0", role: "region", "aria-label": "Table of deploys" }, h("table", {},
    h("thead", {}, h("tr", {}, ["when", "generation", "artefacts", "outcome", "took"].map((c) => h("th", { key: c, scope: "col", class: c === "took" ? "num" : "" }, c)), h("th", { key: "act", scope: "col" }, h("span.hidden", {}, "go back")))),
    h("tbody", {}, deploys.map((d) => h("tr", { key: `${d.generation} ${d.time}` },
      h("td", {}, clock(new Date(d.time), new Date(now))),
      h("th", { scope: "row" }, h("a.link", { href: address("service", { deploy: d.generation }, service) }, d.generation)),
      h("td", {}, h("code", {}, short(d.set))),
      h("td", {}, outcome(d)),
      h("td.num", {}, seconds(lasted(d))),
      h("td", {}, d.kept && d.set !== live && d.outcome !== "failed" && h("button.plain.roll", { type: "button", onclick: () => back(d), "aria-label": `Roll back to this: ${short(d.set)}, ${d.generation}` }, "Roll back to this"))))))); 
}
