// The page: it calls auth.js on clicks, and shows the answers.

import { AuthError, createClient, read } from "./auth.js";
import { ago, date, duration, language, say, toggleLanguage } from "./copy.js";
import { element, find } from "./dom.js";
import * as log from "./log.js";

const TIME_CLAIMS = ["iat", "exp", "nbf", "auth_time"];
const ENDINGS = {
  signed_out: "ok_signed_out",
  elsewhere: "ended_elsewhere",
  expired: "ended_expired",
  lost: "ended_lost",
  reused: "ended_reused",
};
const HAS_PASSKEYS = Boolean(globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON);
const state = { api: "", client: null, profile: null, devices: [], status: null, busy: false, mfaToken: null, focus: null };

// Status. `message` is a function, so that the page can show it again after a change of language.

function report(tone, message, code = "") {
  state.status = { tone, message, code };
  renderStatus();
}

function reportError(error) {
  if (error.signedOut) return; // onSignOut has reported it
  if (error instanceof DOMException) return report("bad", () => say("passkey_closed"));
  const shown = error instanceof AuthError ? error : new AuthError({ code: "network_error" }, { cause: error });
  if (shown !== error && !(error instanceof TypeError)) throw error;
  report("bad", () => [reason(shown), waiting(shown)].filter(Boolean).join(" "), shown.problem.code);
}

function reason({ problem, status }) {
  if (problem.code === "network_error") return say("network_error");
  if (problem.code === "unreadable_answer") return say("unreadable_answer");
  return problem.detail ?? problem.title ?? say("http_error", { status });
}

function waiting({ status, retryAfter }) {
  return status === 429 && retryAfter !== null ? say("retry_after", { time: duration(retryAfter) }) : "";
}

// The client's callbacks.

const session = () => state.client?.session ?? null;

/** Call the browser's fetch in the page's language, and log each request. */
async function send(url, init) {
  const headers = new Headers(init.headers);
  headers.set("Accept-Language", language);
  const entry = { method: init.method ?? "GET", path: url.pathname, preflight: log.preflight(headers), at: new Date() };
  const began = performance.now();
  try {
    const response = await fetch(url, { ...init, headers });
    log.add({ ...entry, took: performance.now() - began, status: response.status, type: response.type });
    return response;
  } catch (error) {
    log.add({ ...entry, took: performance.now() - began });
    throw error;
  }
}

function onTokens({ what, tab, mine }) {
  log.add({ at: new Date(), note: () => say(mine ? `this_tab_${what}` : `other_tab_${what}`, { tab }) });
  if (!mine) follow();
}

/** Load the account again if another tab signed in with another account. */
function follow() {
  if (state.busy) return; // `act` loads it at its end
  if (session().sid === state.sid) render();
  else act(() => report("good", () => say("ok_followed")));
}

function onSignOut(why) {
  clear();
  report(why === "signed_out" ? "good" : "busy", () => say(ENDINGS[why]));
  render();
}

/** Show the list of devices as it is now. */
async function onSessions() {
  if (state.busy || !session()) return;
  const devices = await get("/api/sessions/").catch(() => null);
  if (!devices || state.busy || session()?.sid !== state.sid) return;
  state.devices = devices.results;
  render();
}

function clear() {
  Object.assign(state, { sid: null, profile: null, devices: [] });
}

// Actions.

const get = async (path) => read(await state.client.fetch(path, { headers: { Accept: "application/json" } }));

async function load() {
  state.sid = session()?.sid;
  const [profile, devices] = await Promise.all([get("/api/me/"), get("/api/sessions/")]);
  Object.assign(state, { profile, devices: devices?.results ?? [] });
}

async function restore() {
  report("busy", () => say("restoring"));
  const asked = state.status;
  if (await state.client.restore()) report("good", () => say("ok_restored"));
  else if (state.status === asked) report("", () => ""); // else `onSignOut` has said why
}

async function signIn(form) {
  const { email, password } = Object.fromEntries(new FormData(form));
  report("busy", () => say("signing_in"));
  try {
    await state.client.signIn(email, password);
    form.reset();
    report("good", () => say("ok_signed_in"));
  } catch (error) {
    form.elements.password.value = "";
    if (error.problem?.code === "mfa_required") return askForCode(error.problem.mfa_token, error.problem.factors);
    reportError(error);
    form.elements.password.focus();
  }
}

/** Show the form for the second step in place of the first, or the first one again. */
function askForCode(token, factors = []) {
  state.mfaToken = token;
  find("#passkey-step").hidden = !(HAS_PASSKEYS && factors.includes("webauthn"));
  const form = find("#second-step");
  find("#sign-in").hidden = token !== null;
  form.hidden = token === null;
  form.reset();
  if (token === null) return;
  report("busy", () => say("second_step"));
  state.focus = form.elements.code;
}

async function secondStep(form) {
  const { code } = Object.fromEntries(new FormData(form));
  report("busy", () => say("signing_in"));
  try {
    await state.client.secondStep(state.mfaToken, code);
    askForCode(null);
    report("good", () => say("ok_signed_in"));
  } catch (error) {
    reportError(error);
    if (error.problem?.code === "incorrect_code" || error.status !== 401) form.elements.code.select();
    else askForCode(null); // the token has expired: begin again
  }
}

