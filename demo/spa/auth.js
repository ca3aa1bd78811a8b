// A browser client for Munjigi. Copy this file: it has no dependencies.
//
//   import { createClient, read } from "./auth.js";
//   const client = createClient({
//     api: "https://auth.example.com",           // same-site with this page: app.example.com
//     onSignOut: (reason) => showSignIn(reason), // in every tab: see the reasons below
//   });
//   if (!(await client.restore())) await client.signIn(email, password);
//   const me = await read(await client.fetch("/api/me/"));
//   await client.signOut();
//
// The refresh token is in an HttpOnly, SameSite=Strict cookie that no script can read. The access token
// lives in this module's memory and reaches other tabs of this origin by BroadcastChannel. No token is written
// to any storage: a reload asks another tab, or else the cookie (`restore`).
//
// Before each refresh the client makes a retry key (`Idempotency-Key`) and stores it in localStorage. If the
// answer gets lost, the next refresh sends the same key, and the API repeats the answer, however late: a network
// that fails, or a page that is closed, signs nobody out. The key opens nothing without the cookie. An answer
// that arrives discards it.
//
// All tabs share one refresh: a Web Lock lets one tab at a time at the cookie, and who waited finds the token
// that the other has fetched. Where a browser lacks either API, each tab refreshes once for itself.
//
// `fetch` calls the browser's fetch with the access token. It refreshes shortly before the token expires. After
// a 401 it refreshes and sends the request again, so the body must not be a stream.
//
// Only a 401 from the refresh signs out. Everything else is thrown and leaves the sign-in alone: `AuthError`
// has `status` (0: not reached), `problem` (RFC 9457), `retryAfter` (seconds or null) and `signedOut`.
// Reasons for `onSignOut`, with the API's code where one led to it. After each of them, show the sign-in page:
//   "signed_out"  by this tab
//   "elsewhere"   `session_ended`: by another tab or device, a changed password, or an administrator
//   "expired"     `refresh_expired`, or the browser has dropped the cookie: not used for too long
//   "lost"        `refresh_lost`: an answer was lost and could not be repeated. Nobody's fault; say it kindly
//   "reused"      `refresh_reused`: somebody may have copied the cookie. Show the signed-in devices next
// With `live: true` the client hears within a second that the sign-in has ended, by a stream of server-sent
// events (docs/live.md). One tab holds it, by a ticket for each. If it is refused, the client asks for the next
// ticket after 30 seconds, which also finds an ended sign-in. `onSessions()` is called when another device of the
// user has signed in or out, or may have.
// `onTokens({what, tab, mine})` hears of each access token, "signed_in", "refreshed" or "handed_over", that this
// tab fetched or took over. `createClient({fetch})` replaces the browser's.

const LOCK = "munjigi-refresh";
const LIVE = "munjigi-live";
const CHANNEL = "munjigi";
const AGAIN_MS = 30_000;
const SPREAD_MS = 5_000;
const ENDS = { expired: "expired", refresh_lost: "lost", reused: "reused" }; // all others: "elsewhere"
const EARLY_SECONDS = 30;
const HANDOVER_MS = 100;
// All tabs wait for the tab that holds the lock, so each token request needs a time limit.
const TIMEOUT_MS = 15_000;
const REASONS = { session_ended: "elsewhere", refresh_expired: "expired", refresh_lost: "lost", refresh_reused: "reused" };

export class AuthError extends Error {
  constructor(problem, { status = 0, retryAfter = null, cause } = {}) {
    super(problem.detail ?? problem.title ?? problem.code, { cause });
    Object.assign(this, { name: "AuthError", problem, status, retryAfter, signedOut: false });
  }
}

/** Return the JSON of a response. Throws `AuthError` if its status is no success. */
export async function read(response) {
  const { status } = response;
  const text = await response.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok) throw new AuthError({ code: "unreadable_answer" }, { status });
  }
  if (response.ok) return data;
  const retryAfter = secondsIn(response.headers.get("Retry-After"));
  throw new AuthError({ code: `http_${status}`, ...data }, { status, retryAfter });
}

