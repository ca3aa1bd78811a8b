// After a refused form the keyboard starts at the list of what to correct.

document.querySelector("[data-error-summary]")?.focus();
