// Icons, as paths on a field of 16 by 16. Every state has a shape of its own, so that
// none is told by colour alone.

import { h } from "./dom.js";

const PATHS = {
  live: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM4.8 8.3l2.2 2.2l4.2-4.6",
  failed: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  down: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM3.6 12.4L12.4 3.6",
  working: "M14.5 8A6.5 6.5 0 1 1 8 1.5",
  waiting: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM8 4.5V8l2.4 1.6",
  refused: "M8 1.8L14.8 13.8H1.2zM8 6.2v3.6M8 11.7v.4",
  paused: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM6.3 5.6v4.8M9.7 5.6v4.8",
  pinned: "M5 1.8h6l-.8 4.6L12.5 9h-9l2.3-2.6zM8 9v5.2",
  diverted: "M1.8 11.5h3.4L10 4.5h4M11.5 2l2.6 2.5L11.5 7M10 11.5h4",
  draining: "M8 1.5v9M4.4 7.2L8 10.8l3.6-3.6M2.5 14.2h11",
  standby: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13z",
  none: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM5 8h6",
  retired: "M3 8.4l3.2 3.2L13 4.6",
  warning: "M8 1.8L14.8 13.8H1.2zM8 6.2v3.6M8 11.7v.4",
  traffic: "M1.5 8h12M9.5 3.8L13.7 8l-4.2 4.2",
  search: "M7 2a5 5 0 1 1 0 10A5 5 0 0 1 7 2zM10.8 10.8L14.2 14.2",
  close: "M4 4l8 8M12 4l-8 8",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  external: "M6 3H3v10h10v-3M9 2.5h4.5V7M13.2 2.8L7.5 8.5",
  down_arrow: "M8 2.5v11M3.8 9.3L8 13.5l4.2-4.2",
};

// icon draws one; it says nothing to a screen reader, for text stands beside it.
export function icon(name, props) {
  const { class: classes = "", ...rest } = props ?? {};
  return h("svg", { class: `icon icon-${name} ${classes}`.trim(), viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false", ...rest },
    h("path", { d: PATHS[name] ?? PATHS.none }));
}
