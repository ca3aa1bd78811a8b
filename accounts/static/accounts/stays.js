// Send "Stay signed in" with the providers' buttons, too. Without this file the last choice counts.

const choice = document.querySelector("input[type=checkbox][name=remember]");
for (const hidden of document.querySelectorAll("input[type=hidden][name=remember]")) {
  hidden.form.addEventListener("submit", () => {
    if (choice) hidden.value = choice.checked ? "on" : "off";
  });
}
