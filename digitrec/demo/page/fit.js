// The paper is as large as its surroundings allow. `page.css` states, in rem, what else each layout has to
// hold: the answer beside the paper, below it, or all in one row on a phone that lies on its side.
(() => {
  const root = document.documentElement;

  function fit() {
    const style = getComputedStyle(root);
    const rem = parseFloat(style.fontSize);
    /** @type {(name: string) => number} */
    const room = (name) => parseFloat(style.getPropertyValue(`--${name}`)) * rem;
    const main = document.querySelector("#first, main");
    const wide = root.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft);
    // On a Space the page is in a frame as high as all its content.
    const isFramed = window.parent !== window;
    const high = isFramed ? Math.min(window.innerHeight, 0.8 * window.screen.availHeight) : window.innerHeight;
    const top = document.getElementById("top")?.offsetHeight ?? 0;
    const sides = {
      beside: Math.min(wide - room("beside-width"), high - top - room("beside-height")),
      below: Math.min(wide, Math.max(high - top - room("below-height"), 0.6 * high - top)),
      low: high < 30 * rem ? Math.min(high - room("low-height"), wide - room("low-width")) : 0,
    };
    const names = /** @type {(keyof typeof sides)[]} */ (Object.keys(sides));
    let layout = names.reduce((best, name) => (sides[name] > sides[best] ? name : best));
    let side = sides[layout];
    if (side < 0.5 * Math.min(wide, high)) [layout, side] = ["below", Math.min(wide, 0.8 * high)]; // large text
    flags.layout = layout;
    root.style.setProperty("--pad", `${Math.floor(side)}px`);
  }
  fit();
  window.addEventListener("resize", fit);
})();
