// The address says what is shown, filters too, so that a link shows another person
// the same:
//
//   #/                     the system; ?q=… and ?state=… filter it, ?as=table
//   #/service/person       a service; ?deploy=person-7 chooses a deploy
//   #/logs?service=a&service=b&q=…&level=warn

// parse reads an address.
export function parse(hash) {
  const [, path, query = ""] = /^#?([^?]*)(?:\?(.*))?$/s.exec(hash);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const params = new URLSearchParams(query);
  if (parts[0] === "logs") return { view: "logs", params };
  if (parts[0] === "service" && parts[1]) return { view: "service", name: parts[1], params };
  return { view: "system", params };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

// address writes one. Parameters without a value are left out; lists become many.
export function address(view, params = {}, name = "") {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const v of Array.isArray(value) ? value : [value]) if (v !== "" && v !== null && v !== undefined) query.append(key, v);
  }
  const path = view === "system" ? "#/" : view === "logs" ? "#/logs" : `#/service/${encodeURIComponent(name)}`;
  return query.size > 0 ? `${path}?${query}` : path;
}

// replace changes the address in place: typing into a filter is no step of history.
export function replace(to) {
  if (to !== location.hash) history.replaceState(null, "", to);
}
