// What the other modules need of NumPy.

/** @typedef {Uint8Array | Uint8ClampedArray | Int32Array | Float32Array | Float64Array} Numbers */

/**
 * Pixels, row by row.
 * @template {Numbers} Data
 * @typedef {{ data: Data, height: number, width: number }} Image
 */

/**
 * @template {Numbers} Data
 * @param {Data} data
 * @param {number} height
 * @param {number} width
 * @returns {Image<Data>}
 */
export const image = (data, height, width) => ({ data, height, width });

/**
 * Round as Python does: a half goes to the even neighbour.
 * @param {number} value
 */
export function rint(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** @type {(value: number, low: number, high: number) => number} */
export const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** @param {Iterable<number>} values */
export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** @param {number[]} values */
export const argmax = (values) => values.reduce((best, value, index) => (value > values[best] ? index : best), 0);

/** @param {ArrayLike<number>} values */
export function greatest(values) {
  let most = -Infinity;
  for (let at = 0; at < values.length; at++) if (values[at] > most) most = values[at];
  return most;
}

/** @param {ArrayLike<number>} values */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * @template {Numbers} Data
 * @param {Image<Data>} picture
 * @param {number} top the first row
 * @param {number} bottom the row after the last
 * @param {number} left the first column
 * @param {number} right the column after the last
 */
export function crop({ data, width }, top, bottom, left, right) {
  const cut = zeros(data, (bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) {
    const start = row * width;
    cut.set(data.subarray(start + left, start + right), (row - top) * (right - left));
  }
  return image(cut, bottom - top, right - left);
}

/**
 * Put a border of zeros around a picture.
 * @template {Numbers} Data
 * @param {Image<Data>} picture
 * @param {number} by pixels on each side
 */
export function pad({ data, height, width }, by) {
  const padded = zeros(data, (height + 2 * by) * (width + 2 * by));
  for (let row = 0; row < height; row++) {
    padded.set(data.subarray(row * width, (row + 1) * width), (row + by) * (width + 2 * by) + by);
  }
  return image(padded, height + 2 * by, width + 2 * by);
}

/**
 * @template {Numbers} Data
 * @param {Data} like of the same type
 * @param {number} length
 * @returns {Data}
 */
const zeros = (like, length) => new (/** @type {any} */ (like).constructor)(length);
