// On a phone the navigation scrolls sideways: begin where the current page is.

const current = document.querySelector(".account-nav [aria-current]");
const strip = current?.closest("ul");
if (strip) strip.scrollLeft = current.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;
