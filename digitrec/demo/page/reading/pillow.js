// Pillow's `resize(size, HAMMING, reducing_gap=2.0)` of 8-bit pixels, with the same result to the bit.
// Source: Pillow's src/libImaging/Resample.c and Reduce.c.
import { image, sum } from "./numpy.js";

/** @typedef {import("./numpy.js").Image<Uint8Array>} Gray */

const BITS = 22; // of a weight, after the binary point
const [A, B] = [Math.fround(0.54), Math.fround(0.46)];

/**
 * @param {Gray} picture
 * @param {number} height
 * @param {number} width
 */
export function resize(picture, height, width) {
  if (height === picture.height && width === picture.width) return picture;
  const across = Math.floor(picture.width / width / 2) || 1;
  const down = Math.floor(picture.height / height / 2) || 1;
  const reduced = across > 1 || down > 1 ? reduce(picture, down, across) : picture;
  const narrow = resample(reduced, Math.fround(picture.width / across), width, false);
  return resample(narrow, Math.fround(picture.height / down), height, true);
}

/** @param {number} x */
function hamming(x) {
  if (x === 0) return 1;
  if (x <= -1 || x >= 1) return 0;
  return (Math.sin(x * Math.PI) / (x * Math.PI)) * (A + B * Math.cos(x * Math.PI));
}

/**
 * Resize the rows, or upright the columns.
 * @param {Gray} picture
 * @param {number} length how much of each is used, pixels
 * @param {number} size of the result, pixels
 * @param {boolean} upright
 */
function resample({ data, height, width }, length, size, upright) {
  const [before, lines] = upright ? [height, width] : [width, height];
  const [step, next] = upright ? [width, 1] : [1, width];
  const result = new Uint8Array(size * lines);
  const [step2, next2] = upright ? [width, 1] : [1, size];
  const scale = length / size;
  const support = Math.max(scale, 1);
  for (let at = 0; at < size; at++) {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const last = Math.min(before, Math.trunc(center + support + 0.5));
    const shares = [];
    for (let x = first; x < last; x++) shares.push(hamming((x - center + 0.5) / support));
    const whole = sum(shares);
    const weights = Int32Array.from(shares, (share) => Math.floor(0.5 + (share / whole) * (1 << BITS)));
    for (let line = 0; line < lines; line++) {
      let total = 1 << (BITS - 1);
      let from = line * next + first * step;
      for (let x = 0; x < weights.length; x++, from += step) total += data[from] * weights[x];
      result[line * next2 + at * step2] = total >> BITS;
    }
  }
  return upright ? image(result, size, width) : image(result, height, size);
}

/**
 * Give the means of blocks, which may be smaller at the right and lower edge.
 * @param {Gray} picture
 * @param {number} down a block's height
 * @param {number} across its width
 */
function reduce({ data, height, width }, down, across) {
  const [rows, columns] = [Math.ceil(height / down), Math.ceil(width / across)];
  const result = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [row * down, Math.min(height, (row + 1) * down)];
    for (let column = 0; column < columns; column++) {
      const [left, right] = [column * across, Math.min(width, (column + 1) * across)];
      const count = (bottom - top) * (right - left);
      let total = count >> 1;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) total += data[y * width + x];
      }
      const factor = Math.trunc(2 ** 24 / count);
      result[row * columns + column] = Math.floor((total * factor) / 2 ** 24);
    }
  }
  return image(result, rows, columns);
}
