// The page: turns clicks into calls of auth.js, and answers into text.

import * as auth from "./auth.js";
import { ago, date, duration, language, say, toggleLanguage } from "./copy.js";
import { element, find } from "./dom.js";
import * as log from "./log.js";

const TIME_CLAIMS = ["iat", "exp", "nbf", "auth_time"];
const state = { api: "", profile: null, devices: [], status: null };

// Status: a function, so that the other language can say it again.

function report(tone, message, code = "") {
  state.status = { tone, message, code };
  renderStatus();
}

function reportError(error) {
  if (!(error instanceof auth.ApiError)) throw error;
  const ended = error instanceof auth.SignedOutError ? [() => say("was_signed_out")] : [];
  const parts = [...ended, () => reason(error), () => waiting(error)];
  report("bad", () => parts.map((part) => part()).filter(Boolean).join(" "), error.problem.code);
}

function reason({ problem }) {
  if (problem.status === 0) return say("network_error");
  if (problem.code === "unreadable_answer") return say("unreadable_answer");
  return problem.detail ?? problem.title ?? say("http_error", { status: problem.status });
}

/** Retry-After is seconds or a date (RFC 9110 §10.2.3). */
function waiting({ problem, retryAfter }) {
  if (problem.status !== 429 || !retryAfter) return "";
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? say("retry_after", { time: duration(seconds) }) : "";
}

// Actions.

async function load() {
  const [profile, devices] = await Promise.all([auth.get("/api/me/"), auth.get("/api/sessions/")]);
  Object.assign(state, { profile, devices: devices?.results ?? [] });
}

async function signIn(form) {
  const { email, password } = Object.fromEntries(new FormData(form));
  report("busy", () => say("signing_in"));
  try {
    await auth.signIn(email, password);
    form.reset();
    await load();
    report("good", () => say("ok_signed_in"));
  } catch (error) {
    reportError(error);
    form.elements.password.value = "";
    form.elements.password.focus();
  }
}

const actions = {
  "call-me": async () => {
    state.profile = await auth.get("/api/me/");
    report("good", () => say("ok_called"));
  },
  refresh: async () => {
    await auth.refresh();
    report("good", () => say("ok_refreshed"));
    state.devices = (await auth.get("/api/sessions/"))?.results ?? [];
  },
  "sign-out": async () => {
    try {
      await auth.signOut();
      report("good", () => say("ok_signed_out"));
    } catch (error) {
      report("bad", () => say("signed_out_here", { reason: reason(error) }), error.problem?.code);
    }
  },
};

/** One thing at a time: buttons rest while a call is under way. */
async function act(action) {
  const buttons = document.querySelectorAll("form button, .actions button");
  for (const button of buttons) button.disabled = true;
  try {
    await action();
  } catch (error) {
    reportError(error);
  } finally {
    for (const button of buttons) button.disabled = false;
    if (!auth.isSignedIn()) Object.assign(state, { profile: null, devices: [] });
    render();
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

function renderClaims() {
  const rows = Object.entries(auth.claims() ?? {}).map(([name, value]) => {
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
  if (!auth.isSignedIn()) return;
  const left = Math.max(0, (auth.expiresAt() - Date.now()) / 1000);
  find("#expiry").max = Math.max(1, auth.lifetime());
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
  find("#their-origin").textContent = state.api;
  find("#our-origin").textContent = location.origin;
  find("#signed-out").hidden = auth.isSignedIn();
  find("#signed-in").hidden = !auth.isSignedIn();
  renderStatus();
  renderProfile();
  renderClaims();
  renderDevices();
  renderCountdown();
  log.render();
}

async function start() {
  find("#sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    act(() => signIn(event.target));
  });
  for (const [id, action] of Object.entries(actions)) find(`#${id}`).addEventListener("click", () => act(action));
  find("#language").addEventListener("click", () => {
    toggleLanguage();
    auth.configure({ language });
    render();
  });
  setInterval(renderCountdown, 1000);
  try {
    state.api = (await (await fetch("/config.json")).json()).api;
    find("#sign-in button").disabled = false;
  } catch {
    report("bad", () => say("no_config"));
  }
  auth.configure({ api: state.api, language, observe: log.add });
  render();
}

start();
