// Ask the device for a passkey, or to make one, and send its answer with the form.
// Without this file, or in a browser without passkeys, their buttons stay hidden and the page works.

const MINUTES = 60 * 1000;
const RENEWED_AFTER = 4 * MINUTES; // a challenge lasts five
const supported = Boolean(window.PublicKeyCredential && navigator.credentials);
const SECOND = 1000;
let pending = null; // a page may wait for one answer at a time
let prompts = 0; // dialogs of the device that a button has opened, and that are still open

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (credential) => ({ ...credential, id: bytes(credential.id) });

function decoded(options) {
  const made = { ...options, challenge: bytes(options.challenge) };
  if (options.user) made.user = named(options.user);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (options[list]) made[list] = options[list].map(named);
  }
  return made;
}

function encoded(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

async function ask(form, mediation) {
  pending?.abort();
  const waiting = (pending = new AbortController());
  const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`options: ${answer.status}`);
  const publicKey = decoded(await answer.json());
  if (waiting.signal.aborted) return;
  const how = { publicKey, signal: waiting.signal, ...(mediation && { mediation }) };
  const began = Date.now();
  const timer = setTimeout(() => waiting.abort(), publicKey.timeout);
  try {
    const credential = await navigator.credentials[form.dataset.passkey](how);
    form.elements.credential.value = JSON.stringify(encoded(credential));
  } catch (error) { // browsers say NotAllowedError if the owner cancelled, and if the time is over
    throw Date.now() - began < publicKey.timeout - SECOND ? error : new DOMException("", "TimeoutError");
  } finally {
    clearTimeout(timer);
  }
  form.requestSubmit();
}

function show(form, error) {
  if (error.name === "AbortError") return;
  const { cancelled, known, late, failed } = form.dataset;
  const texts = { NotAllowedError: cancelled, InvalidStateError: known, TimeoutError: late };
  form.querySelector("[data-passkey-status]").textContent = texts[error.name] ?? failed;
}

// Let the browser offer passkeys in the field for the email. A dialog that is open stays open.
async function offer(form) {
  if (!(await window.PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  if (prompts || form.elements.credential.value) return;
  ask(form, "conditional").catch(() => {});
}

// Offer with a new challenge before the old one expires. Without the focus, the dialog of an offer may
// be open: then wait until the page has the focus again, and give the answer a second to arrive.
function keepOffering(form) {
  let isDue = false;
  const renew = () => {
    isDue = !document.hasFocus();
    if (!isDue) offer(form);
  };
  setInterval(renew, RENEWED_AFTER);
  addEventListener("focus", () => setTimeout(() => isDue && renew(), SECOND));
}

function prepare(form) {
  form.addEventListener(
    "submit",
    (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // nothing is sent yet
      form.querySelector("[data-passkey-status]").textContent = "";
      prompts += 1;
      ask(form)
        .catch((error) => show(form, error))
        .finally(() => {
          prompts -= 1;
          if ("offered" in form.dataset) offer(form);
        });
    },
    { capture: true },
  );
  addEventListener("pageshow", () => { form.elements.credential.value = ""; });
  if ("first" in form.dataset) form.querySelector("button").focus(); // not the field for a code
  if ("offered" in form.dataset) {
    offer(form);
    keepOffering(form);
  }
}

for (const each of document.querySelectorAll("[data-with-passkeys]")) {
  each.hidden = !supported;
  each.toggleAttribute("data-off", !supported); // style.css
}
for (const each of document.querySelectorAll("[data-without-passkeys]")) each.hidden = supported;
if (supported) document.querySelectorAll("form[data-passkey]").forEach(prepare);

// Tell the device which passkeys this site no longer knows.
const signals = document.getElementById("passkey-signals");
if (signals && supported) {
  const { accepted, unknown } = JSON.parse(signals.textContent);
  const ignored = () => {};
  if (accepted) window.PublicKeyCredential.signalAllAcceptedCredentials?.(accepted).catch(ignored);
  if (unknown) window.PublicKeyCredential.signalUnknownCredential?.(unknown).catch(ignored);
}
