// Lays a graph of services out in the order of calls. Pure: from names and calls to
// columns and rows.
//
//   layers      who is called by nobody, or is published, first; whoever is called
//               stands behind all that call it; a circle is cut where it closes; one
//               that is too tall becomes several, side by side
//   order       each layer is sorted by where its neighbours stand (barycentres),
//               forth and back, until nothing crosses less
//   coordinates columns of equal width, each centred; an edge over several layers
//               keeps a place free in those between

// layout gives { nodes: Map name → { layer, row, x, y }, edges: [{ from, to, points }],
// layers: [[name]], width, height } for services: [{ name, calls: [name], entry }].
export function layout(services, size) {
  const graph = acyclic(services);
  const layerOf = split(layered(graph), size.rows ?? Infinity);
  const { layers, chains } = withWaypoints(graph, layerOf);
  order(layers, chains);
  return placed(graph, layers, chains, size);
}

// heights gives how many services each layer has.
export function heights(services) {
  const all = [];
  for (const at of layered(acyclic(services)).values()) all[at] = (all[at] ?? 0) + 1;
  return all;
}

// split gives each name its layer where none has more than so many rows: services of
// one layer do not call each other, so they may stand behind each other too.
function split(layerOf, rows) {
  const names = [];
  for (const [name, at] of layerOf) (names[at] ??= []).push(name);
  const out = new Map();
  let first = 0;
  for (const layer of names) {
    const columns = Math.ceil(layer.length / rows) || 1;
    layer.forEach((name, i) => out.set(name, first + Math.floor((i * columns) / layer.length)));
    first += columns;
  }
  return out;
}

