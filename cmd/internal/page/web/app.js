// The page: joins the agent's published values, the address, and the views.
//
//   /api/events ─▶ store ─┐
//   address ─▶ route ─────┼─▶ draw, with the next frame ─▶ system | service | logs
//   keys, clicks ─▶ acts ─┘

import { signIn } from "./api.js";
import { Acts } from "./acts.js";
import { h, patch } from "./dom.js";
import { announced } from "./feed.js";
import { clock } from "./format.js";
import { help, keys } from "./keys.js";
import { icon } from "./icons.js";
import { filterOf, LogView } from "./logs.js";
import { address, parse, replace } from "./route.js";
import { Details, service } from "./service.js";
import { Store } from "./store.js";
import { system } from "./system.js";

const [bar, notices, main, over, spoken] = ["bar", "notices", "main", "over", "said"].map((id) => document.getElementById(id));
const SOON = 300; // milliseconds: what comes sooner needs no word of waiting
const PATIENCE = 700; // milliseconds: a restart of the agent is no news

let frame = 0;
let logView = null; // the pane of lines that is shown
let shown = ""; // the view that is shown
let refused = ""; // why the token was not taken

const draw = () => (frame ||= requestAnimationFrame(render));
const say = (text) => text && (spoken.textContent = text);
const store = new Store({ changed: draw, heard: (event) => say(announced(event)) });
const acts = new Acts({ draw, say });
const details = new Details(draw);

function render() {
  frame = 0;
  const route = parse(location.hash);
  patch(bar, header(route));
  patch(notices, [broken(), notes()]);
  const key = `${route.view} ${route.name ?? ""}`;
  patch(main, !store.agent ? waitingFor() : [h(`div.view.${route.view}-view`, { key }, view(route))]);
  patch(over, [acts.view(), help.view(draw)]);
  if (key !== shown) {
    if (shown) arrive();
    shown = key;
  }
  logView?.apply(filterFor(route));
  document.title = titled(route);
}

// arrive begins a view at its top, for eyes and for screen readers.
function arrive() {
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function view(route) {
  switch (route.view) {
    case "logs": return [h("h1.hidden", {}, "Logs"), h("div.panel", { key: "all", mount: mountLogs(false), opaque: true })];
    case "service": return service({ store, name: route.name, params: route.params, details, acts, logs: mountLogs(true) });
    default: return system({ store, params: route.params, draw });
  }
}

function filterFor(route) {
  const filter = filterOf(route.params);
  return route.view === "service" ? { ...filter, services: [route.name] } : filter;
}

function mountLogs(single) {
  return (node) => {
    logView = new LogView(node, {
      single,
      filter: filterFor(parse(location.hash)),
      names: () => store.services.map((s) => s.service),
      changed: ({ services, ...rest }) => {
        const route = parse(location.hash);
        replace(address(route.view, { ...rest, service: single ? [] : services, deploy: route.params.get("deploy") }, route.name));
        draw();
      },
    });
    return () => {
      logView?.close();
      logView = null;
    };
  };
}

function header(route) {
  const tab = (name, view, to) => h("a", { href: to, "aria-current": route.view === view ? "page" : null }, name);
  const { state, since } = store.link;
  return [
    h("nav.tabs", { "aria-label": "Views" }, tab("System", "system", "#/"), tab("Logs", "logs", "#/logs")),
    h("div.link-state", {}, h("i.dot", { class: state === "live" ? "" : "off" }), h("span", { class: "link-word" }, state === "live" ? store.agent?.host ?? "connected" : state === "broken" ? `no answer since ${clock(new Date(since))}` : state),
      h("button.plain", { type: "button", "aria-label": "Keys", onclick: () => help.toggle(draw) }, h("kbd", {}, "?"))),
  ];
}

// broken says that what is shown may be old.
function broken() {
  const { state, since } = store.link;
  return state === "broken" && store.agent && Date.now() - since > PATIENCE && h("div.broken", { key: "broken", role: "alert" }, icon("warning"), `The agent does not answer since ${clock(new Date(since))}, trying again. What is shown is from then.`);
}

function notes() {
  const out = store.agent?.left_out ?? [];
  return out.length > 0 && h("div.note-bar", { key: "left out" }, `Not run: ${out.join(", ")}.`);
}

// waitingFor is what is shown before anything has come.
function waitingFor() {
  const { state, why } = store.link;
  if (state === "signed out" || refused) {
    return h("section.panel.door.prose", { key: "door" }, h("h1", {}, "Open this page with its token"), refused && h("p.state.s-bad", {}, refused),
      h("p", {}, "Run ", h("code", {}, "sudo jarloop page"), " on the machine of the agent, and open the address that it prints. It is needed once in each browser."));
  }
  if (state === "refused") return h("section.panel.door", { key: "door" }, h("h1", {}, "The agent refuses this address"), h("p", {}, why));
  return h("p.empty", { key: "wait", role: "status" }, state === "broken" ? `The agent does not answer since ${clock(new Date(store.link.since))}, trying again.` : "…");
}

function titled(route) {
  const bad = store.services.filter((s) => ["failed", "down"].includes(s.newest?.state || s.state)).map((s) => s.service);
  const how = bad.length > 0 ? `${bad.join(", ")} failed` : store.services.length > 0 ? "all well" : "";
  return [route.view === "service" ? route.name : route.view === "logs" ? "logs" : "", how, "jarloop"].filter(Boolean).join(" · ");
}

// tick moves ages on, and what a deploy takes, while somebody looks.
function tick() {
  const deploying = store.services.some((s) => s.deploy);
  if (!document.hidden && store.agent) draw();
  setTimeout(tick, deploying ? 200 : 1000);
}

addEventListener("hashchange", draw);
addEventListener("resize", draw);
keys({ draw });
try {
  await signIn();
} catch (e) {
  refused = e.message;
}
setTimeout(draw, refused ? 0 : SOON);
tick();
const see = () => {
  store.see(!document.hidden);
  logView?.see(!document.hidden);
};
document.addEventListener("visibilitychange", see);
addEventListener("pagehide", () => { // kept for the way back, it would keep its connections
  store.ends.abort();
  logView?.see(false);
});
addEventListener("pageshow", (e) => e.persisted && see());
store.see(true);
