// The panel of requests and answers: what went over the wire, and what CORS had to do with it.

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

function line({ method, path, preflight, at, took, status, type }) {
  const tone = status === undefined ? "bad" : status < 300 ? "good" : "bad";
  const cors = preflight.length ? say("preflighted", { what: preflight.join(", ") }) : say("simple");
  const notes = [at.toLocaleTimeString(language), `${Math.round(took)} ms`, type, cors];
  return element(
    "li",
    {},
    element("span", { class: `code ${tone}` }, String(status ?? "—")),
    element("b", {}, `${method} ${path}`),
    element("small", {}, notes.filter(Boolean).join(" · ") + (status === undefined ? ` · ${say("blocked")}` : "")),
  );
}
