// The system: what is wrong first, then the graph or the table, and beside it what
// the agent has told.

import { card, saying } from "./card.js";
import { h } from "./dom.js";
import { feed } from "./feed.js";
import { icon } from "./icons.js";
import { heights, layout, path } from "./layout.js";
import { address, replace } from "./route.js";
import { look, ORDER } from "./states.js";
import { table } from "./table.js";

const REGULAR = { least: 188, most: 260, nodeHeight: 108, gapX: 48, gapY: 20 };
const COMPACT = { least: 164, most: 220, nodeHeight: 52, gapX: 48, gapY: 10 };
const MANY = 14; // services from which on cards are compact
const FEED = 356; // pixels that the events take beside the graph
const EDGES = 90; // and margins
const ABOVE = 230; // that stand above the graph

const stateOf = (s) => (s.deploy ? "deploying" : s.state);
let pointed = ""; // the service that the pointer or the focus is on

// system draws the view; draw draws everything anew.
export function system({ store, params, draw }) {
  const asTable = params.get("as") === "table";
  const q = (params.get("q") ?? "").toLowerCase();
  const state = params.get("state") ?? "";
  const shown = store.services.filter((s) => s.service.includes(q) && (state === "" || stateOf(s) === state));
  const size = sized(shown);
  const to = (more) => address("system", { as: params.get("as"), q: params.get("q"), state: params.get("state"), ...more });
  return [
    h("div.bar", {},
      h("h1", {}, headline(store.services)),
      h("div.counts", { role: "group", "aria-label": "Show services by state" }, counts(store.services, state, (next) => (location.hash = to({ state: next })))),
      h("span.grow", {}),
      shown.length < store.services.length && h("span.muted", { role: "status" }, `${shown.length} of ${store.services.length} services shown `, h("a.link", { href: address("system", { as: params.get("as") }) }, "show all")),
      h("label.search", {}, icon("search"), h("span.hidden", {}, "Filter services by name"),
        h("input", { id: "find", type: "search", placeholder: "Filter services", value: params.get("q") ?? "", oninput: (e) => (replace(to({ q: e.target.value })), draw()) })),
      h("nav.segments", { "aria-label": "Shown as" },
        h("a", { href: to({ as: "" }), "aria-current": asTable ? null : "true" }, "Graph"),
        h("a", { href: to({ as: "table" }), "aria-current": asTable ? "true" : null }, "Table"))),
    problems(store),
    h("div.system", { class: asTable || size.below ? "below" : "" },
      h("section.panel", { "aria-label": asTable ? "Services" : "Graph of services, in the order of calls" },
        shown.length === 0 ? h("p.empty", {}, store.services.length === 0 ? "The configuration has no services." : "No service matches the filter.")
          : asTable ? table(shown, store, params, to) : graph(shown, store, draw, size)),
      feed(store)),
  ];
}

function headline(services) {
  const serving = services.filter((s) => s.generation || s.diverted).length;
  return serving === services.length ? `All ${serving} serve` : `${serving} of ${services.length} serve`;
}

function counts(services, chosen, choose) {
  return ORDER.map((state) => {
    const n = services.filter((s) => stateOf(s) === state).length;
    if (n === 0 && state !== chosen) return null;
    const { icon: shape, hue, word } = look(state);
    return h("button", { key: state, class: hue, type: "button", "aria-pressed": String(state === chosen), onclick: () => choose(state === chosen ? "" : state) },
      icon(shape), `${n} ${word}`);
  });
}

// problems names what needs somebody, each a link to where it is explained.
function problems(store) {
  const rows = [];
  const agent = store.agent ?? {};
  for (const s of store.services) {
    if (s.deploy || !["failed", "down", "refused", "missing"].includes(s.newest?.state || s.state)) continue;
    const { icon: shape, hue } = look(s.newest?.state || s.state);
    rows.push(h("li.problem", { key: s.service, class: hue }, icon(shape), h("b", {}, s.service), h("span.grow.cut", { title: saying(s, store.now()) }, saying(s, store.now())),
      s.generation && h("span.muted.small.still", {}, `${s.generation} still serves`), h("a.link", { href: address("service", {}, s.service) }, "why ", h("span.hidden", {}, s.service), "→")));
  }
  for (const text of [agent.degraded, ...(agent.obstacles ?? [])].filter(Boolean)) {
    rows.push(h("li.problem.s-warn", { key: text }, icon("warning"), h("span.grow", {}, text)));
  }
  return rows.length > 0 && h("ul.problems", { "aria-label": "What needs somebody" }, rows);
}

