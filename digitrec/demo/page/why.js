// Show why: paints over the drawing or the photo which pixels spoke for the answer, and which against.
(() => {
  // Orange and blue, which colour-blind people can tell apart.
  const [FOR, AGAINST] = [[255, 140, 0], [0, 130, 255]];
  const FAINT = 0.2; // of the strongest contribution; weaker ones are not shown
  const PEN = 0.09; // of a digit's size, in what the network sees; `drawing.PEN` in Python
  let question = 0; // counts up, so that a late answer can be told

  const button = () => document.querySelector("digit-answer [name=why]");
  const isOn = () => button()?.ariaPressed === "true";

  function remove() {
    question += 1;
    for (const layer of document.querySelectorAll(".explanation")) layer.remove();
  }

  async function ask() {
    remove();
    const { answer } = document.querySelector("digit-answer");
    if (!isOn() || !answer?.is_number) return;
    const about = question;
    let contributions = await askWorker({ digits: answer.digits });
    if (!contributions) {
      tell("why");
      contributions = (await window.explainOnServer?.(answer.digits)) ?? null;
    }
    if (about === question && contributions) show(answer, contributions);
  }

  /** @param {Answer} answer @param {number[][][]} contributions */
  function show({ digits, size, text }, contributions) {
    const pad = document.querySelector("digit-pad");
    const layer = document.createElement("div");
    layer.className = "explanation";
    // In a photo the ink fills its box; on the pad it does so with another pen than the network sees.
    const pen = pad.isShowing ? 0 : size[0] * pad.pen;
    const boxes = digits.map(({ box: [left, top, right, bottom] }) => {
      const path = Math.max(right - left, bottom - top) - pen; // of the middle of the pen
      const wider = pen ? ((path * PEN) / (1 - PEN) - pen) / 2 : 0;
      return [left - wider, top - wider, right + wider, bottom + wider];
    });
    const frame = coverPicture(size, boxes, (place) => paint(digits[place].image, contributions[place]));
    const legend = document.createElement("p");
    legend.innerHTML = `<span><i class="for"></i>spoke for ${text}</span><span><i class="against"></i>against it</span>`;
    layer.append(frame, legend);
    pad.querySelector(".sheet").append(layer);
  }

  /**
   * Paint the part of the image that has ink.
   * @param {number[][]} image
   * @param {number[][]} contributions
   */
  function paint(image, contributions) {
    const inked = (/** @type {number[]} */ line) => line.some(Boolean);
    const columns = image[0].map((_, column) => image.map((row) => row[column]));
    const [top, bottom] = [image.findIndex(inked), image.findLastIndex(inked)];
    const [left, right] = [columns.findIndex(inked), columns.findLastIndex(inked)];
    const strongest = Math.max(1e-12, ...contributions.flat().map(Math.abs));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [right - left + 1, bottom - top + 1];
    const context = /** @type {Context} */ (canvas.getContext("2d"));
    const pixels = context.createImageData(canvas.width, canvas.height);
    for (let row = top, at = 0; row <= bottom; row++) {
      for (let column = left; column <= right; column++, at += 4) {
        const share = contributions[row][column] / strongest;
        if (Math.abs(share) < FAINT) continue;
        pixels.data.set([...(share > 0 ? FOR : AGAINST), 255 * Math.sqrt(Math.abs(share))], at);
      }
    }
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  document.addEventListener("click", ({ target }) => {
    const pressed = target.closest?.("digit-answer [name=why]");
    if (!pressed) return;
    pressed.ariaPressed = String(!isOn());
    ask();
  });
  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "answered") ask();
    if (detail === "blank" && button()) button().ariaPressed = "false";
    if (detail === "blank" || detail === "reading") remove();
  });
  customElements.whenDefined("digit-pad").then(() => {
    document.querySelector("digit-pad")?.addEventListener("begin", remove);
  });
})();
