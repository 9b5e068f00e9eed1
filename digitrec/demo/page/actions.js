// Share and Save picture, below the answer.
(() => {
  const pad = () => document.querySelector("digit-pad");

  /**
   * A button says for a while what it has done.
   * @param {HTMLElement} button
   * @param {string} text
   */
  function say(button, text) {
    const word = button.querySelector("span");
    const usual = (button.dataset.word ??= word.textContent ?? "");
    word.textContent = text;
    setTimeout(() => { word.textContent = usual; }, 2500);
  }

  // The strokes are in the link; the server keeps nothing.
  function makeLink() {
    const code = pad().toCode();
    if (!code) return pad().shownPaper() && !pad().visible().length ? window.location.href : "";
    const link = new URL(window.location.origin + window.location.pathname);
    link.searchParams.set("s", code);
    return link.href;
  }

  /** @param {HTMLElement} button */
  async function share(button) {
    if (pad().isShowing) return sharePicture(button);
    const url = makeLink();
    if (!url) return say(button, "Too detailed for a link");
    const isCopied = await shareLink(url, "What digit is this?", "The link to this drawing");
    if (isCopied) say(button, "Link copied");
  }

  /**
   * A photo does not fit into a link: its card goes to the phone's sheet or to the clipboard.
   * @param {HTMLElement} button
   */
  async function sharePicture(button) {
    const card = await makeCard(button);
    if (!card) return;
    /** @type {Blob} */
    const blob = await new Promise((resolve) => card.toBlob((made) => resolve(/** @type {Blob} */ (made))));
    const files = [new File([blob], "digits.png", { type: blob.type })];
    if (window.matchMedia("(pointer: coarse)").matches && navigator.canShare?.({ files })) {
      return navigator.share({ files, text: "What digits are these?" }).catch(() => {}); // the sheet was closed
    }
    try {
      await navigator.clipboard.write([new ClipboardItem({ [blob.type]: blob })]);
      say(button, "Picture copied");
    } catch {
      save(button); // without permission to copy
    }
  }

  /** @param {HTMLElement} button */
  async function save(button) {
    const card = await makeCard(button);
    if (!card) return;
    saveFile(card.toDataURL("image/png"), "digits.png");
    say(button, "Saved");
  }

  /** @param {HTMLElement} button */
  async function makeCard(button) {
    try {
      return (await fetchLater("card")).makeCard();
    } catch {
      say(button, "No connection"); // to fetch the script from
      return null;
    }
  }

  document.addEventListener("click", ({ target }) => {
    /** @type {HTMLButtonElement | null | undefined} */
    const button = target.closest?.(".actions button");
    if (button?.name === "share") share(button);
    if (button?.name === "save") save(button);
  });
})();
