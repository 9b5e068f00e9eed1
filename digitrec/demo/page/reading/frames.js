// What surrounds a drawing is left out: margins, panels and frames, and what encloses other ink.
import { findBox } from "./ink.js";
import { findObjects, label, labelHoles } from "./ndimage.js";
import { crop, greatest, image, median } from "./numpy.js";

/** @typedef {import("./ink.js").Box} Box */
/** @typedef {import("./numpy.js").Image<Uint8Array>} Strength */

/**
 * Pixels of several channels, which lie one beside the other.
 * @typedef {{ rows: import("./numpy.js").Image<Uint8Array | Uint8ClampedArray>, channels: number }} Pixels
 */

/**
 * Ink in connected pieces, shrunk.
 * @typedef {object} Pieces
 * @property {import("./numpy.js").Image<Int32Array>} labels 0 for paper, then 1, 2, ...
 * @property {Box[]} boxes
 * @property {number} scale pixels of the ink for each of its own
 */

export const TOLERANCE = 24;
export const NOISE = 12;
export const ROWS = 40;
export const LONG = 0.75;
export const APART = 0.55;
export const CROSSED = 0.2;
export const SIDE = 200;
export const STRAIGHT = 0.95;
export const SOLID = 0.5;
export const STICKING = 0.03;
export const SOFT = 4;
export const BORDER = 0.9;
export const LARGE = 0.5;
export const LONGER = 3;
export const WRITTEN = 1 / 3;
export const LOWEST = 0.1;
export const OVAL = 0.85;
export const SLENDER = 0.75;
export const SLASH = 0.3;

/**
 * Leave out what surrounds the writing.
 * @param {Pixels} pixels the part of an opaque picture that has ink
 * @param {Strength} strength by how much it differs from the paper
 * @param {{ height: number, width: number }} shape of the whole picture
 * @param {number} faintest times fainter than the strongest is not ink
 * @returns {{ strength: Strength, left: number, top: number } | null} null where nothing is left out
 */
export function findWriting(pixels, strength, shape, faintest) {
  let found = null;
  let [top, left] = [0, 0];
  while (isWorthALook(strength, Math.trunc(greatest(strength.data) / faintest))) {
    const pieces = findPieces(strength);
    const isRuled = strength.height === shape.height && strength.width === shape.width;
    const panel = findPanel(strength, pieces, isRuled);
    const inside = panel && enter(cut(pixels, panel));
    if (panel && inside) {
      ({ pixels, strength } = inside);
      [top, left] = [top + panel[0] + inside.depth, left + panel[2] + inside.depth];
      if (isBlank(strength)) {
        if (!isPanel(panel, shape, found !== null)) return found;
        return { strength: image(new Uint8Array(1), 1, 1), left, top };
      }
      shape = strength;
    } else {
      const enclosed = findEnclosed(pieces);
      if (!enclosed.size) break;
      strength = keep(strength, pieces, enclosed);
    }
    const box = findBox(strength, 0);
    [pixels, strength] = [cut(pixels, box), crop(strength, ...box)];
    [top, left] = [top + box[0], left + box[2]];
    found = { strength, left, top };
  }
  return found;
}

/**
 * Look for two upright lines, far apart, as of a frame, or rows that cross ink three times.
 * @param {Strength} strength
 * @param {number} faintest
 */
function isWorthALook({ data, height, width }, faintest) {
  const every = Math.ceil(height / ROWS);
  const columns = new Uint16Array(width);
  let [rows, crossed] = [0, 0];
  for (let start = 0; start < data.length; start += every * width, rows++) {
    let [begun, before] = [0, false];
    for (let column = 0; column < width; column++) {
      const isInked = data[start + column] > faintest;
      if (isInked) columns[column] += 1;
      if (isInked && !before) begun += 1;
      before = isInked;
    }
    if (begun >= 3) crossed += 1;
  }
  const first = columns.findIndex((count) => count > LONG * rows);
  const last = columns.findLastIndex((count) => count > LONG * rows);
  const isFramed = first >= 0 && last + 1 - first > APART * width && width > height / LONGER;
  return isFramed || crossed > CROSSED * rows;
}

/**
 * Find a rectangle that makes up most of the ink; a hollow one only where the paper is not ruled.
 * @param {Strength} strength
 * @param {Pieces} pieces
 * @param {boolean} isRuled
 * @returns {Box | null}
 */
function findPanel(strength, { labels, boxes, scale }, isRuled) {
  for (const [index, [top, bottom, left, right]] of boxes.entries()) {
    if (!isLarge(bottom - top, right - left, labels)) continue;
    const piece = mask(crop(labels, top, bottom, left, right), (name) => name === index + 1);
    const box = findRectangle(piece);
    if (!box || (isRuled && count(piece) < SOLID * piece.data.length)) continue;
    const [first, last, begin, end] = box.map((at) => scale * at);
    const [down, across] = [scale * top + first, scale * left + begin];
    const bounds = [Math.min(down + last - first, strength.height), Math.min(across + end - begin, strength.width)];
    const part = mask(crop(strength, down, bounds[0], across, bounds[1]), (value) => value > TOLERANCE);
    const exact = findRectangle(part);
    if (!exact || !isLarge(exact[1] - exact[0], exact[3] - exact[2], strength)) continue;
    return [down + exact[0], down + exact[1], across + exact[2], across + exact[3]];
  }
  return null;
}