/** Sign in with what `work` does: a passkey, alone or as the second step. */
async function byPasskey(work) {
  report("busy", () => say("passkey_asked"));
  await work();
  askForCode(null);
  report("good", () => say("ok_signed_in"));
}

const actions = {
  passkey: () => byPasskey(() => state.client.signInByPasskey()),
  "passkey-step": () =>
    byPasskey(() => state.client.signInByPasskey(state.mfaToken)).catch((error) => {
      if (error.problem?.code === "invalid_mfa_token") askForCode(null); // it has expired: begin again
      throw error;
    }),
  "call-me": async () => {
    state.profile = await get("/api/me/");
    report("good", () => say("ok_called"));
  },
  refresh: async () => {
    await state.client.refresh();
    report("good", () => say("ok_refreshed"));
    state.devices = (await get("/api/sessions/"))?.results ?? [];
  },
  "sign-out": async () => {
    try {
      await state.client.signOut();
    } catch (error) {
      report("bad", () => say("not_signed_out", { reason: reason(error) }), error.problem.code);
    }
  },
};

/** Run one action at a time: the buttons are disabled until it ends. */
async function act(action) {
  const buttons = document.querySelectorAll("form button, .actions button");
  state.busy = true;
  for (const button of buttons) button.disabled = true;
  try {
    await action();
    if (session() && session().sid !== state.sid) await load();
  } catch (error) {
    reportError(error);
  } finally {
    state.busy = false;
    for (const button of buttons) button.disabled = false;
    if (!session()) clear();
    render();
    state.focus?.focus();
    state.focus = null;
  }
}

// Rendering.

function renderStatus() {
  const status = find("#status");
  if (!state.status) return;
  const { tone, message, code } = state.status;
  status.className = tone;
  status.replaceChildren(code ? element("code", {}, code) : "", code ? " " : "", message());
}

function renderProfile() {
  const profile = state.profile ?? {};
  find("#profile-email").textContent = profile.email ?? "";
  const rows = ["display_name", "locale", "date_joined", "id"]
    .filter((name) => profile[name])
    .map((name) => pair(say(`field_${name}`), name === "date_joined" ? date(profile[name]) : String(profile[name])));
  find("#profile").replaceChildren(...rows.flat());
}

/** Decode the token to show its claims. This doesn't verify it: only the API does. */
function claims() {
  try {
    const payload = session().access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function renderClaims() {
  const rows = Object.entries(claims() ?? {}).map(([name, value]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const when = TIME_CLAIMS.includes(name) ? ` (${new Date(value * 1000).toLocaleTimeString(language)})` : "";
    return pair(name, text + when);
  });
  find("#claims").replaceChildren(...rows.flat());
}

function renderDevices() {
  find("#no-devices").hidden = state.devices.length > 0;
  const rows = state.devices.map((device) => {
    const seen = device.last_seen_at ? say("last_seen", { when: ago(device.last_seen_at) }) : "";
    const notes = [device.kind === "browser" ? say("browser") : say("api"), device.ip, seen].filter(Boolean).join(" · ");
    return element(
      "li",
      {},
      element("b", {}, device.client || say("unknown_client")),
      device.is_current ? element("span", { class: "badge" }, say("this_device")) : "",
      element("small", { title: device.last_seen_at ?? "" }, notes),
    );
  });
  find("#devices").replaceChildren(...rows);
}

function renderCountdown() {
  if (!session()) return;
  const left = Math.max(0, (session().expiresAt - Date.now()) / 1000);
  find("#expiry").max = Math.max(1, session().lifetime);
  find("#expiry").value = left;
  find("#countdown").textContent = left > 0 ? say("expires_in", { time: duration(left) }) : say("expired");
}

function pair(name, value) {
  return [element("dt", {}, name), element("dd", {}, value)];
}

function render() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  find("#language").lang = language === "ko" ? "en" : "ko"; // its word is in the other language
  find("#their-origin").textContent = state.api;
  find("#our-origin").textContent = location.origin;
  find("#signed-out").hidden = session() !== null;
  find("#signed-in").hidden = session() === null;
  renderStatus();
  renderProfile();
  renderClaims();
  renderDevices();
  renderCountdown();
  log.render();
}

async function start() {
  for (const [id, action] of [["sign-in", signIn], ["second-step", secondStep]]) {
    find(`#${id}`).addEventListener("submit", (event) => {
      event.preventDefault();
      act(() => action(event.target));
    });
  }
  for (const [id, action] of Object.entries(actions)) find(`#${id}`).addEventListener("click", () => act(action));
  find("#language").addEventListener("click", () => {
    toggleLanguage();
    render();
  });
  setInterval(renderCountdown, 1000);
  try {
    state.api = (await (await fetch("/config.json")).json()).api;
  } catch {
    report("bad", () => say("no_config"));
    return render();
  }
  state.client = createClient({ api: state.api, live: true, onSignOut, onTokens, onSessions, fetch: send });
  find("#passkey").hidden = !HAS_PASSKEYS;
  log.add({ at: new Date(), note: () => say("this_tab", { tab: state.client.tab }) });
  await act(restore);
}

start();
