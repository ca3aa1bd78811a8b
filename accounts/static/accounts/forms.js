// Send a form once, keep the browser from sending it again, and count down the seconds until the next try.

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

// After a refused form, let "Reload" and "back" open a new form. Otherwise the browser would ask the
// visitor whether to send the old form again.
history.replaceState(history.state, "");

function buttons(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

// Write the time as the server does, which also rounds minutes up.
const inWords = (count, unit) =>
  new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(count);

for (const time of document.querySelectorAll("[data-countdown]")) {
  const ends = Date.now() + Number(time.dataset.countdown) * 1000;
  const show = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    time.textContent = left < 60 ? inWords(left, "second") : inWords(Math.ceil(left / 60), "minute");
    if (left) setTimeout(show, 1000);
  };
  show();
}