const asGraph = (services) => services.map((s) => ({ name: s.service, calls: [...(s.needs ?? []), ...(s.knows ?? [])], entry: s.published?.length > 0 }));

// sized gives how large cards can be, so that all layers are seen at once where they
// can: the events go below where there is no room beside them, and a layer that is
// taller than the window becomes several, as far as there is room for them.
function sized(services) {
  const compact = services.length > MANY;
  const size = compact ? COMPACT : REGULAR;
  const all = heights(asGraph(services));
  const columns = (rows) => all.reduce((n, h) => n + Math.ceil(h / rows), 0);
  const width = (room, rows) => Math.floor((room - EDGES - (columns(rows) - 1) * size.gapX) / columns(rows));
  const tallest = Math.max(1, ...all);
  let rows = Math.max(4, Math.floor((innerHeight - ABOVE) / (size.nodeHeight + size.gapY)));
  while (rows < tallest && width(innerWidth, rows) < size.least) rows++;
  const below = width(innerWidth - FEED, rows) < size.least;
  const nodeWidth = Math.min(size.most, Math.max(size.least, width(innerWidth - (below ? 0 : FEED), rows)));
  return { ...size, rows, nodeWidth, compact, below };
}

let last = { key: "" }; // what was laid out, and how

// placed lays services out, anew only where something has changed that matters for it.
function placed(services, size) {
  const nodes = asGraph(services);
  const key = JSON.stringify([nodes, size]);
  if (key !== last.key) last = { key, laid: layout(nodes, size) };
  return last.laid;
}

function graph(services, store, draw, size) {
  const narrow = matchMedia("(max-width: 760px)").matches;
  const { compact } = size;
  const now = store.now();
  const known = new Set(services.map((s) => s.service));
  const laid = placed(services, size);
  const near = pointed && known.has(pointed) ? new Set([pointed, ...laid.edges.filter((e) => e.from === pointed || e.to === pointed).flatMap((e) => [e.from, e.to])]) : new Set();
  const by = new Map(services.map((s) => [s.service, s]));
  const cards = laid.layers.flat().map((name) => {
    const { x, y } = laid.nodes.get(name);
    const style = narrow ? {} : { "--x": `${x}px`, "--y": `${y}px` };
    return card(by.get(name), { now, compact, style, near: near.has(name) });
  });
  const point = (e) => {
    const name = e.target.closest?.(".card")?.dataset.service ?? "";
    if (name !== pointed) {
      pointed = name;
      draw();
    }
  };
  const unpoint = () => pointed && ((pointed = ""), draw());
  const style = { "--w": `${size.nodeWidth}px`, "--h": `${size.nodeHeight}px`, width: narrow ? "auto" : `${laid.width}px`, height: narrow ? "auto" : `${laid.height}px` };
  return h("div.graph-scroll", {},
    h("div.graph", { class: `${compact ? "compact" : ""}${near.size > 0 ? " pointed" : ""}`, style, onmouseover: point, onfocusin: point, onmouseleave: unpoint, onfocusout: unpoint },
      !narrow && h("svg.edges", { "aria-hidden": "true" }, laid.edges.map((e) => h("path", {
        key: `${e.from} ${e.to}`, d: path(e.points), class: `${e.back ? "back " : ""}${e.from === pointed || e.to === pointed ? "near" : ""}`, "data-from": e.from, "data-to": e.to,
      }))),
      narrow ? cards.flatMap((c, i) => [c, calls(by.get(laid.layers.flat()[i]))]) : cards));
}

// calls says in words what the edges show.
function calls(s) {
  const to = [...(s.needs ?? []), ...(s.knows ?? [])];
  return to.length > 0 && h("p.calls", { key: `calls of ${s.service}` }, "calls ", to.map((name, i) => [i > 0 ? ", " : "", h("a.link", { href: address("service", {}, name) }, name)]));
}