/** Return the seconds of a Retry-After header, which holds seconds or a date (RFC 9110 §10.2.3). */
function secondsIn(text) {
  const seconds = /^\d+$/.test(text ?? "") ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

/** The retry key of the refresh that is under way: shared by all tabs, and kept until its answer arrives. */
function retryKeyOf(api) {
  const name = `munjigi-retry ${api}`;
  const stored = (work) => {
    try {
      return work(localStorage);
    } catch {
      return null; // the browser forbids storage
    }
  };
  return {
    /** Null without storage: a key that the other tabs don't know would shut them out. */
    take: () => stored((storage) => {
      const key = storage.getItem(name) ?? random();
      storage.setItem(name, key);
      return key;
    }),
    /** Another tab may have stored the next one already. */
    discard: (key) => stored((storage) => storage.getItem(name) === key && storage.removeItem(name)),
  };
}

/** 128 random bits in hex. */
function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function createClient({
  api, live = false, onSignOut = () => {}, onTokens = () => {}, onSessions = () => {}, fetch: send = (...call) => fetch(...call),
}) {
  const tab = Math.random().toString(36).slice(2, 6); // a name to show, no secret
  const channel = globalThis.BroadcastChannel ? new BroadcastChannel(CHANNEL) : null;
  let tokens = null; // {access, sid, lifetime, expiresAt}
  let ended = null; // the sid that was signed out last
  let refreshing = null;
  let queue = Promise.resolve();
  let arrived = () => {};
  let isListening = false;
  let hangUp = () => {}; // ends the stream or the pause of this tab
  const retryKey = retryKeyOf(api);

  /** Run `work` alone among all tabs, or alone in this tab if the browser has no Web Locks. */
  const inTurn = (work) => (navigator.locks ? navigator.locks.request(LOCK, work) : (queue = queue.then(work, work)));

  const tell = (message) => channel?.postMessage({ api, tab, ...message });

  channel?.addEventListener("message", ({ data }) => {
    if (data?.api !== api) return;
    if (tokens?.expiresAt > data.ask && !isStale(tokens)) tell({ what: "handed_over", tokens });
    if (data.tokens && data.tokens.sid !== ended && !isOldNews(data)) adopt(data.tokens, data);
    if (data.ended) {
      ended = data.ended;
      if (tokens?.sid === ended) forget(data.reason);
    }
  });

  /** Return true for a second answer to one question: several tabs may hand over the same token. */
  const isOldNews = ({ what, tokens: offered }) => what === "handed_over" && offered.expiresAt <= (tokens?.expiresAt ?? 0);
  const hasExpired = ({ expiresAt }) => Date.now() >= expiresAt;
  const isStale = ({ expiresAt, lifetime }) => Date.now() > expiresAt - Math.min(EARLY_SECONDS, lifetime / 4) * 1000;

  /** Return true if the stream, or another tab, was faster to tell of the end of this sign-in. */
  const isOver = (shown) => tokens === null && shown !== null && shown.sid === ended;

  function adopt(fresh, { what, tab: from }) {
    tokens = fresh;
    arrived();
    if (live) listen();
    onTokens({ what, tab: from, mine: from === tab });
  }

  function announce(answer, what) {
    const lifetime = Number(answer?.expires_in) || 0;
    const fresh = { access: answer.access, sid: answer.sid, lifetime, expiresAt: Date.now() + lifetime * 1000 };
    tell({ what, tokens: fresh });
    adopt(fresh, { what, tab });
  }

  function forget(reason) {
    tokens = null;
    hangUp();
    onSignOut(reason);
  }

  function end(reason) {
    ended = tokens?.sid ?? null;
    tell({ ended, reason: reason === "signed_out" ? "elsewhere" : reason });
    forget(reason);
  }

  async function post(path, body, headers = {}) {
    const init = {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-Token-Delivery": "cookie", ...headers },
      body: JSON.stringify(body),
      credentials: "include",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    try {
      return await read(await send(new URL(path, api), init));
    } catch (cause) {
      throw cause instanceof AuthError ? cause : new AuthError({ code: "network_error" }, { cause });
    }
  }

  /** Ask the other tabs for a newer token, because a tab's message may arrive after it released the lock. */
  async function handedOver(shown) {
    if (!channel || tokens !== shown) return;
    const answer = new Promise((resolve) => { arrived = resolve; });
    tell({ ask: shown?.expiresAt ?? 0 });
    await Promise.race([answer, new Promise((resolve) => { setTimeout(resolve, HANDOVER_MS); })]);
  }

  async function renew(shown) {
    await handedOver(shown);
    if (tokens !== shown) return; // another tab refreshed, signed in or signed out
    const key = retryKey.take();
    try {
      const answer = await post("/api/token/refresh/", {}, key ? { "Idempotency-Key": key } : {});
      retryKey.discard(key);
      if (tokens === shown) announce(answer, "refreshed");
    } catch (error) {
      // These are answers, too. After all others the token may have been replaced: keep the key.
      if (error.status === 400 || error.status === 401) retryKey.discard(key);
      const reason = error.status === 401 ? (REASONS[error.problem.code] ?? (shown && "expired")) : null;
      error.signedOut = Boolean(reason) && (tokens === shown || isOver(shown));
      if (reason && tokens === shown) end(reason);
      throw error;
    }
  }

  function refresh() {
    const shown = tokens;
    refreshing ??= inTurn(() => renew(shown)).finally(() => { refreshing = null; });
    return refreshing;
  }

  async function fetchWithToken(path, init = {}) {
    const url = new URL(path, api);
    if (url.origin !== new URL(api).origin) throw new TypeError(`not for ${url.origin}: the token is ${api}'s`);
    const attempt = () => {
      const headers = new Headers(init.headers);
      if (tokens) headers.set("Authorization", `Bearer ${tokens.access}`);
      return send(url, { credentials: "omit", cache: "no-store", ...init, headers });
    };
    // If this refresh fails, use the token until it expires.
    if (tokens && isStale(tokens)) await refresh().catch((error) => { if (!tokens || hasExpired(tokens)) throw error; });
    const used = tokens;
    const response = await attempt();
    if (response.status !== 401 || !used) return response;
    if (isOver(used)) throw Object.assign(new AuthError({ code: "session_ended" }, { status: 401 }), { signedOut: true });
    if (tokens === used) await refresh();
    // Don't repeat the request if another account has signed in meanwhile.
    return tokens?.sid === used.sid ? attempt() : response;
  }

  /** Hold the stream while somebody is signed in. One tab does, the others wait for the lock. */
  async function listen() {
    if (isListening) return;
    isListening = true;
    const hold = async () => {
      while (tokens) await pause(await follow().catch(() => AGAIN_MS));
    };
    await (navigator.locks ? navigator.locks.request(LIVE, hold) : hold());
    isListening = false;
    if (tokens) listen(); // signed in again meanwhile
  }

  const pause = (wait) => new Promise((resolve) => {
    const timer = setTimeout(resolve, tokens ? wait : 0);
    hangUp = () => { clearTimeout(timer); resolve(); };
  });

  /** Open one stream. Returns after its end the milliseconds to wait before the next one. */
  async function follow() {
    const { url } = await read(await fetchWithToken("/api/events/ticket/", { method: "POST" }));
    if (!tokens) return 0;
    return new Promise((resolve) => {
      let wait = AGAIN_MS;
      const source = new EventSource(url);
      const news = ({ type, data }) => {
        const { sid, reason } = JSON.parse(data);
        if (type === "session.ended" && sid === tokens?.sid) end(ENDS[reason] ?? "elsewhere");
        else onSessions();
      };
      hangUp = () => { source.close(); resolve(wait); };
      source.addEventListener("ready", () => { wait = Math.random() * SPREAD_MS; });
      for (const type of ["session.ended", "session.opened", "resync"]) source.addEventListener(type, news);
      // The ticket is used: a stream that breaks needs another one, and not the browser's own attempts.
      source.addEventListener("error", () => { onSessions(); hangUp(); });
    });
  }

  return {
    tab,
    get session() { return tokens; },
    fetch: fetchWithToken,
    refresh,
    /** Return true if another tab or the cookie still has a sign-in. */
    restore: () => refresh().catch((error) => { if (error.status !== 401) throw error; }).then(() => tokens !== null),
    signIn: (email, password) => inTurn(async () => announce(await post("/api/token/", { email, password }), "signed_in")),
    /** With the `mfa_token` of `mfa_required`: as its second step. Throws the browser's error if its dialog is closed. */
    signInByPasskey: async (mfa_token) => {
      const [path, step] = mfa_token ? ["/api/token/mfa/", { mfa_token }] : ["/api/token/passkey/", {}];
      const asked = await post("/api/token/passkey/options/", step);
      const signed = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key) });
      return inTurn(async () => announce(await post(path, { ...step, credential: signed.toJSON() }), "signed_in"));
    },
    /** After `signIn` threw `mfa_required`: go on with `problem.mfa_token` and a code of a second factor. */
    secondStep: (mfa_token, code) => inTurn(async () => announce(await post("/api/token/mfa/", { mfa_token, code }), "signed_in")),
    /** End the sign-in. Throws and stays signed in if the API is out of reach: the cookie would sign in again. */
    signOut: () => inTurn(async () => {
      await post("/api/token/revoke/", {}).catch((error) => {
        if (error.status !== 400 || !tokens) throw error; // 400: the cookie is gone
        return post("/api/token/revoke/", { token: tokens.access });
      });
      end("signed_out");
    }),
  };
}
