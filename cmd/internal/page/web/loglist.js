// A list of lines that may be long and may grow fast. All lines that came are kept as
// values; a part of them is in the document, in blocks. New ones wait until the next
// frame and enter together.
//
//	lines    0 ······ low ━━━━━━━━━━━━━━━ high ······ end
//	                   │ in the document  │
//	          earlier lines enter    later lines enter
//	          as somebody scrolls up         and down; what is far away leaves

const BLOCK = 100;
const SHOWN = 3000; // lines in the document
const KEPT = 120_000; // lines as values
const NEAR = 800; // pixels from an end

// LogList fills a box that scrolls.
export class LogList {
  // row makes the node of a line after another, if that is known; earlier is called near the upper end when all that
  // is kept is shown; following is told when the list begins or ceases to follow.
  constructor(box, { row, earlier, following, dropped }) {
    Object.assign(this, { box, row, earlier, told: following, dropped });
    this.inner = document.createElement("div");
    box.replaceChildren(this.inner);
    this.scrolled = () => this.look();
    box.addEventListener("scroll", this.scrolled, { passive: true });
    this.sized = new ResizeObserver(() => this.follows && this.toEnd());
    this.sized.observe(box);
    this.clear();
  }

  close() {
    this.box.removeEventListener("scroll", this.scrolled);
    this.sized.disconnect();
    cancelAnimationFrame(this.frame);
  }

  // clear forgets every line, and follows.
  clear() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.inner.replaceChildren();
    this.lines = [];
    this.low = this.high = this.top = 0;
    this.setFollows(true);
  }

  // append adds lines at the end; who reads further up is not moved.
  append(lines) {
    for (const line of lines) this.lines.push(line);
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  flush() {
    this.frame = 0;
    if (this.follows) {
      if (this.lines.length - this.high > SHOWN) this.show(this.lines.length - SHOWN);
      this.extend(this.lines.length);
      this.cutAbove();
      this.forget();
      this.toEnd();
    } else if (this.high - this.low < SHOWN) this.extend(this.lines.length);
  }

  // replaceLast puts a line in the place of an earlier one, wherever that is.
  replace(old, line) {
    const at = this.lines.lastIndexOf(old);
    if (at < 0) return false;
    this.lines[at] = line;
    if (at >= this.low && at < this.high) this.node(at)?.replaceWith(this.row(line, this.lines[at - 1]));
    return true;
  }

  node(at) {
    let from = this.low;
    for (const block of this.inner.children) {
      if (at < from + block.childElementCount) return block.children[at - from];
      from += block.childElementCount;
    }
    return null;
  }

  // prepend adds lines above the first.
  prepend(lines) {
    this.lines = [...lines, ...this.lines];
    this.low += lines.length;
    this.high += lines.length;
    this.look();
  }

  // show begins anew with the lines from low on.
  show(low) {
    this.inner.replaceChildren();
    this.low = this.high = low;
  }

  // extend shows the lines up to end.
  extend(end) {
    let block = this.inner.lastElementChild;
    for (; this.high < end; this.high++) {
      if (!block || block.childElementCount >= BLOCK) {
        block = newBlock();
        this.inner.append(block);
      }
      block.append(this.row(this.lines[this.high], this.lines[this.high - 1]));
    }
  }

  // raise shows a block more above, and keeps what is seen where it is.
  raise() {
    const block = newBlock();
    const from = Math.max(0, this.low - BLOCK);
    for (let at = from; at < this.low; at++) block.append(this.row(this.lines[at], this.lines[at - 1]));
    this.low = from;
    this.still(() => this.inner.prepend(block));
    while (this.high - this.low > SHOWN && this.inner.childElementCount > 1) {
      this.high -= this.inner.lastElementChild.childElementCount;
      this.inner.lastElementChild.remove();
    }
  }

  cutAbove() {
    while (this.high - this.low > SHOWN && this.inner.childElementCount > 1) {
      this.low += this.inner.firstElementChild.childElementCount;
      this.inner.firstElementChild.remove();
    }
  }

  // still changes what is above and keeps what is seen where it is.
  still(change) {
    const below = this.box.scrollHeight - this.box.scrollTop;
    change();
    this.box.scrollTop = this.box.scrollHeight - below;
  }

  // forget lets the earliest values go, once they are many.
  forget() {
    if (this.lines.length < KEPT + KEPT / 10) return;
    const gone = Math.min(this.lines.length - KEPT, this.low);
    this.lines.splice(0, gone);
    this.low -= gone;
    this.high -= gone;
    this.dropped?.(gone);
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
  }

  // follow goes to the end and stays there.
  follow() {
    this.setFollows(true);
    this.flush();
  }

  setFollows(follows) {
    if (this.follows === follows) return;
    this.follows = follows;
    this.told?.(follows);
  }

  // look acts on where somebody has scrolled to.
  look() {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    if (clientHeight === 0) return;
    const below = scrollHeight - scrollTop - clientHeight;
    if (below < NEAR && this.high < this.lines.length && !this.follows) {
      this.extend(Math.min(this.lines.length, this.high + BLOCK));
      this.still(() => this.cutAbove());
    }
    if (!this.follows) this.setFollows(below < 4 && this.high === this.lines.length);
    else if (below >= 4 && scrollTop < this.top - 1) this.setFollows(false);
    else if (below >= 4) this.toEnd(); // nobody has scrolled up: the box became smaller
    if (scrollTop >= NEAR) return;
    if (this.low > 0 && !this.follows) this.raise();
    else if (this.low === 0) this.earlier?.();
  }
}

function newBlock() {
  const block = document.createElement("div");
  block.className = "block";
  return block;
}
