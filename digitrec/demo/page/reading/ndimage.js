// What the other modules need of `scipy.ndimage`.
import { image, pad } from "./numpy.js";

/**
 * @template {import("./numpy.js").Numbers} Data
 * @typedef {import("./numpy.js").Image<Data>} Image
 */

/**
 * Give the distance of each pixel from the nearest 0, in pixels.
 * Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012.
 * @param {Image<Uint8Array>} picture
 */
export function distanceTransform({ data, height, width }) {
  const squares = new Float64Array(height * width);
  const far = height + width;
  for (let column = 0; column < width; column++) {
    let distance = far;
    for (let row = 0; row < height; row++) {
      const at = row * width + column;
      distance = data[at] ? distance + 1 : 0;
      squares[at] = distance;
    }
    distance = far;
    for (let row = height - 1; row >= 0; row--) {
      const at = row * width + column;
      distance = data[at] ? distance + 1 : 0;
      squares[at] = Math.min(squares[at], distance) ** 2;
    }
  }
  const line = new Float64Array(width);
  const [places, bounds] = [new Int32Array(width), new Float64Array(width + 1)];
  for (let start = 0; start < squares.length; start += width) {
    line.set(squares.subarray(start, start + width));
    let last = 0; // of the parabolas that make up the lowest line
    [places[0], bounds[0], bounds[1]] = [0, -Infinity, Infinity];
    for (let at = 1; at < width; at++) {
      let meet;
      do {
        const other = places[last];
        meet = (line[at] + at * at - line[other] - other * other) / (2 * (at - other));
      } while (meet <= bounds[last] && last-- > 0);
      last += 1;
      [places[last], bounds[last], bounds[last + 1]] = [at, meet, Infinity];
    }
    for (let at = 0, which = 0; at < width; at++) {
      while (bounds[which + 1] < at) which += 1;
      const other = places[which];
      squares[start + at] = Math.sqrt((at - other) ** 2 + line[other]);
    }
  }
  return image(squares, height, width);
}

/**
 * Number the groups of connected pixels from 1, in the order of their first ones.
 * @param {Image<Uint8Array>} picture
 * @param {boolean} corners whether pixels that touch at a corner are connected
 */
export function label({ data, height, width }, corners = true) {
  const labels = new Int32Array(height * width);
  /** @type {number[]} */
  const waiting = [];
  let count = 0;
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    labels[start] = ++count;
    waiting.push(start);
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const [row, column] = [Math.floor(at / width), at % width];
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, height - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, width - 1); x++) {
          const next = y * width + x;
          if (!corners && y !== row && x !== column) continue;
          if (data[next] && !labels[next]) {
            labels[next] = count;
            waiting.push(next);
          }
        }
      }
    }
  }
  return { labels: image(labels, height, width), count };
}

/**
 * Label where `name` is not, with one pixel more on all sides: 1 outside, then 2, 3, ...
 * @param {Image<Uint8Array> | Image<Int32Array>} labels
 * @param {number} name
 */
export function labelHoles({ data, height, width }, name) {
  const inked = Uint8Array.from(data, (value) => Number(value === name));
  const others = pad(image(inked, height, width), 1);
  others.data.forEach((value, at) => { others.data[at] = 1 - value; });
  return label(others, false);
}

/**
 * Give the boxes of the labels 1 to `count`; all 0 where there is no such label.
 * @param {Image<Int32Array>} labels
 * @param {number} count
 * @returns {import("./ink.js").Box[]}
 */
export function findObjects({ data, height, width }, count) {
  /** @type {import("./ink.js").Box[]} */
  const boxes = Array.from({ length: count }, () => [height, 0, width, 0]);
  for (let at = 0; at < data.length; at++) {
    if (!data[at]) continue;
    const box = boxes[data[at] - 1];
    const [row, column] = [Math.floor(at / width), at % width];
    if (row < box[0]) box[0] = row;
    if (row >= box[1]) box[1] = row + 1;
    if (column < box[2]) box[2] = column;
    if (column >= box[3]) box[3] = column + 1;
  }
  return boxes.map((box) => (box[1] ? box : [0, 0, 0, 0]));
}

/**
 * Give the greatest of each pixel and its eight neighbours.
 * @param {Image<Float64Array>} picture
 */
export function maximumFilter({ data, height, width }) {
  const across = new Float64Array(data.length);
  for (let at = 0; at < data.length; at++) {
    const column = at % width;
    const before = column ? data[at - 1] : 0;
    const after = column < width - 1 ? data[at + 1] : 0;
    across[at] = Math.max(before, data[at], after);
  }
  const result = new Float64Array(data.length);
  for (let at = 0; at < data.length; at++) {
    result[at] = Math.max(across[at - width] ?? 0, across[at], across[at + width] ?? 0);
  }
  return image(result, height, width);
}

/**
 * Give the least of each value and its neighbours.
 * @param {Float32Array} values
 * @param {number} reach how many neighbours on each side
 */
export const minimumFilter1d = (values, reach) =>
  values.map((_, at) => Math.min(...values.subarray(Math.max(0, at - reach), at + reach + 1)));
