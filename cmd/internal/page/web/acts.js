// What a person can do. Each asks when it can hurt, and shows how it ended.

import { ask } from "./api.js";
import { h } from "./dom.js";
import { seconds, short } from "./format.js";
import { icon } from "./icons.js";

// Acts holds the question that is open, and the results that are shown.
export class Acts {
  constructor({ draw, say }) {
    Object.assign(this, { draw, say });
    this.question = null;
    this.results = [];
    this.next = 0;
  }

  deploy(s) { return this.run(`Redeploy ${s.service}`, "deploy", { services: [s.service] }); }

  resume(s) { return this.run(`Resume ${s.service}`, "resume", { service: s.service }); }

  pause(s) { return this.run(`Pause ${s.service}`, "pause", { service: s.service }); }

  back(s, set) {
    this.asks({
      title: `Roll ${s.service} back?`, yes: "Roll back",
      text: `${short(set) || "The set before"} becomes live in place of ${short(s.set) || "nothing"}, and stays until new bytes come.`,
      act: () => this.run(`Roll ${s.service} back`, "rollback", set ? { service: s.service, set } : { service: s.service }),
    });
  }

  restart(s) {
    this.asks({
      title: `Restart ${s.service}?`, yes: "Restart", grave: true,
      text: `${s.generation ?? "What is live"} is stopped and started again. Requests wait or fail meanwhile.`,
      act: () => this.run(`Restart ${s.service}`, "restart", { service: s.service }),
    });
  }

  divert(s) {
    if (s.diverted) return this.run(`Lead ${s.service} back`, "divert", { service: s.service, to: "" });
    this.asks({
      title: `Divert ${s.service}`, yes: "Divert", field: "Where to (HOST:PORT)", value: "",
      text: "Names and ports of the service lead there, as to a process on the laptop, until you lead them back. Containers stay.",
      act: (to) => this.run(`Divert ${s.service}`, "divert", { service: s.service, to }),
    });
  }

  asks(question) {
    this.question = question;
    this.draw();
  }

  answer(yes) {
    const q = this.question;
    const value = q?.value;
    this.question = null;
    this.draw();
    if (yes) q.act(value);
  }

  // run does one, and keeps a line of how it goes.
  async run(title, name, body) {
    const result = { key: this.next++, title, state: "goes" };
    this.results = [...this.results.slice(-3), result];
    this.draw();
    try {
      const answer = await ask(`/api/acts/${name}`, { method: "POST", body });
      const failed = (answer.outcomes ?? []).filter((o) => o.error);
      const live = (answer.outcomes ?? []).filter((o) => !o.error && o.generation);
      result.state = failed.length > 0 ? "failed" : answer.warning ? "warned" : "done";
      result.text = failed.map((o) => o.error).join("; ") || answer.warning || live.map((o) => `${o.generation} is live after ${seconds((o.took_ns ?? 0) / 1e9)}`).join("; ") || "done";
    } catch (e) {
      result.state = "failed";
      result.text = e.status === 0 ? "the connection was cut; what becomes of it is told among the events" : e.message;
    }
    this.say(`${title}: ${result.text}`);
    if (result.state === "done") setTimeout(() => this.dismiss(result), 6000);
    this.draw();
  }

  dismiss(result) {
    this.results = this.results.filter((r) => r !== result);
    this.draw();
  }

  // view draws what is open.
  view() {
    const looks = { goes: ["working", "s-work"], done: ["live", "s-live"], warned: ["warning", "s-warn"], failed: ["failed", "s-bad"] };
    return [
      this.results.length > 0 && h("ul.results", { key: "results", "aria-label": "Results" }, this.results.map((r) => {
        const [shape, hue] = looks[r.state];
        return h("li", { key: r.key, class: hue, "data-state": r.state }, icon(shape), h("div.grow", {}, h("b", {}, r.title), h("div.text", {}, r.text ?? "under way")),
          h("button.plain", { type: "button", "aria-label": `Dismiss ${r.title}`, onclick: () => this.dismiss(r) }, icon("close")));
      })),
      this.question && this.dialog(this.question),
    ];
  }

  dialog(q) {
    return h("dialog.ask", {
      key: "ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-text", oncancel: () => this.answer(false),
      mount: opened,
    }, h("form", { onsubmit: (e) => (e.preventDefault(), this.answer(true)) },
      h("h2", { id: "ask-title" }, q.title), h("p", { id: "ask-text" }, q.text),
      q.field && h("label.field", {}, h("span", {}, q.field), h("input", { type: "text", value: q.value, required: true, placeholder: "10.0.2.2:8085", autofocus: true, oninput: (e) => (q.value = e.target.value) })),
      h("div.buttons", {}, h("button", { type: "button", onclick: () => this.answer(false) }, "Cancel"), h("button.primary", { type: "submit", class: q.grave ? "grave" : "", autofocus: !q.field }, q.yes))));
  }
}

// opened shows a dialog before all else; the focus returns to where it was.
function opened(node) {
  const before = document.activeElement;
  node.showModal();
  return () => {
    node.close();
    if (before?.isConnected) before.focus();
  };
}
