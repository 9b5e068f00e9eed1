// Share and Save picture, below the answer.
(() => {
  const CARD = { width: 1200, height: 630, paper: 540, edge: 45 }; // pixels; chats show this format whole
  const SEEN = 224; // pixels a side of what the network saw

  const pad = () => document.querySelector("digit-pad");
  const answer = () => document.querySelector("digit-answer");

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
    /** @type {Blob} */
    const blob = await new Promise((resolve) => makeCard().toBlob((made) => resolve(/** @type {Blob} */ (made))));
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
  function save(button) {
    const link = document.createElement("a");
    link.href = makeCard().toDataURL("image/png");
    link.download = "digits.png";
    link.click();
    say(button, "Saved");
  }

  // What was drawn or shown, the answer, and what the network saw of each digit.
  function makeCard() {
    const card = document.createElement("canvas");
    [card.width, card.height] = [CARD.width, CARD.height];
    const context = /** @type {Context} */ (card.getContext("2d"));
    context.fillStyle = "#2b2773";
    context.fillRect(0, 0, CARD.width, CARD.height);
    context.fillStyle = "#fff";
    context.fillRect(CARD.edge, CARD.edge, CARD.paper, CARD.paper);
    const { picture, isShowing } = pad();
    const [source, width, height] = isShowing
      ? [picture, picture.naturalWidth, picture.naturalHeight]
      : [pad().toCanvas(), 1, 1];
    const scale = CARD.paper / Math.max(width, height);
    const [x, y] = [width, height].map((side) => CARD.edge + (CARD.paper - scale * side) / 2);
    context.drawImage(source, x, y, scale * width, scale * height);
    const { numeral, lines, images } = answer().summary();
    const left = 2 * CARD.edge + CARD.paper;
    const room = CARD.width - left - CARD.edge;
    context.textBaseline = "top";
    /** @type {(text: string, size: number, x: number, y: number, colour?: string) => void} */
    const write = (text, size, x, y, colour = "#fff") => {
      context.font = `${size >= 100 ? "bold " : ""}${size}px system-ui, sans-serif`;
      context.fillStyle = colour;
      context.fillText(text, x, y, left + room - x);
    };
    if (numeral) write(numeral, Math.min(240, 880 / numeral.length), left, 50, "#ffd166");
    const beside = numeral.length === 1; // the three best fit next to one numeral
    lines.forEach((line, place) => write(line, beside ? 42 : 32, beside ? left + 220 : left, (beside ? 90 : numeral ? 265 : 60) + 60 * place));
    const side = Math.min(SEEN, room / images.length);
    context.imageSmoothingEnabled = false;
    images.forEach((image, place) => context.drawImage(image, left + place * side, 361, side - (images.length > 1 ? 4 : 0), side - (images.length > 1 ? 4 : 0)));
    if (images.length === 1) write("What the network sees", 24, left + SEEN + 26, 490);
    write(window.location.host, 24, images.length === 1 ? left + SEEN + 26 : left, 550);
    return card;
  }

  document.addEventListener("click", ({ target }) => {
    /** @type {HTMLButtonElement | null | undefined} */
    const button = target.closest?.(".actions button");
    if (button?.name === "share") share(button);
    if (button?.name === "save") save(button);
  });
})();
