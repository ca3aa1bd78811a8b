// Send a form once, and count down the seconds until one may try again.

for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // Only afterwards: a disabled button's name and value would not be sent.
    setTimeout(() => { for (const button of buttons(form)) button.disabled = true; });
  });
}

// The browser shows this page again after "back": the form may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of buttons(form)) button.disabled = false;
  }
});

function buttons(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

for (const time of document.querySelectorAll("[data-countdown]")) {
  const ends = Date.now() + Number(time.dataset.countdown) * 1000;
  const show = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left) setTimeout(show, 1000);
  };
  show();
}
