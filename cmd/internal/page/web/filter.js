// Which lines of a log are shown. Pure.

// LEVELS from the least to the most grave.
export const LEVELS = ["trace", "debug", "info", "warn", "error"];

// pattern reads what a person typed: text, or /a pattern/ with i for any case. Text
// is found in any case. It gives { test, ranges, error }.
export function pattern(typed) {
  if (typed === "") return { test: () => true, ranges: () => [] };
  const slashes = /^\/(.+)\/(i?)$/.exec(typed);
  if (!slashes) {
    const needle = typed.toLowerCase();
    return {
      test: (text) => text.toLowerCase().includes(needle),
      ranges: (text) => occurrences(text.toLowerCase(), needle),
    };
  }
  let re;
  try {
    re = new RegExp(slashes[1], "g" + slashes[2]);
  } catch (e) {
    return { test: () => true, ranges: () => [], error: `not a pattern: ${e.message.replace(/^Invalid regular expression: /, "")}` };
  }
  return {
    test: (text) => {
      re.lastIndex = 0;
      return re.test(text);
    },
    ranges: (text) => [...text.matchAll(re)].filter((m) => m[0] !== "").map((m) => [m.index, m.index + m[0].length]),
  };
}

function occurrences(text, needle) {
  const out = [];
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) out.push([at, at + needle.length]);
  return out;
}

// marked splits spans where ranges begin and end: [{ text, classes, mark }].
export function marked(spans, ranges) {
  if (ranges.length === 0) return spans;
  const out = [];
  let at = 0;
  let next = 0;
  for (const span of spans) {
    let from = 0;
    while (from < span.text.length) {
      while (next < ranges.length && ranges[next][1] <= at + from) next++;
      const [begin, end] = ranges[next] ?? [Infinity, Infinity];
      const mark = at + from >= begin;
      const to = Math.min(span.text.length, (mark ? end : begin) - at);
      out.push({ text: span.text.slice(from, to), classes: span.classes, mark });
      from = to;
    }
    at += span.text.length;
  }
  return out;
}
