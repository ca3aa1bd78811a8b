// What a page must satisfy beside axe's rules. Each function returns a list of faults as text.

window.gallery = (() => {
  const THUMB_PX = 44;
  const CONTROLS = "button, input:not([type=hidden]), select, textarea, summary, a.button, nav a, .choice";
  const FOCUSABLE = "a[href], button:not(:disabled), input:not([type=hidden], :disabled), select, textarea, summary";
  const LETTERS = /\p{L}{2}/u;

  const isShown = (element) =>
    element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !element.closest(".unseen, .skip");
  const named = (element) => {
    const name = element.getAttribute("name") ?? element.textContent.trim().slice(0, 30);
    return `<${element.localName} ${element.className}> ${name}`;
  };

  /** Elements that make the page wider than the window. */
  function sideways() {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter(
      (element) => isShown(element) && element.getBoundingClientRect().right > clientWidth + 1,
    );
    return [`${scrollWidth} px wide in a window of ${clientWidth}: ${wide.slice(0, 5).map(named).join("; ")}`];
  }

  /** Controls that a thumb misses. A checkbox counts with its label. */
  function small() {
    return [...document.querySelectorAll(CONTROLS)]
      .filter(isShown)
      .map((element) => [element, (element.closest("label") ?? element).getBoundingClientRect()])
      .filter(([, { width, height }]) => Math.min(width, height) < THUMB_PX - 0.5)
      .map(([element, { width, height }]) => `${Math.round(width)} × ${Math.round(height)} px: ${named(element)}`);
  }

  /** Controls that look the same with the keyboard on them. Press Tab first: focus is then visible. */
  function unseenFocus() {
    const look = (element) =>
      [element, element.parentElement, element.closest("label")]
        .filter(Boolean)
        .map((each) => {
          const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } = getComputedStyle(each);
          const outline = outlineStyle === "none" ? "" : outlineStyle + outlineWidth + outlineColor;
          return [outline, boxShadow, borderColor, backgroundColor].join();
        })
        .join("|");
    const before = document.activeElement;
    const faults = [...document.querySelectorAll(FOCUSABLE)].filter(isShown).filter((element) => {
      document.activeElement.blur();
      const without = look(element);
      element.focus({ preventScroll: true });
      return document.activeElement === element && look(element) === without;
    });
    before?.focus?.({ preventScroll: true });
    scrollTo(0, 0);
    return faults.map(named);
  }

  /** Every text that a person reads or hears, but for what is data or in a language of its own. */
  function texts() {
    const found = new Set([document.title]);
    const add = (text) => {
      const plain = text?.replaceAll(/\s+/g, " ").trim();
      if (plain && LETTERS.test(plain)) found.add(plain);
    };
    const isOwn = (element) =>
      element.closest("[lang]") !== document.documentElement || element.closest("code, script, style, noscript, [translate=no]");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (!isOwn(parent) && parent.checkVisibility()) add(walker.currentNode.textContent);
    }
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      for (const element of document.querySelectorAll(`[${name}]`)) {
        if (!isOwn(element)) add(element.getAttribute(name));
      }
    }
    add(document.querySelector("meta[name=description]")?.content);
    return [...found];
  }

  return { sideways, small, unseenFocus, texts };
})();