/**
 * Find a rectangle of which all four sides are inked; ticks may stick out of it.
 * @param {Strength} inked
 * @returns {Box | null}
 */
function findRectangle(inked) {
  const { data, height, width } = inked;
  const [rows, columns] = [new Uint32Array(height), new Uint32Array(width)];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      rows[row] += data[at];
      columns[column] += data[at];
    }
  }
  const [most, highest] = [greatest(rows), greatest(columns)];
  const [top, bottom] = [rows.findIndex((n) => n > BORDER * most), rows.findLastIndex((n) => n > BORDER * most) + 1];
  const left = columns.findIndex((n) => n > BORDER * highest);
  const right = columns.findLastIndex((n) => n > BORDER * highest) + 1;
  if (Math.min(bottom - top, right - left) < 3) return null;
  const sides = [
    crop(inked, top, top + 1, left + 1, right - 1),
    crop(inked, bottom - 1, bottom, left + 1, right - 1),
    crop(inked, top + 1, bottom - 1, left, left + 1),
    crop(inked, top + 1, bottom - 1, right - 1, right),
  ];
  if (sides.some((side) => count(side) < STRAIGHT * side.data.length)) return null;
  const part = crop(inked, top, bottom, left, right);
  return count(inked) - count(part) > STICKING * part.data.length ? null : [top, bottom, left, right];
}

/**
 * Look at a panel as a picture of its own.
 * @param {Pixels} part
 * @returns its pixels, how much they differ from its border, and how many were left out at each
 *   side; null where the border has several colours
 */
function enter(part) {
  const { height, width } = size(part);
  const deepest = Math.min(SOFT, Math.floor((Math.min(height, width) - 3) / 2));
  for (let depth = 0; depth < deepest; depth++) {
    const { height, width } = size(part);
    const next = cut(part, [1, height - 1, 1, width - 1]);
    const [outer, inner] = [findBorder(part), findBorder(next)];
    if (outer && inner && outer.every((value, channel) => Math.abs(value - inner[channel]) <= NOISE)) {
      const strength = image(new Uint8Array(height * width), height, width);
      for (let at = 0; at < strength.data.length; at++) {
        const difference = differ(part, at, inner);
        strength.data[at] = difference <= NOISE ? 0 : difference;
      }
      return { pixels: part, strength, depth };
    }
    part = next;
  }
  return null;
}

/**
 * Give the colour of nearly all of a border; null where it has several.
 * @param {Pixels} part
 */
function findBorder(part) {
  const { height, width } = size(part);
  /** @type {number[]} */
  const ring = []; // where its pixels are
  for (let column = 0; column < width; column++) ring.push(column, (height - 1) * width + column);
  for (let row = 0; row < height; row++) ring.push(row * width, row * width + width - 1);
  const color = Array.from({ length: part.channels }, (_, channel) =>
    Math.trunc(median(ring.map((at) => part.rows.data[at * part.channels + channel]))),
  );
  const same = ring.filter((at) => differ(part, at, color) <= TOLERANCE);
  return same.length >= BORDER * ring.length ? color : null;
}

/**
 * Say by how much a pixel differs from a colour, in the channel that differs most.
 * @param {Pixels} part
 * @param {number} at
 * @param {number[]} color
 */
function differ({ rows, channels }, at, color) {
  let most = 0;
  for (let channel = 0; channel < channels; channel++) {
    most = Math.max(most, Math.abs(rows.data[at * channels + channel] - color[channel]));
  }
  return most;
}

/**
 * Tell whether nothing is inside a panel but the round corners of a stroke's ends.
 * @param {Strength} strength
 */
function isBlank(strength) {
  const { height, width } = strength;
  const side = Math.min(height, width);
  const edge = Math.min(Math.max(SOFT, Math.floor(side / 10)), Math.floor(side / 4));
  return greatest(crop(strength, edge, height - edge, edge, width - edge).data) < TOLERANCE;
}

/**
 * Tell whether a solid rectangle is a panel of nothing, rather than a bar or a dot.
 * @param {Box} box
 * @param {{ height: number, width: number }} shape
 * @param {boolean} isInner
 */
function isPanel([top, bottom, left, right], shape, isInner) {
  const [height, width] = [bottom - top, right - left];
  const isLong = Math.max(height, width) > LONGER * Math.min(height, width);
  return isLarge(height, width, shape) && (isInner || !isLong);
}

/** @type {(height: number, width: number, shape: { height: number, width: number }) => boolean} */
const isLarge = (height, width, shape) => height >= LARGE * shape.height && width >= LARGE * shape.width;

/**
 * @param {Strength} strength
 * @returns {Pieces}
 */
