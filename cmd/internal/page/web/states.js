// What a state looks like: an icon, a hue and a word.

const STATES = {
  live: ["live", "s-live", "live"],
  deploying: ["working", "s-work", "deploying"],
  building: ["working", "s-work", "building"],
  waiting: ["waiting", "s-idle", "waiting"],
  failed: ["failed", "s-bad", "failed"],
  down: ["down", "s-bad", "down"],
  refused: ["refused", "s-warn", "refused"],
  missing: ["refused", "s-warn", "missing"],
  pinned: ["pinned", "s-idle", "pinned"],
  paused: ["paused", "s-idle", "paused"],
  diverted: ["diverted", "s-warn", "diverted"],
  none: ["none", "s-idle", "nothing yet"],
};

// ORDER is what a person wants to see first.
export const ORDER = ["failed", "down", "refused", "missing", "deploying", "building", "waiting", "diverted", "paused", "pinned", "none", "live"];

// look gives icon, hue and word of a state; one that is new to this page is shown as
// it is called.
export function look(state) {
  const [icon, hue, word] = STATES[state] ?? ["none", "s-idle", state || "unknown"];
  return { icon, hue, word };
}

const EVENTS = {
  live: ["live", "s-live"], adopted: ["live", "s-live"], deploying: ["working", "s-work"], waiting: ["waiting", "s-idle"], failed: ["failed", "s-bad"],
  died: ["down", "s-bad"], back: ["warning", "s-warn"], restarted: ["working", "s-warn"], retired: ["retired", "s-idle"], repaired: ["warning", "s-warn"],
  warning: ["warning", "s-warn"], unchanged: ["none", "s-idle"], refused: ["refused", "s-warn"], missing: ["refused", "s-warn"], changed: ["down_arrow", "s-work"], act: ["traffic", "s-work"],
};

// lookOfEvent gives icon and hue of an event. An icon that turns is for what goes on.
export function lookOfEvent(kind) {
  const [icon, hue] = EVENTS[kind] ?? ["none", "s-idle"];
  return { icon: icon === "working" ? "down_arrow" : icon, hue };
}
