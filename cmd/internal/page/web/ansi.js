// Reads the colours that a line was printed in: escape sequences become names of
// classes, and whatever else a terminal would obey is left out.

const SEQUENCE = /\x1b\[([\d;:]*)m|\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

// spans gives the pieces of a line: [{ text, classes }], without escape sequences.
export function spans(line) {
  const out = [];
  let style = {};
  let at = 0;
  const add = (text) => {
    if (text === "") return;
    const classes = classesOf(style);
    const last = out[out.length - 1];
    if (last && last.classes === classes) last.text += text;
    else out.push({ text, classes });
  };
  for (const found of line.matchAll(SEQUENCE)) {
    add(line.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[1] !== undefined) style = applied(style, found[1]);
  }
  add(line.slice(at));
  return out;
}

// plain gives a line without what colours it.
export const plain = (line) => line.replace(SEQUENCE, "");

function classesOf(style) {
  let { fg, bg } = style;
  if (style.inverse) [fg, bg] = [bg ?? "inverse", fg ?? "inverse"];
  const all = [];
  if (style.bold) all.push("a-bold");
  if (style.dim) all.push("a-dim");
  if (style.italic) all.push("a-italic");
  if (style.underline) all.push("a-underline");
  if (style.strike) all.push("a-strike");
  if (fg) all.push("a-" + fg);
  if (bg) all.push("a-on-" + bg);
  return all.join(" ");
}

function applied(style, parameters) {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let now = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i];
    if (c === 0) now = {};
    else if (c === 1) now.bold = true;
    else if (c === 2) now.dim = true;
    else if (c === 3) now.italic = true;
    else if (c === 4) now.underline = true;
    else if (c === 7) now.inverse = true;
    else if (c === 9) now.strike = true;
    else if (c === 22) now.bold = now.dim = false;
    else if (c === 23) now.italic = false;
    else if (c === 24) now.underline = false;
    else if (c === 27) now.inverse = false;
    else if (c === 29) now.strike = false;
    else if (c >= 30 && c <= 37) now.fg = NAMES[c - 30];
    else if (c >= 40 && c <= 47) now.bg = NAMES[c - 40];
    else if (c >= 90 && c <= 97) now.fg = "bright-" + NAMES[c - 90];
    else if (c >= 100 && c <= 107) now.bg = "bright-" + NAMES[c - 100];
    else if (c === 39) now.fg = undefined;
    else if (c === 49) now.bg = undefined;
    else if (c === 38 || c === 48) {
      const [name, used] = extended(codes.slice(i + 1));
      if (c === 38) now.fg = name;
      else now.bg = name;
      i += used;
    }
  }
  return now;
}

// extended names the one of the sixteen colours that is nearest to one of 256 or of
// 16 million, so that it stays readable on a light ground and on a dark one.
function extended(codes) {
  if (codes[0] === 5 && codes.length > 1) {
    const n = codes[1];
    if (n < 8) return [NAMES[n], 2];
    if (n < 16) return ["bright-" + NAMES[n - 8], 2];
    if (n < 232) {
      const level = (v) => (v === 0 ? 0 : 55 + 40 * v);
      const cube = n - 16;
      return [nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)), 2];
    }
    const grey = 8 + 10 * (n - 232);
    return [nearest(grey, grey, grey), 2];
  }
  if (codes[0] === 2) return [nearest(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), 4];
  return [undefined, 1];
}

function nearest(r, g, b) {
  const high = Math.max(r, g, b);
  const low = Math.min(r, g, b);
  if (high - low < 32) return high < 64 ? "black" : high < 144 ? "bright-black" : high < 216 ? "white" : "bright-white";
  const middle = (high + low) / 2;
  const index = (r > middle ? 1 : 0) + (g > middle ? 2 : 0) + (b > middle ? 4 : 0);
  return (low > 80 ? "bright-" : "") + NAMES[index];
}
