// Where a drawing has ink, and how much: the digit without the paper.
import { findWriting } from "./frames.js";
import { crop, greatest, image } from "./numpy.js";

export const FAINTEST_INK = 10;

/**
 * Rows and columns of a rectangle: the first, and the one after the last.
 * @typedef {[top: number, bottom: number, left: number, right: number]} Box
 */

/**
 * @typedef {object} Ink
 * @property {import("./numpy.js").Image<Uint8Array>} strength 0 for paper to 255
 * @property {number} left where it begins, in pixels of the picture
 * @property {number} top
 * @property {number} scale pixels of the picture for each of its own
 */

/** @typedef {import("./numpy.js").Image<Uint8Array | Uint8ClampedArray>} Picture RGBA */

/**
 * Measure how much each pixel of a drawing on a pad differs from the paper, and cut off the margins.
 * @param {Picture} picture
 * @returns {Ink | null} null where the border has no one colour: a photo, which the server reads
 */
export function findInk({ data, height, width }) {
  const paper = findPaper(data, height, width);
  if (!paper) return null;
  const isNothing = paper[3] === 0;
  // Four bytes are compared as one.
  const pixels = new Uint32Array(data.buffer, data.byteOffset, height * width);
  const blank = new Uint32Array(Uint8Array.from(paper).buffer)[0];
  const inked = image(new Uint8Array(height * width), height, width);
  for (let at = 0; at < pixels.length; at++) {
    inked.data[at] = isNothing ? data[4 * at + 3] : Number(pixels[at] !== blank);
  }
  const box = findBox(inked, 0);
  const [top, bottom, left, right] = box;
  if (isNothing) {
    const strength = crop(image(findInkOnNothing(data), height, width), ...box);
    return leaveSurroundings(strength, { rows: strength, channels: 1 }, box, { height, width });
  }
  const strength = crop(inked, ...box);
  for (let row = top, to = 0; row < bottom; row++) {
    let from = 4 * (row * width + left);
    for (let column = left; column < right; column++, to++, from += 4) {
      strength.data[to] = Math.max(
        Math.abs(data[from] - paper[0]),
        Math.abs(data[from + 1] - paper[1]),
        Math.abs(data[from + 2] - paper[2]),
      );
    }
  }
  const rows = crop(image(data, height, 4 * width), top, bottom, 4 * left, 4 * right);
  return leaveSurroundings(strength, { rows, channels: 4 }, box, { height, width });
}

/**
 * Leave out margins, frames and what encloses the writing.
 * @param {import("./numpy.js").Image<Uint8Array>} strength
 * @param {import("./frames.js").Pixels} pixels
 * @param {Box} box where it is in the picture
 * @param {{ height: number, width: number }} shape of the picture
 * @returns {Ink}
 */
function leaveSurroundings(strength, pixels, [top, , left], shape) {
  const writing = findWriting(pixels, strength, shape, FAINTEST_INK);
  if (!writing) return { strength, left, top, scale: 1 };
  return { strength: writing.strength, left: left + writing.left, top: top + writing.top, scale: 1 };
}

/**
 * A drawing without paper, of any colour: on white or on black paper, whichever shows it better.
 * @param {Picture["data"]} data
 */
function findInkOnNothing(data) {
  const [onWhite, onBlack] = [new Uint8Array(data.length / 4), new Uint8Array(data.length / 4)];
  /** @type {(one: number, other: number) => number} */
  const multiply = (one, other) => Math.trunc((one * other) / 255);
  for (let at = 0; at < onBlack.length; at++) {
    const [red, green, blue, alpha] = data.subarray(4 * at, 4 * at + 4);
    onWhite[at] = multiply(255 - Math.min(red, green, blue), alpha);
    onBlack[at] = multiply(Math.max(red, green, blue), alpha);
  }
  return greatest(onWhite) >= greatest(onBlack) ? onWhite : onBlack;
}

/**
 * Give the median colour of the border; null where less than half the border has it.
 * @param {Picture["data"]} data
 * @param {number} height
 * @param {number} width
 */
function findPaper(data, height, width) {
  /** @type {number[]} */
  const border = []; // where its pixels are
  for (let column = 0; column < width; column++) border.push(column, (height - 1) * width + column);
  for (let row = 0; row < height; row++) border.push(row * width, row * width + width - 1);
  const half = border.length / 2;
  const paper = [0, 1, 2, 3].map((channel) => {
    const values = border.map((at) => data[4 * at + channel]).sort((one, other) => one - other);
    return Math.trunc((values[half - 1] + values[half]) / 2);
  });
  const blank = border.filter((at) => paper.every((value, channel) => data[4 * at + channel] === value));
  return blank.length >= half ? paper : null;
}

/**
 * Find the smallest rectangle around all pixels above `faintest`; one pixel where there are none.
 * @param {import("./numpy.js").Image<Uint8Array>} picture
 * @param {number} faintest
 * @returns {Box}
 */
export function findBox({ data, height, width }, faintest) {
  let [top, bottom, left, right] = [-1, 0, width, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (data[row * width + column] <= faintest) continue;
      if (top < 0) top = row;
      bottom = row + 1;
      if (column < left) left = column;
      if (column >= right) right = column + 1;
    }
  }
  return top < 0 ? [0, 1, 0, 1] : [top, bottom, left, right];
}