// acyclic gives for each name whom it calls, in the order of names, without calls of
// strangers, of itself, and those that close a circle.
function acyclic(services) {
  const sorted = [...services].sort((a, b) => Number(!!b.entry) - Number(!!a.entry) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const known = new Set(sorted.map((s) => s.name));
  const calls = new Map();
  for (const s of sorted) calls.set(s.name, [...new Set(s.calls ?? [])].filter((c) => known.has(c) && c !== s.name).sort());
  const state = new Map(); // 1: on the way, 2: done
  const visit = (name) => {
    state.set(name, 1);
    calls.set(name, calls.get(name).filter((to) => {
      if (state.get(to) === 1) return false;
      if (!state.has(to)) visit(to);
      return true;
    }));
    state.set(name, 2);
  };
  for (const s of sorted) if (!state.has(s.name)) visit(s.name);
  return { calls, all: services, known, sorted };
}

// layered gives each name its layer: the longest way from one that nobody calls. Such a
// one stands right before whom it calls, unless it is published.
function layered({ calls, sorted }) {
  const layer = new Map([...calls.keys()].map((name) => [name, 0]));
  const callers = new Map([...calls.keys()].map((name) => [name, 0]));
  for (const to of [...calls.values()].flat()) callers.set(to, callers.get(to) + 1);
  const ready = [...calls.keys()].filter((name) => callers.get(name) === 0);
  for (const name of ready) {
    for (const to of calls.get(name)) {
      layer.set(to, Math.max(layer.get(to), layer.get(name) + 1));
      callers.set(to, callers.get(to) - 1);
      if (callers.get(to) === 0) ready.push(to);
    }
  }
  const called = new Set([...calls.values()].flat());
  for (const { name, entry } of sorted) {
    if (!entry && !called.has(name) && calls.get(name).length > 0) layer.set(name, Math.min(...calls.get(name).map((to) => layer.get(to))) - 1);
  }
  return layer;
}

// withWaypoints gives the layers with a waypoint wherever an edge passes one, and for
// each edge the chain of what it runs through.
function withWaypoints({ calls }, layerOf) {
  const layers = [];
  const put = (at, name) => (layers[at] ??= []).push(name);
  for (const name of calls.keys()) put(layerOf.get(name), name);
  const chains = [];
  for (const [from, tos] of calls) {
    for (const to of tos) {
      const chain = [from];
      for (let at = layerOf.get(from) + 1; at < layerOf.get(to); at++) {
        const way = `${from} → ${to} @ ${at}`;
        put(at, way);
        chain.push(way);
      }
      chains.push([...chain, to]);
    }
  }
  for (let at = 0; at < layers.length; at++) layers[at] ??= [];
  return { layers, chains };
}

// order sorts the layers in place so that few edges cross.
function order(layers, chains) {
  const before = new Map();
  const after = new Map();
  for (const chain of chains) {
    for (let i = 1; i < chain.length; i++) {
      push(before, chain[i], chain[i - 1]);
      push(after, chain[i - 1], chain[i]);
    }
  }
  let best = layers.map((l) => [...l]);
  let fewest = crossings(best, after);
  for (let round = 0; round < 8 && fewest > 0; round++) {
    const forth = round % 2 === 0;
    for (let i = 1; i < layers.length; i++) {
      const at = forth ? i : layers.length - 1 - i;
      sortBy(layers[at], layers[forth ? at - 1 : at + 1], forth ? before : after);
    }
    const now = crossings(layers, after);
    if (now < fewest) [best, fewest] = [layers.map((l) => [...l]), now];
  }
  best.forEach((l, i) => (layers[i] = l));
}

function sortBy(layer, fixed, neighbours) {
  const place = new Map(fixed.map((name, i) => [name, (i + 0.5) / fixed.length]));
  const wish = new Map(layer.map((name, i) => {
    const at = (neighbours.get(name) ?? []).filter((n) => place.has(n)).map((n) => place.get(n));
    return [name, at.length === 0 ? (i + 0.5) / layer.length : at.reduce((a, b) => a + b) / at.length];
  }));
  layer.sort((a, b) => wish.get(a) - wish.get(b));
}

// crossings counts the pairs of edges that cross between layers.
function crossings(layers, after) {
  let count = 0;
  for (let at = 0; at + 1 < layers.length; at++) {
    const place = new Map(layers[at + 1].map((name, i) => [name, i]));
    const ends = layers[at].flatMap((name) => (after.get(name) ?? []).map((n) => place.get(n)).sort((a, b) => a - b));
    for (let i = 0; i < ends.length; i++) for (let j = i + 1; j < ends.length; j++) if (ends[i] > ends[j]) count++;
  }
  return count;
}

function placed({ calls, all }, layers, chains, { nodeWidth, nodeHeight, gapX, gapY, wayHeight = 4 }) {
  const gap = (layer, i) => (calls.has(layer[i]) || calls.has(layer[i + 1]) ? gapY : wayHeight);
  const tall = (name) => (calls.has(name) ? nodeHeight : wayHeight);
  const heights = layers.map((l) => l.reduce((sum, name, i) => sum + tall(name) + (i + 1 < l.length ? gap(l, i) : 0), 0));
  const height = Math.max(0, ...heights);
  const nodes = new Map();
  const middle = new Map(); // of nodes and waypoints: their column's left edge and their middle
  layers.forEach((layer, at) => {
    const x = at * (nodeWidth + gapX);
    let y = (height - heights[at]) / 2;
    let row = 0;
    layer.forEach((name, i) => {
      if (calls.has(name)) nodes.set(name, { layer: at, row: row++, x, y });
      middle.set(name, { x, y: y + tall(name) / 2 });
      y += tall(name) + gap(layer, i);
    });
  });
  const edges = chains.map((chain) => ({ from: chain[0], to: chain[chain.length - 1], points: through(chain, middle, nodeWidth) }));
  const drawn = new Set(edges.map((e) => `${e.from}\n${e.to}`));
  for (const s of all) { // what closes a circle runs back
    for (const to of new Set(s.calls ?? [])) {
      if (to === s.name || !calls.has(to) || drawn.has(`${s.name}\n${to}`)) continue;
      const a = middle.get(s.name);
      const b = middle.get(to);
      edges.push({ from: s.name, to, back: true, points: [{ x: a.x + nodeWidth, y: a.y }, { x: b.x, y: b.y }] });
    }
  }
  const width = layers.length === 0 ? 0 : layers.length * (nodeWidth + gapX) - gapX;
  return { nodes, edges, layers: layers.map((l) => l.filter((name) => calls.has(name))), width, height };
}

function through(chain, middle, nodeWidth) {
  const points = [];
  chain.forEach((name, i) => {
    const { x, y } = middle.get(name);
    if (i > 0) points.push({ x, y });
    if (i < chain.length - 1) points.push({ x: x + nodeWidth, y });
  });
  return points;
}

// path draws an edge as a line that leaves and arrives level.
export function path(points) {
  let d = `M${points[0].x} ${points[0].y}`;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1];
    const b = points[i];
    if (i % 2 === 0) d += `L${b.x} ${b.y}`;
    else {
      const bend = Math.max(24, Math.abs(b.x - a.x) / 2);
      d += `C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`;
    }
  }
  return d;
}

function push(map, key, value) {
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(value);
}
