// What a keyboard can do beyond links and buttons, which all work by themselves.

import { h } from "./dom.js";

const KEYS = [
  ["g", "the system as a graph"], ["t", "the system as a table"], ["l", "logs"], ["/", "the filter"], ["← ↑ → ↓", "from service to service on the graph, from deploy to deploy"],
  ["Enter", "opens a service"], ["e", "what needs somebody"], ["Esc", "back to the system"], ["?", "these keys"],
];

// help is the list of keys.
export const help = {
  open: false,
  toggle(draw) {
    this.open = !this.open;
    draw();
  },
  view(draw) {
    return this.open && h("dialog.ask", { key: "help", "aria-labelledby": "help-title", mount: (node) => node.showModal(), oncancel: () => this.toggle(draw), onclose: () => this.open && this.toggle(draw) },
      h("form", { onsubmit: (e) => (e.preventDefault(), this.toggle(draw)) },
        h("h2", { id: "help-title" }, "Keys"), h("dl.keys", {}, KEYS.map(([key, what]) => [h("dt", { key: `key ${key}` }, h("kbd", {}, key)), h("dd", { key }, what)])),
        h("div.buttons", {}, h("button.primary", { type: "submit", autofocus: true }, "Close"))));
  },
};

// keys listens.
export function keys({ draw }) {
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]")) return;
    const typing = e.target.matches?.("input, select, textarea");
    if (e.key === "Escape" && typing) return e.target.blur();
    if (typing) return;
    const done = command(e.key, draw) || (e.key.startsWith("Arrow") && move(e.key));
    if (done) e.preventDefault();
  });
}

function command(key, draw) {
  const to = (hash) => ((location.hash = hash), true);
  switch (key) {
    case "g": return to("#/");
    case "t": return to("#/?as=table");
    case "l": return to("#/logs");
    case "Escape": return to("#/");
    case "?": help.toggle(draw); return true;
    case "/": return focus(document.querySelector("main input[type=search]"));
    case "e": return focus(document.querySelector(".problem a, .trouble .trace, .trouble a"));
    default: return false;
  }
}

function focus(node) {
  node?.focus();
  return !!node;
}

// move goes from a card or a bar to the nearest in a direction.
function move(key) {
  const from = document.activeElement;
  const box = from?.closest(".graph, .bars");
  if (!box) return false;
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const middle = (node) => {
    const r = (node.closest(".card") ?? node).getBoundingClientRect();
    return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
  };
  const a = middle(from);
  let best = null;
  let least = Infinity;
  for (const node of box.querySelectorAll(".card .open, .bars a")) {
    if (node === from) continue;
    const b = middle(node);
    const along = (b.x - a.x) * dx + (b.y - a.y) * dy;
    const aside = Math.abs((b.x - a.x) * dy) + Math.abs((b.y - a.y) * dx);
    if (along > 4 && along + 2 * aside < least) [best, least] = [node, along + 2 * aside];
  }
  return focus(best);
}
