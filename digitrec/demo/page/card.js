// A picture of the drawing or the photo with its answer, to be saved or shared.

const [WIDTH, HEIGHT] = [1200, 630]; // pixels; link previews and chats show this format whole
const EDGE = 45;
const PAPER = HEIGHT - 2 * EDGE;
const LEFT = PAPER + 2 * EDGE; // of the column with the answer
const COLUMN = WIDTH - LEFT - EDGE;
const FOOT = HEIGHT - EDGE - 50; // where the column ends, above the page's address
const BESIDE = LEFT + 200; // of what is written next to one large digit
const MOST_DIGITS = 12; // of a number
const GAP = 8; // between what the network saw of the digits
const LABEL = 34; // pixels below each digit for its percentage
const NARROWEST = 110; // of a digit's cell, so that its percentage fits
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const COLOURS = {
  light: { page: "#f1f0fa", ink: "#1e1b4b", quiet: "#565877", mark: "#4338ca", line: "#8a8cb0", track: "#d9d8ee" },
  dark: { page: "#1b1848", ink: "#ffffff", quiet: "#c9cbf7", mark: "#ffd166", line: "#7472b4", track: "#35316f" },
};

/** @typedef {typeof COLOURS.light} Colours */

// In the colours of the page.
export function makeCard() {
  const card = document.createElement("canvas");
  [card.width, card.height] = [WIDTH, HEIGHT];
  const context = /** @type {Context} */ (card.getContext("2d"));
  const colours = COLOURS[flags.theme];
  context.fillStyle = colours.page;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  drawPaper(context, colours.line);
  const { answer, words: [said, hint] } = document.querySelector("digit-answer");
  const pen = new Pen(context);
  const digits = answer?.digits.slice(0, MOST_DIGITS) ?? [];
  let y = EDGE;
  if (!answer?.is_number) {
    y += pen.headline("?", 150, colours.quiet) + 66;
    y = pen.wrap(said, 40, y, colours.ink, "bold ");
    y = pen.wrap(hint, 28, y, colours.quiet);
  } else if (digits.length === 1) {
    y += pen.headline(answer.text, 220, colours.mark) + 70;
    writeBest(pen, said, digits[0], colours);
  } else {
    y += pen.headline(answer.text, 180, colours.mark) + 60;
    y = pen.wrap(hint, 32, y, colours.ink, "bold ");
  }
  if (digits.length && y < FOOT - 100) {
    pen.write("What the network sees", 22, LEFT, y, colours.quiet);
    const right = drawDigits(pen, digits, y + 14, colours, Boolean(answer?.is_number) && digits.length > 1);
    const isTen = digits[0].probabilities.length === 10; // the bars of more classes would be too thin
    if (answer?.is_number && digits.length === 1 && isTen) drawBars(pen, digits[0], right + 36, y + 14, colours);
  }
  const address = (window.location.host + window.location.pathname).replace(/\/$/, "");
  const name = pen.write("digitrec", 28, LEFT, HEIGHT - EDGE - 4, colours.mark, "bold ");
  pen.write(address, 24, LEFT + name + 20, HEIGHT - EDGE - 4, colours.quiet);
  return card;
}

// Writes into the column; a text that is too long for it becomes smaller.
class Pen {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
  }

  /**
   * @param {string} text
   * @param {number} size pixels
   * @param {number} x
   * @param {number} y of the line that it stands on
   * @param {string} colour
   * @returns its width
   */
  write(text, size, x, y, colour, weight = "", room = LEFT + COLUMN - x) {
    const { context } = this;
    context.fillStyle = colour;
    for (let smaller = size; ; smaller--) {
      context.font = `${weight}${smaller}px ${FONT}`;
      const { width } = context.measureText(text);
      if (width > room && smaller > 8) continue;
      context.fillText(text, x, y);
      return width;
    }
  }

  /**
   * Write the number as large as it fits.
   * @param {string} text
   * @param {number} most pixels of the font
   * @param {string} colour
   * @returns its height
   */
  headline(text, most, colour) {
    const { context } = this;
    context.font = `bold 100px ${FONT}`;
    const size = Math.min(most, (100 * COLUMN) / context.measureText(text).width);
    context.font = `bold ${size}px ${FONT}`;
    const { actualBoundingBoxAscent: height, actualBoundingBoxLeft: left } = context.measureText(text);
    context.fillStyle = colour;
    context.fillText(text, LEFT + left, EDGE + height);
    return height;
  }

  /**
   * Write text in as many lines as it needs.
   * @param {string} text
   * @param {number} size
   * @param {number} y of the first line
   * @param {string} colour
   * @returns where the next text may stand
   */
  wrap(text, size, y, colour, weight = "") {
    if (!text) return y;
    this.context.font = `${weight}${size}px ${FONT}`;
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = `${lines[lines.length - 1]} ${word}`.trim();
      if (this.context.measureText(longer).width <= COLUMN) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    const pitch = Math.round(1.25 * size);
    lines.filter(Boolean).forEach((line, place) => this.write(line, size, LEFT, y + place * pitch, colour, weight));
    return y + (lines.length - 1) * pitch + 48;
  }
}

