// Leave this page within a second of the end of its sign-in, and keep its lists up to date (docs/live.md).
//
// One tab of a sign-in holds the stream and tells the others (Web Locks, BroadcastChannel). Where a stream
// is blocked, that tab asks every 30 seconds instead. Nothing here extends the sign-in.

const POLL_MS = 30_000;
const OWN_ANSWER_MS = 5_000;
const PASSIVE = { headers: { "X-Passive": "1" }, cache: "no-store" };
const { events, sid, verify, ended } = document.querySelector("script[data-sid]").dataset;
const name = `live ${sid}`;
const channel = globalThis.BroadcastChannel ? new BroadcastChannel(name) : null;

// A form or a link of this page may be the cause of the end: then the answer to it comes next.
let leftAt = -Infinity;
for (const type of ["submit", "beforeunload"]) addEventListener(type, () => { leftAt = Date.now(); });

function leave(reason) {
  const wait = leftAt + OWN_ANSWER_MS - Date.now();
  if (wait > 0) setTimeout(leave, wait, reason);
  else location.replace(`${ended}?${new URLSearchParams({ reason })}`);
}

// Lists

let timer = 0;

function soon(wait = 100) {
  clearTimeout(timer);
  timer = setTimeout(update, wait);
}

async function update() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length) return;
  // Rows must not move under a finger or away from the keyboard.
  if (parts.some((part) => part.matches(":hover, :focus-within"))) {
    soon(1000);
    return;
  }
  const answer = await fetch(location.href, PASSIVE).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh) part.replaceWith(document.adoptNode(fresh));
  }
}

// News

function hear({ type, data }) {
  if (type === "session.ended" && data.sid === sid) leave(data.reason);
  else soon();
}

function tell(news) {
  channel?.postMessage(news);
  hear(news);
}

channel?.addEventListener("message", ({ data }) => hear(data));

async function check() {
  const answer = await fetch(verify, PASSIVE).catch(() => null);
  const isOther = answer?.status === 204 && answer.headers.get("X-Auth-Session") !== sid;
  if (isOther || answer?.status === 401) tell({ type: "session.ended", data: { sid, reason: "" } });
}

/** Hold the stream until the server refuses it. */
function listen() {
  return new Promise((over) => {
    let isReady = false;
    let wasReady = false;
    const source = new EventSource(events, { withCredentials: true });
    // A proxy that holds answers back sends the head, and no event.
    const poll = setInterval(() => { if (!isReady) check(); }, POLL_MS);
    source.addEventListener("ready", () => {
      if (wasReady) tell({ type: "resync" });
      isReady = wasReady = true;
    });
    for (const type of ["session.ended", "session.opened", "activity", "resync"]) {
      source.addEventListener(type, (event) => tell({ type, data: JSON.parse(event.data) }));
    }
    source.addEventListener("error", () => {
      isReady = false;
      if (source.readyState !== EventSource.CLOSED) return; // the browser connects again
      clearInterval(poll);
      over();
    });
  });
}

async function hold() {
  for (;;) {
    await listen();
    await check();
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

if (navigator.locks) navigator.locks.request(name, hold);
else hold();
