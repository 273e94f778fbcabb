// Numbers as people read them.

// seconds gives a duration: 0.42 s, 12.3 s, 2 min 5 s.
export function seconds(s) {
  if (s < 9.995) return `${s.toFixed(2)} s`;
  if (s < 99.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// age gives roughly how long something is ago: 5 s, 3 min, 2 h, 4 d.
export function age(s) {
  if (s < 60) return `${Math.max(0, Math.floor(s))} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

// bytes gives a size: 84 MB, 1.2 GB.
export function bytes(n) {
  let unit = 0;
  while (n >= 1000 && unit < 4) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 10 ? Math.round(n) : n.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

// short gives the beginning of the ID of an artefact set.
export const short = (set) => (set ? set.slice(0, 8) : "");

// clock gives a time of day; with the date where it is another day's.
export function clock(time, now = new Date()) {
  const pad = (n) => String(n).padStart(2, "0");
  const day = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} `;
  const same = time.toDateString() === now.toDateString();
  return `${same ? "" : day}${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

// count gives a number with its noun: 1 line, 340 lines.
export const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
