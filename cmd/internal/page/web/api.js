// Talks to the agent. The cookie says who asks; the key beside it is known to this
// origin alone, port included.

const KEY = "jarloop-key";
const SILENCE = 25_000; // something comes every ten seconds while the agent lives

// Problem is an answer that is none; status 0: there was no answer.
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// signIn takes the token out of the address, before anything else can see it there.
export async function signIn() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await ask("/api/session", { method: "POST", body: { token: found[1] } });
  localStorage.setItem(KEY, answer.key);
}

// ask sends a request and gives the answer's JSON.
export async function ask(path, { method = "GET", body, signal } = {}) {
  const answer = await send(path, { method, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  return answer.status === 204 ? {} : answer.json();
}

async function send(path, { method, signal, body }) {
  const headers = { "X-Jarloop-Key": localStorage.getItem(KEY) ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Problem(0, "the agent does not answer");
  }
  if (answer.ok) return answer;
  let text = answer.statusText;
  try {
    text = (await answer.json()).error ?? text;
  } catch { /* no JSON: the status says it */ }
  throw new Problem(answer.status, text);
}

// stream reads server-sent events and gives each to on(name, data), until the signal
// or the end of the stream; it fails where there was no answer, or silence.
export async function stream(path, on, signal) {
  const own = new AbortController();
  const end = () => own.abort();
  signal.addEventListener("abort", end);
  let timer = setTimeout(end, SILENCE);
  try {
    const answer = await send(path, { method: "GET", signal: own.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const feed = parser(on);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE);
      feed(value);
    }
  } catch (e) {
    if (signal.aborted) return;
    throw e instanceof Problem ? e : new Problem(0, "the agent does not answer");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    own.abort();
  }
}

// parser gives a function that takes pieces of a stream of events.
export function parser(on) {
  let rest = "";
  let name = "";
  let data = [];
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) on(name || "message", JSON.parse(data.join("\n")));
        name = "";
        data = [];
      } else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  };
}

// again calls attempt until the signal, with more patience each time it fails;
// attempt gives whether it got somewhere. failed is told of each failure.
export async function again(attempt, signal, failed) {
  for (let wait = 200; !signal.aborted; ) {
    let worked = { any: false };
    let why = null;
    try {
      await attempt(worked);
    } catch (e) {
      why = e;
    }
    if (signal.aborted) return;
    failed(why);
    if (worked.any) wait = 200;
    await new Promise((done) => {
      const timer = setTimeout(done, why?.status === 401 ? 5000 : wait);
      signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
    });
    wait = Math.min(5000, wait * 2);
  }
}
