// Show a password, and say when Caps Lock is on. Without this file the field is a plain one.

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
