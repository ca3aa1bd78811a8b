// Show a password, say when Caps Lock is on, and what would help a new password. Without this file the field is
// a plain one.

for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const show = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-label", visible ? button.dataset.hideLabel : button.dataset.showLabel);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  // Browsers store what they see in password fields only.
  input.form?.addEventListener("submit", () => show(false));
  show(false);
  button.hidden = false;
}

for (const hint of document.querySelectorAll("[data-caps]")) {
  const input = document.getElementById(hint.dataset.caps);
  const tell = (event) => {
    // Autofill sends key events that aren't keyboard events.
    const on = event.getModifierState?.("CapsLock") ?? false;
    hint.textContent = on ? hint.dataset.text : "";
  };
  input.addEventListener("keydown", tell);
  input.addEventListener("keyup", tell);
  input.addEventListener("blur", () => { hint.textContent = ""; });
}

// Length is all that a page can judge: the server knows which passwords are common. So this never says "strong".
const LONG = 15;

for (const advice of document.querySelectorAll("[data-advice]")) {
  const input = document.getElementById(advice.dataset.advice);
  const tell = () => {
    // As the server counts: characters of the NFKC form.
    const length = [...input.value.normalize("NFKC")].length;
    const kind = length < input.dataset.least ? "short" : length < LONG ? "enough" : "long";
    const text = length ? advice.dataset[kind] : "";
    // A screen reader would read out the same text again at each key.
    if (advice.textContent !== text) advice.textContent = text;
  };
  input.addEventListener("input", tell);
}
