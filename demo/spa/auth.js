// Tokens and the requests that carry them. Knows nothing of the page.

// Both tokens live in this module's memory and nowhere else. A reload loses them, and one signs in
// again: that is the price of leaving nothing in localStorage for an injected script to carry away.
// A product that must survive a reload keeps its refresh token behind a backend of its own
// ("backend for frontend", RFC 10017).
let tokens = null;
let refreshing = null;
let api = "";
let language = "en";
let observe = () => {};

export function configure(options) {
  api = options.api ?? api;
  language = options.language ?? language;
  observe = options.observe ?? observe;
}

export const isSignedIn = () => tokens !== null;
export const expiresAt = () => tokens?.expiresAt ?? 0;
export const lifetime = () => tokens?.lifetime ?? 0;

/** What the API answered when it refused: RFC 9457 problem details, or as near as it came. */
export class ApiError extends Error {
  constructor(problem, { retryAfter = "", cause } = {}) {
    super(problem.detail ?? problem.title ?? problem.code, { cause });
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** Signed out because the API no longer takes the refresh token. */
export class SignedOutError extends ApiError {}

export async function signIn(email, password) {
  keep(await send("POST", "/api/token/", { json: { email, password } }));
}

/** Two callers at once share one refresh: a refresh token is good once. */
export function refresh() {
  refreshing ??= renew().finally(() => { refreshing = null; });
  return refreshing;
}

async function renew() {
  if (!tokens) throw new SignedOutError({ code: "signed_out", status: 401 });
  const shown = tokens;
  try {
    const answer = await send("POST", "/api/token/refresh/", { json: { refresh: shown.refresh } });
    if (tokens === shown) keep(answer);
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 401, 403].includes(error.problem.status)) throw error;
    if (tokens === shown) tokens = null;
    throw new SignedOutError(error.problem, { cause: error });
  }
}

/** RFC 7009. The tokens are forgotten here even if the API can't be told. */
export async function signOut() {
  const shown = tokens;
  tokens = null;
  if (shown) await send("POST", "/api/token/revoke/", { form: { token: shown.refresh } });
}

/** A GET with the access token. On 401 it refreshes once and tries once more. */
export async function get(path) {
  const shown = tokens?.access;
  try {
    return await send("GET", path, { bearer: shown });
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
    // Another caller may have refreshed while this one waited.
    if (tokens?.access === shown) await refresh();
    return send("GET", path, { bearer: tokens?.access });
  }
}

/** For show alone: reading a token is not verifying it, and only the API's verdict counts. */
export function claims() {
  if (!tokens) return null;
  try {
    const payload = tokens.access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function keep(answer) {
  const lifetime = Number(answer?.expires_in) || 0;
  tokens = { access: answer.access, refresh: answer.refresh, lifetime, expiresAt: Date.now() + lifetime * 1000 };
}

async function send(method, path, { json, form, bearer } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": language };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (json) headers["Content-Type"] = "application/json";
  const body = json ? JSON.stringify(json) : form && new URLSearchParams(form);
  // Browsers ask first (a preflight) for what no HTML form could send.
  const preflight = [bearer && "Authorization", json && "Content-Type: application/json"].filter(Boolean);
  const began = performance.now();
  const entry = { method, path, preflight, at: new Date() };
  let response;
  try {
    response = await fetch(api + path, { method, headers, body, credentials: "omit", cache: "no-store" });
  } catch (cause) {
    observe({ ...entry, took: performance.now() - began });
    throw new ApiError({ code: "network_error", status: 0 }, { cause });
  }
  const text = await response.text().catch(() => "");
  observe({ ...entry, took: performance.now() - began, status: response.status, type: response.type });
  return read(response, text);
}

function read(response, text) {
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok) throw new ApiError({ code: "unreadable_answer", status: response.status });
  }
  if (response.ok) return data;
  // Readable across origins only where the API exposes it (Access-Control-Expose-Headers).
  const retryAfter = response.headers.get("Retry-After") ?? "";
  const problem = data && typeof data === "object" ? data : {};
  throw new ApiError({ ...problem, code: problem.code ?? `http_${response.status}`, status: response.status }, { retryAfter });
}
