// Loads the page, and again where that is cut off: a browser that sees the interfaces
// of containers come and go, on the machine itself, gives up what it is loading.

const TRIES = "jarloop-tries";
const MOST = 5;

import("./app.js").then(() => sessionStorage.removeItem(TRIES), (why) => {
  const tries = Number(sessionStorage.getItem(TRIES)) + 1;
  if (tries > MOST) throw why;
  sessionStorage.setItem(TRIES, String(tries));
  setTimeout(() => location.reload(), 200 * tries);
});
