// Describes elements as values, and makes the document so.
//
//   patch(parent, [h("p.note", { title: "…" }, "text", h("a", { href: "#/" }, "link"))])
//
// What is there already stays where it can: focus, selection and scrolling survive a
// new description. Text is only ever set as text, so nothing that a service prints or
// a file is called can become markup.

const SVG = "http://www.w3.org/2000/svg";
const described = new WeakMap(); // the description that a node was last made to match

// h describes an element. "tag.class.other" names it; of the properties, "key" tells
// it from its siblings, "on…" are handlers, "mount" is called with the node once it is
// in the document and may give what undoes it, "opaque" leaves its children to that,
// and "style" has values of properties.
// Arrays among the children are laid out flat; null and false are left out.
export function h(name, props, ...children) {
  const [tag, ...classes] = name.split(".");
  const all = { ...props };
  if (classes.length > 0) all.class = [...classes, all.class].filter(Boolean).join(" ");
  return { tag, key: all.key, props: all, children: flat(children) };
}

function flat(children) {
  const out = [];
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === true) continue;
    out.push(typeof child === "object" ? child : String(child));
  }
  return out;
}

let depth = 0;
let mounts = []; // what is to be called when the outermost patch has ended

// patch makes the children of a node match their descriptions.
export function patch(parent, children) {
  depth++;
  match(parent, children);
  if (--depth > 0) return;
  for (const mount of mounts.splice(0)) mount();
}

function match(parent, children) {
  const wanted = flat([children]);
  const keyed = new Map();
  const unkeyed = [];
  for (const node of parent.childNodes) {
    const was = described.get(node);
    if (was?.key !== undefined) keyed.set(was.key, node);
    else unkeyed.push(node);
  }
  let next = parent.firstChild;
  for (const child of wanted) {
    let node = take(child, keyed, unkeyed);
    if (node) update(node, child);
    else node = create(child, parent);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
  for (const node of [...keyed.values(), ...unkeyed]) remove(node);
}

// take gives the node that can become child, if one is left.
function take(child, keyed, unkeyed) {
  if (child.key !== undefined) {
    const node = keyed.get(child.key);
    if (!node || described.get(node).tag !== child.tag) return null;
    keyed.delete(child.key);
    return node;
  }
  const at = unkeyed.findIndex((node) => kind(described.get(node)) === kind(child));
  return at < 0 ? null : unkeyed.splice(at, 1)[0];
}

const kind = (v) => (typeof v === "object" ? v.tag : typeof v);

function create(child, parent) {
  if (typeof child === "string") {
    const text = document.createTextNode(child);
    described.set(text, child);
    return text;
  }
  const svg = child.tag === "svg" || (parent.namespaceURI === SVG && parent.localName !== "foreignObject");
  const node = svg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  described.set(node, { props: {}, children: [] });
  update(node, child);
  if (child.props.mount) mounts.push(() => (node.unmount = child.props.mount(node)));
  return node;
}

function update(node, child) {
  const was = described.get(node);
  described.set(node, child);
  if (typeof child === "string") {
    if (was !== child) node.data = child;
    return;
  }
  for (const name of Object.keys(was.props)) if (!(name in child.props)) set(node, name, null, was.props[name]);
  for (const [name, value] of Object.entries(child.props)) if (name !== "value") set(node, name, value, was.props[name]);
  if (!child.props.opaque) match(node, child.children);
  if ("value" in child.props) set(node, "value", child.props.value); // of a select: once it has its options
}

function set(node, name, value, was) {
  if (name === "key" || name === "mount" || name === "opaque") return;
  if (name === "value" || name === "checked" || name === "open") {
    if (node[name] !== value) node[name] = value ?? "";
    return;
  }
  if (name === "style") {
    for (const [k, v] of Object.entries(value ?? {})) if (v !== was?.[k]) node.style.setProperty(k, v);
    return;
  }
  if (value === was) return;
  if (name.startsWith("on")) {
    if (was) node.removeEventListener(name.slice(2), was);
    if (value) node.addEventListener(name.slice(2), value);
  } else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

function remove(node) {
  unmount(node);
  node.remove();
}

function unmount(node) {
  for (const child of node.childNodes) unmount(child);
  node.unmount?.();
  node.unmount = undefined;
}
