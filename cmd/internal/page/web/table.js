// The system as a table: what "jarloop status" tells.

import { saying } from "./card.js";
import { h } from "./dom.js";
import { age, bytes, seconds, short } from "./format.js";
import { icon } from "./icons.js";
import { address } from "./route.js";
import { look, ORDER } from "./states.js";

const stateOf = (s) => (s.deploy ? "deploying" : s.state);

// COLUMNS: heading, what it is sorted by, class, and how a cell is drawn.
const COLUMNS = [
  ["service", null, "", (s) => h("a.link", { href: address("service", {}, s.service) }, s.service)],
  ["state", (s) => ORDER.indexOf(stateOf(s)), "", (s) => {
    const { icon: shape, hue, word } = look(stateOf(s));
    return h("span.with", { class: hue }, icon(shape), word);
  }],
  ["serves", (s) => s.generation ?? "", "", (s) => s.diverted ?? s.generation ?? "–"],
  ["artefacts", (s) => s.set ?? "", "", (s) => h("code", {}, short(s.set) || "–")],
  ["since", (s) => -Date.parse(s.since ?? 0), "num", (s, now) => (s.since ? age((now - Date.parse(s.since)) / 1000) : "–")],
  ["memory", (s) => -(s.memory_bytes ?? 0), "num", (s) => (s.memory_bytes ? bytes(s.memory_bytes) : "–")],
  ["restarts", (s) => -(s.restarts ?? 0), "num", (s) => String(s.restarts ?? 0)],
  ["last deploy", (s) => -(s.last?.took_ns ?? 0), "num", (s) => (s.last ? seconds(s.last.took_ns / 1e9) : "–")],
  ["published", (s) => s.published?.[0]?.port ?? 1e9, "", (s) => (s.published ?? []).map((p) => p.port).join(", ") || "–"],
  ["pending", (s) => s.newest?.state ?? "~", "wide", (s, now) => saying(s, now)],
];

// table draws it, sorted as the address says.
export function table(services, store, params, to) {
  const by = params.get("sort") ?? "";
  const key = COLUMNS.find(([name]) => name === by)?.[1];
  const value = (s) => key?.(s) ?? 0;
  const rows = key ? [...services].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0)) : services;
  const now = store.now();
  return h("div.table", { tabindex: "0", role: "region", "aria-label": "Table of services" }, h("table", {},
    h("thead", {}, h("tr", {}, COLUMNS.map(([name, sortable, kind]) => h("th", { key: name, class: kind, scope: "col", "aria-sort": by === name ? "ascending" : null },
      sortable ? h("button", { type: "button", onclick: () => (location.hash = to({ sort: by === name ? "" : name })) }, name, by === name ? " ↓" : "") : name)))),
    h("tbody", {}, rows.map((s) => h("tr", { key: s.service, "data-service": s.service }, COLUMNS.map(([name, , kind, cell]) => (name === "service"
      ? h("th", { key: name, scope: "row" }, cell(s, now)) : h("td", { key: name, class: kind }, cell(s, now)))))))));
}
