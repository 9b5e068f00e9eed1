// Look inside: what shows the network at work is fetched when it is first opened. It is open where the
// address ends in #inside, which the button adds and removes.
(() => {
  const HASH = "#inside";
  /** @type {typeof import("./inside.js") | undefined} */
  let view;

  const button = () => document.querySelector("digit-answer [name=inside]");

  async function follow() {
    const isAble = flags.reader === "browser";
    button().toggleAttribute("disabled", !isAble);
    button().title = isAble ? "" : "Only where your browser itself reads what you draw";
    const isOpen = isAble && window.location.hash === HASH;
    button().ariaPressed = String(isOpen);
    if (!isOpen) return view?.close();
    if (document.getElementById("first")) return; // the page is not laid out yet
    try {
      view ??= await fetchLater("inside");
      view.open();
    } catch {
      leave();
    }
  }

  function leave() {
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
    follow();
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("digit-answer [name=inside], #inside [name=close]")) return;
    if (window.location.hash === HASH) {
      leave();
      return button().focus();
    }
    window.history.replaceState(null, "", HASH);
    follow().then(() => document.getElementById("inside")?.scrollIntoView());
  });
  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "here" || detail === "able" || detail === "unable") follow();
  });
  window.addEventListener("hashchange", follow);
  follow();
})();
