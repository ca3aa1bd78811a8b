// After a proof, the form that had to wait for it is sent again.

document.querySelector("form[data-continue]").requestSubmit();