/** @param {Context} context @param {string} line */
function drawPaper(context, line) {
  const pad = document.querySelector("digit-pad");
  context.save();
  context.translate(EDGE, EDGE);
  context.beginPath();
  context.roundRect(0, 0, PAPER, PAPER, 24);
  context.save();
  context.clip();
  context.fillStyle = "#fff";
  context.fillRect(0, 0, PAPER, PAPER);
  if (!pad.isShowing) pad.drawOn(context, PAPER);
  else if (pad.picture.naturalWidth) drawPhoto(context, pad.picture);
  context.restore();
  context.lineWidth = 2;
  context.strokeStyle = line;
  context.beginPath();
  context.roundRect(0, 0, PAPER, PAPER, 24);
  context.stroke();
  context.restore();
}

/**
 * The whole photo in the middle of the paper, with a frame around each digit.
 * @param {Context} context
 * @param {HTMLImageElement} picture
 */
function drawPhoto(context, picture) {
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const scale = PAPER / Math.max(width, height);
  context.translate((PAPER - scale * width) / 2, (PAPER - scale * height) / 2);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, scale * width, scale * height);
  const { answer } = document.querySelector("digit-answer");
  if (!answer?.is_number) return;
  const [across, down] = [(scale * width) / answer.size[0], (scale * height) / answer.size[1]];
  context.lineWidth = 3;
  context.strokeStyle = "#be185d";
  for (const { box: [left, top, right, bottom] } of answer.digits) {
    context.strokeRect(across * left - 4, down * top - 4, across * (right - left) + 8, down * (bottom - top) + 8);
  }
}

/**
 * Next to a large digit: its share, and what else it might be.
 * @param {Pen} pen
 * @param {string} said
 * @param {AnswerDigit} digit
 * @param {Colours} colours
 */
function writeBest(pen, said, { probabilities }, colours) {
  const [best, ...others] = [...probabilities.keys()].sort((one, other) => probabilities[other] - probabilities[one]);
  const share = (/** @type {number} */ digit) => percent(probabilities[digit]).replace("less than", "<");
  pen.write(share(best), 64, BESIDE, EDGE + 56, colours.ink, "bold ");
  pen.write(said, 34, BESIDE, EDGE + 112, colours.ink);
  const { classes } = document.querySelector("digit-answer");
  const rest = others.slice(0, 2).map((digit) => `${classes[digit]}: ${share(digit)}`);
  pen.write(rest.join("    "), 24, BESIDE, EDGE + 156, colours.quiet);
}

/**
 * The shares of all ten digits, as high as what the network saw.
 * @param {Pen} pen
 * @param {AnswerDigit} digit
 * @param {number} left
 * @param {number} top
 * @param {Colours} colours
 */
function drawBars(pen, { probabilities }, left, top, colours) {
  const pitch = (LEFT + COLUMN - left) / probabilities.length;
  const height = FOOT - GAP - top - LABEL;
  const best = Math.max(...probabilities);
  const { classes } = document.querySelector("digit-answer");
  const { context } = pen;
  probabilities.forEach((share, digit) => {
    const [x, width] = [left + digit * pitch, pitch - 5];
    context.fillStyle = colours.track;
    context.fillRect(x, top, width, height);
    context.fillStyle = colours.mark;
    context.fillRect(x, top + height * (1 - share), width, height * share);
    const isBest = share === best;
    pen.write(classes[digit], 22, x + width / 2 - 7, top + height + 28, isBest ? colours.ink : colours.quiet, isBest ? "bold " : "");
  });
}

/**
 * What the network saw of each digit, as large as all of them fit above the address.
 * @param {Pen} pen
 * @param {AnswerDigit[]} digits
 * @param {number} top
 * @param {Colours} colours
 * @param {boolean} isLabelled with its percentage
 * @returns the right edge of the first
 */
function drawDigits(pen, digits, top, colours, isLabelled) {
  const label = isLabelled ? LABEL : 0;
  let [side, columns] = [0, 1];
  for (let count = 1; count <= digits.length; count++) {
    const row = (FOOT - top) / Math.ceil(digits.length / count);
    const fitting = Math.floor(Math.min(COLUMN / count, row - label) - GAP);
    if (fitting > side && COLUMN / count >= NARROWEST) [side, columns] = [fitting, count];
  }
  const { context } = pen;
  const pitch = isLabelled ? Math.min(COLUMN / columns, side + 60) : side + GAP;
  const seen = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
  context.imageSmoothingEnabled = false;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  digits.forEach(({ image, probabilities }, place) => {
    const [x, y] = [LEFT + (place % columns) * pitch, top + Math.floor(place / columns) * (side + label + GAP)];
    paintDigit(seen, image);
    context.drawImage(seen, x, y, side, side);
    context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    if (!isLabelled) return;
    const share = Math.max(...probabilities);
    const digit = pen.write(String(probabilities.indexOf(share)), 24, x, y + side + 26, colours.ink, "bold ");
    pen.write(percent(share), 22, x + digit + 6, y + side + 26, colours.quiet, "", pitch - digit - 14);
  });
  return LEFT + side;
}
