// The panel of requests: it shows each request, its status and whether CORS needed a preflight.

import { language, say } from "./copy.js";
import { element, find } from "./dom.js";

const MAX_ENTRIES = 100;
const entries = [];

export function add(entry) {
  entries.unshift(entry);
  entries.length = Math.min(entries.length, MAX_ENTRIES);
  render();
}

export function render() {
  find("#log-empty").hidden = entries.length > 0;
  find("#log").replaceChildren(...entries.map(line));
}

/** Return the headers that cause a preflight: those that an HTML form can't send. */
export function preflight(headers) {
  const asked = ["Authorization", "X-Token-Delivery"].filter((name) => headers.has(name));
  return headers.get("Content-Type") === "application/json" ? [...asked, "Content-Type: application/json"] : asked;
}

function line(entry) {
  return entry.note ? remark(entry) : exchange(entry);
}

function remark({ note, at }) {
  return element("li", { class: "note" }, note(), element("small", {}, at.toLocaleTimeString(language)));
}

function exchange({ method, path, preflight: asked, at, took, status, type }) {
  const tone = status === undefined ? "bad" : status < 300 ? "good" : "bad";
  const cors = asked.length ? say("preflighted", { what: asked.join(", ") }) : say("simple");
  const notes = [at.toLocaleTimeString(language), `${Math.round(took)} ms`, type, cors];
  return element(
    "li",
    {},
    element("span", { class: `code ${tone}` }, String(status ?? "—")),
    element("b", {}, `${method} ${path}`),
    element("small", {}, notes.filter(Boolean).join(" · ") + (status === undefined ? ` · ${say("blocked")}` : "")),
  );
}
