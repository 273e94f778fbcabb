// What the agent has told, the newest first: the tool's own lines, apart from those
// of the services.

import { h } from "./dom.js";
import { clock, seconds, short } from "./format.js";
import { icon } from "./icons.js";
import { address } from "./route.js";
import { lookOfEvent } from "./states.js";

// said puts an event into words, without its service.
export function said(e) {
  const took = e.took_ms ? seconds(e.took_ms / 1000) : "";
  switch (e.message) {
    case "live": case "adopted": return [e.generation, short(e.set), took, e.reason].filter(Boolean).join(" · ");
    case "failed": return [short(e.set), e.reason, e.serving ? `${e.serving} still serves` : "nothing serves"].filter(Boolean).join(" · ");
    case "asked": return [e.reason, e.by && `asked by ${e.by}`].filter(Boolean).join(" · ");
    case "changed": return e.files ?? "";
    default: return [e.generation, e.reason].filter(Boolean).join(" · ");
  }
}

// announced puts an event into a sentence for who cannot see it; "" where it says
// nothing new.
export function announced(e) {
  if (!e.service || !["live", "failed", "died", "back", "refused", "missing", "restarted"].includes(e.message)) return "";
  return `${e.service} ${e.message}: ${said(e)}`;
}

// feed draws the panel; of one service alone if named.
export function feed(store, service = "", most = 100) {
  const all = store.events.filter((e) => e.message !== "deploying" && (service === "" || e.service === service));
  const rows = all.slice(-most).reverse().map((e) => {
    const { icon: shape, hue } = lookOfEvent(e.message);
    const text = e.service ? said(e) : [e.message, e.reason].filter(Boolean).join(" · ");
    const when = new Date(e.at);
    return h("li", { key: String(e.id), class: e.level === "error" ? "s-bad" : hue, "data-kind": e.message },
      icon(e.level === "error" && !e.service ? "failed" : shape),
      h("span.cut", {}, e.service && service === "" ? [h("a", { href: address("service", {}, e.service) }, e.service), " "] : "", e.service ? h("span.state", {}, e.message) : "the agent"),
      h("time", { datetime: e.at }, clock(when)),
      text && h("span.text", {}, text));
  });
  return h("section.panel", { "aria-label": "Events" },
    h("header", {}, h("h2", {}, "Events"), h("span.muted.small", {}, "told by jarloop itself")),
    rows.length > 0 ? h("ol.feed", { tabindex: "0", "aria-label": "Events, the newest first" }, rows) : h("p.empty", {}, "Nothing has happened yet."));
}