function findPieces({ data, height, width }) {
  const scale = Math.ceil(Math.max(height, width) / SIDE);
  const [rows, columns] = [Math.ceil(height / scale), Math.ceil(width / scale)];
  const inked = image(new Uint8Array(rows * columns), rows, columns);
  for (let row = 0, at = 0; row < height; row++) {
    const start = Math.floor(row / scale) * columns;
    for (let column = 0; column < width; column++, at++) {
      if (data[at] > TOLERANCE) inked.data[start + Math.floor(column / scale)] = 1;
    }
  }
  const { labels, count: last } = label(inked);
  return { labels, boxes: findObjects(labels, last), scale };
}

/**
 * Find the pieces inside of others that enclose nothing themselves.
 * @param {Pieces} pieces
 */
function findEnclosed({ labels, boxes }) {
  /** @type {Set<number>} */
  const enclosing = new Set();
  /** @type {Set<number>} */
  const enclosed = new Set();
  const heights = boxes.map(([top, bottom]) => bottom - top);
  for (const [index, [top, bottom, left, right]] of boxes.entries()) {
    if (heights[index] < LOWEST * labels.height) continue;
    const inside = new Set(
      boxes.flatMap((box, other) =>
        box[0] > top && box[1] < bottom && box[2] > left && box[3] < right ? [other + 1] : [],
      ),
    );
    const isHigh = () => [...inside].some((name) => heights[name - 1] >= WRITTEN * heights[index]);
    if (!isHigh()) continue;
    const part = crop(labels, top, bottom, left, right);
    const regions = labelHoles(part, index + 1).labels;
    const region = crop(regions, 1, part.height + 1, 1, part.width + 1);
    region.data.forEach((name, at) => { if (name === 1) inside.delete(part.data[at]); });
    if (!isHigh()) continue;
    const hole = mask(region, (name) => name > 1);
    if (isSlashedZero(hole, mask(part, (name) => inside.has(name)))) continue;
    enclosing.add(index + 1);
    for (const name of inside) enclosed.add(name);
  }
  for (const name of enclosing) enclosed.delete(name);
  return enclosed;
}

/**
 * Tell whether the hole of a 0 has a slash in it, rather than a box or a circle a 1.
 * @param {Strength} hole
 * @param {Strength} writing
 */
function isSlashedZero(hole, writing) {
  const [top, bottom, left, right] = findBox(hole, 0);
  const isOval = count(hole) < OVAL * (bottom - top) * (right - left) && measureBreadth(hole) < SLENDER;
  return isOval && measureBreadth(writing) < SLASH;
}

/**
 * Divide the shorter axis of a shape by its longer one, whichever way it is turned.
 * @param {Strength} shape
 */
function measureBreadth({ data, width }) {
  let [pixels, down, across] = [0, 0, 0];
  data.forEach((value, at) => {
    pixels += value;
    down += value * Math.floor(at / width);
    across += value * (at % width);
  });
  let [upright, level, both] = [0, 0, 0];
  data.forEach((value, at) => {
    const [row, column] = [Math.floor(at / width) - down / pixels, (at % width) - across / pixels];
    upright += value * row * row;
    level += value * column * column;
    both += value * row * column;
  });
  const apart = Math.hypot(upright - level, 2 * both);
  const [shorter, longer] = [Math.max(upright + level - apart, 0), upright + level + apart];
  return longer > 0 ? Math.sqrt(shorter / longer) : 1;
}

/**
 * Keep the ink of the wanted pieces, with its soft edge.
 * @param {Strength} strength
 * @param {Pieces} pieces
 * @param {Set<number>} wanted
 * @returns {Strength}
 */
function keep({ data, height, width }, { labels, scale }, wanted) {
  const near = mask(labels, (name) => wanted.has(name));
  labels.data.forEach((name, at) => {
    if (!wanted.has(name)) return;
    const [row, column] = [Math.floor(at / labels.width), at % labels.width];
    for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, labels.height - 1); y++) {
      for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, labels.width - 1); x++) {
        if (!labels.data[y * labels.width + x]) near.data[y * labels.width + x] = 1;
      }
    }
  });
  const kept = data.map((value, at) => {
    const [row, column] = [Math.floor(Math.floor(at / width) / scale), Math.floor((at % width) / scale)];
    return value * near.data[row * labels.width + column];
  });
  return image(kept, height, width);
}

/**
 * @param {import("./numpy.js").Image<Uint8Array> | import("./numpy.js").Image<Int32Array>} picture
 * @param {(value: number) => boolean} isWanted
 * @returns {Strength}
 */
const mask = ({ data, height, width }, isWanted) =>
  image(Uint8Array.from(data, (value) => Number(isWanted(value))), height, width);

/** @param {Strength} inked */
function count({ data }) {
  let inked = 0;
  for (let at = 0; at < data.length; at++) inked += data[at];
  return inked;
}

/** @param {Pixels} pixels */
const size = ({ rows, channels }) => ({ height: rows.height, width: rows.width / channels });

/**
 * @param {Pixels} pixels
 * @param {Box} box
 * @returns {Pixels}
 */
const cut = ({ rows, channels }, [top, bottom, left, right]) =>
  ({ rows: crop(rows, top, bottom, channels * left, channels * right), channels });
