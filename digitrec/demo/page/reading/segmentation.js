// Ink is cut into pieces; one piece or several neighbours may be a digit.
import { findBox } from "./ink.js";
import { distanceTransform, findObjects, label, labelHoles, minimumFilter1d } from "./ndimage.js";
import { crop, greatest, image, median, rint } from "./numpy.js";
import { resize } from "./pillow.js";

/**
 * @template {import("./numpy.js").Numbers} Data
 * @typedef {import("./numpy.js").Image<Data>} Image
 */
/** @typedef {import("./ink.js").Box} Box */
/** @typedef {import("./ink.js").Ink} Ink */

export const ROWS = 128;
export const LONGEST = 40;
export const INKED = 0.3;
export const LOW = 0.4;
export const SPECK = 0.08;
export const ASTRIDE = 0.2;
export const DASH = 1.5;
export const SMALL = 0.28;
export const BASE = 0.12;
export const MOST_COMPONENTS = 36;
export const MOST_CUTS = 24;
export const NARROW = 0.45;
export const APART = 0.1;
export const BROADEST = 0.25;
export const NEARLY = 0.3;
export const RING = 0.45;
export const THICKEST = 2.5;
export const WALL = 1;
export const ASIDE = 0.4;

/**
 * @typedef {object} Parting
 * @property {(at: number) => number} part which part a pixel belongs to, from 0
 * @property {number[]} costs of each cut, in pen widths
 */

// Ink in pieces, in reading order.
export class Pieces {
  /**
   * @param {Ink} ink
   * @param {Image<Int32Array>} labels which piece each pixel belongs to, from 1; 0: none
   * @param {number[]} cuts what it cost to cut each piece from the one on its left; 0: no cut
   * @param {number} height of a digit, in rows
   */
  constructor(ink, labels, cuts, height) {
    this.ink = ink;
    this.labels = labels;
    this.cuts = cuts;
    this.height = height;
    this.boxes = findObjects(labels, cuts.length);
  }

  get count() {
    return this.boxes.length;
  }

  /**
   * Give the box of the pieces `first` to `last - 1`.
   * @param {number} first
   * @param {number} last
   * @returns {Box}
   */
  box(first, last) {
    const boxes = this.boxes.slice(first, last);
    const [tops, bottoms, lefts, rights] = [0, 1, 2, 3].map((side) => boxes.map((box) => box[side]));
    return [Math.min(...tops), Math.max(...bottoms), Math.min(...lefts), Math.max(...rights)];
  }

  /**
   * Give the ink of only these pieces, with its soft edge.
   * @param {number} first
   * @param {number} last
   */
  cutOut(first, last) {
    const { height, width } = this.labels;
    let [top, bottom, left, right] = this.box(first, last);
    [top, bottom] = [Math.max(top - 1, 0), Math.min(bottom + 1, height)];
    [left, right] = [Math.max(left - 1, 0), Math.min(right + 1, width)];
    const labels = crop(this.labels, top, bottom, left, right);
    const cut = crop(this.ink.strength, top, bottom, left, right);
    /** @type {(row: number, column: number) => boolean} */
    const isWanted = (row, column) => {
      if (row < 0 || column < 0 || row >= cut.height || column >= cut.width) return false;
      const name = labels.data[row * cut.width + column];
      return name > first && name <= last;
    };
    for (let at = 0; at < cut.data.length; at++) {
      const [row, column] = [Math.floor(at / cut.width), at % cut.width];
      if (isWanted(row, column)) continue;
      let isEdge = false;
      for (let near = 0; near < 9 && !labels.data[at] && !isEdge; near++) {
        isEdge = isWanted(row + Math.floor(near / 3) - 1, column + (near % 3) - 1);
      }
      if (!isEdge) cut.data[at] = 0;
    }
    return cut;
  }

  /**
   * Give the same with its place in the picture.
   * @param {number} first
   * @param {number} last
   * @returns {Ink}
   */
  cutOutInk(first, last) {
    const [top, , before] = this.box(first, last);
    const { left, top: above, scale } = this.ink;
    return {
      strength: this.cutOut(first, last),
      left: left + scale * Math.max(before - 1, 0),
      top: above + scale * Math.max(top - 1, 0),
      scale,
    };
  }
}

/**
 * Connected components of ink: tall ones, as high as a digit or half of one, and zeros of any
 * height; low ones, such as the bar of a 5; commas between two digits; and dirt, with the dashes
 * before the first digit.
 * @typedef {object} Components
 * @property {Ink} whole that was divided
 * @property {Ink} ink shrunk
 * @property {Image<Int32Array>} labels of it, from 1; 0: paper
 * @property {Box[]} boxes
 * @property {number} height of a digit, in rows
 * @property {number[]} tall
 * @property {number[]} low
 * @property {number[]} commas
 */

/**
 * Divide ink into connected components.
 * @param {Ink} whole
 * @param {number} most rows, to which it is shrunk before
 * @returns {Components}
 */
export function findComponents(whole, most = ROWS) {
  const ink = shrink(whole, most);
  const { data, height: rows, width } = ink.strength;
  const level = INKED * greatest(data);
  const { labels, count } = label(image(data.map((value) => Number(value > level)), rows, width));
  const boxes = findObjects(labels, count);
  const heights = boxes.map(([top, bottom]) => bottom - top);
  const tallest = Math.max(...heights);
  const height = median(heights.filter((value) => value > 0.5 * tallest));
  const kept = [...heights.keys()].filter((index) => {
    const [, , left, right] = boxes[index];
    return Math.max(heights[index], right - left) >= SPECK * height;
  });
  /** @param {number} index */
  const isLow = (index) => heights[index] < LOW * height;
  const tall = kept.filter((index) => !isLow(index));
  const low = kept.filter(isLow);
  const { small, commas, dashes } = findSigns(labels, boxes, tall, low, height);
  const digits = [...new Set([...tall, ...small])].sort((one, other) => one - other);
  // Zeros that touch are one component, but several digits, which may be lower than a 1.
  const counts = digits.map((index) => {
    const [top, bottom, left, right] = boxes[index];
    const side = Math.max(bottom - top, right - left);
    return Math.floor(side / Math.max(bottom - top, 1) + NEARLY);
  });
  const wide = digits.filter((_, place) => counts[place] > 1);
  const areStacked = wide.some((one) => digits.some((other) => isStacked(boxes[one], boxes[other])));
  const several = digits.flatMap((index, place) => Array(counts[place]).fill(heights[index]));
  return {
    whole,
    ink,
    labels,
    boxes,
    height: (small.length || wide.length) && !areStacked ? median(several) : height,
    tall: digits,
    low: low.filter((index) => ![small, commas, dashes].some((signs) => signs.includes(index))),
    commas,
  };
}

/**
 * Find low components with a place of their own in the row: small digits, commas and dashes. Tall ones
 * that are less than half as high as a digit may be small digits, too.
 * @param {Image<Int32Array>} labels
 * @param {Box[]} boxes
 * @param {number[]} tall
 * @param {number[]} low
 * @param {number} height of a digit
 */
function findSigns(labels, boxes, tall, low, height) {
  /** @type {Record<"small" | "commas" | "dashes", number[]>} */
  const signs = { small: [], commas: [], dashes: [] };
  const halves = tall.filter((index) => boxes[index][1] - boxes[index][0] < 0.5 * height);
  for (const index of [...low, ...halves]) {
    const [top, bottom, left, right] = boxes[index];
    const others = tall.filter((other) => other !== index);
    const isAstride = others.some((other) => {
      const shared = Math.min(boxes[other][3], right) - Math.max(boxes[other][2], left);
      return shared > ASTRIDE * (right - left);
    });
    if (isAstride) continue;
    const before = others.filter((other) => boxes[other][3] < right).map((other) => boxes[other]);
    const after = others.filter((other) => boxes[other][2] > left).map((other) => boxes[other]);
    const isLow = low.includes(index);
    const ends = before.map((box) => box[3]);
    const starts = after.map((box) => box[2]);
    const last = before[ends.indexOf(Math.max(...ends))];
    const following = after[starts.indexOf(Math.min(...starts))];
    const neighbours = [last, following].filter(Boolean);
    const isWide = right - left > DASH * (bottom - top);
    if (labelHoles(crop(labels, top, bottom, left, right), index + 1).count > 1) signs.small.push(index);
    else if (isWide) {
      if (isLow && following && !last) signs.dashes.push(index);
    } else if (
      isLow && last && following && top > (last[0] + last[1]) / 2 && bottom > Math.max(last[1], following[1])
    ) signs.commas.push(index);
    else if (
      bottom - top > SMALL * height && neighbours.some((box) => Math.abs(bottom - box[1]) < BASE * height)
    ) signs.small.push(index);
  }
  return signs;
}

/**
 * Say which group of tall components each one belongs to, from 1; 0 for dirt. A low one belongs to
 * the nearest tall one.
 * @param {Components} components
 * @param {number[][]} groups
 */
export function own({ boxes, tall, low }, groups) {
  const owner = boxes.map(() => 0);
  groups.forEach((group, place) => group.forEach((index) => { owner[index] = place + 1; }));
  for (const index of low) {
    const distances = tall.map((other) => distance(boxes[index], boxes[other]));
    owner[index] = owner[tall[distances.indexOf(Math.min(...distances))]];
  }
  return owner;
}

/**
 * Put components together that belong together. Their labels are renamed.
 * @param {Components} components
 * @returns {Pieces | null} null where there are more pieces than a number has
 */
export function findPieces(components) {
  const { ink, labels, boxes, height, tall, low } = components;
  if (tall.length + low.length > 4 * MOST_COMPONENTS) return null;
  if (tall.length < 1 || tall.length > MOST_COMPONENTS) return null;
  const owner = own(components, tall.map((index) => [index]));
  tall.forEach((upper, place) => {
    for (const lower of tall.slice(place + 1)) {
      if (!isStacked(boxes[upper], boxes[lower])) continue;
      const [name, from] = [owner[upper], owner[lower]];
      owner.forEach((other, index) => { if (other === from) owner[index] = name; });
    }
  });
  const count = boxes.length;
  rename(labels, [0, ...owner]);
  // Ordered by their middles: a slanted digit's box may begin before its left neighbour's.
  const owned = findObjects(labels, count);
  const names = [...new Set(owner)].filter(Boolean).sort((one, other) => one - other);
  /** @param {number} name */
  const middle = (name) => owned[name - 1][2] + owned[name - 1][3];
  names.sort((one, other) => middle(one) - middle(other));
  rename(labels, Array.from({ length: count + 1 }, (_, name) => names.indexOf(name) + 1));
  return new Pieces(ink, labels, names.map(() => 0), height);
}

/**
 * @param {Image<Int32Array>} labels
 * @param {number[]} names the new name of each label
 */
export function rename({ data }, names) {
  for (let at = 0; at < data.length; at++) data[at] = names[data[at]];
}

/**
 * Cut the chosen pieces further, where a line from top to bottom crosses little ink.
 * @param {Pieces} pieces
 * @param {boolean[]} chosen
 * @returns the pieces, and for each of them the one that it was a part of
 */
export function cutPieces(pieces, chosen) {
  const { width } = pieces.labels;
  const labels = image(new Int32Array(pieces.labels.data.length), pieces.labels.height, width);
  /** @type {number[]} */
  const cuts = [];
  /** @type {number[]} */
  const origins = [];
  let left = MOST_CUTS;
  pieces.boxes.forEach(([top, bottom, first, last], index) => {
    const mask = crop(pieces.labels, top, bottom, first, last);
    mask.data.forEach((name, at) => { mask.data[at] = Number(name === index + 1); });
    const isCut = chosen[index] && last - first > NARROW * pieces.height;
    const { part, costs } = (isCut && (partRings(mask) ?? cut(mask, pieces.height, left))) || WHOLE;
    left -= costs.length;
    const inked = [...mask.data.keys()].filter((at) => mask.data[at]);
    const parts = inked.map(part);
    const names = [...new Set(parts)].sort((one, other) => one - other);
    inked.forEach((at, place) => {
      const target = (top + Math.floor(at / mask.width)) * width + first + (at % mask.width);
      labels.data[target] = origins.length + 1 + names.indexOf(parts[place]);
    });
    cuts.push(0, ...names.slice(1).map((name) => costs[name - 1]));
    origins.push(...names.map(() => index));
  });
  return { pieces: new Pieces(pieces.ink, labels, cuts, pieces.height), origins };
}

/** @type {Parting} */
const WHOLE = { part: () => 0, costs: [] };

/**
 * Part zeros that touch: each gets what is nearest to its hole, so half of a shared wall.
 * @param {Image<Int32Array>} mask
 * @returns {Parting | null}
 */
function partRings(mask) {
  const { labels, count } = labelHoles(mask, 1);
  const boxes = findObjects(labels, count);
  const rings = boxes
    .map((box, place) => ({ name: place + 1, box }))
    .slice(1) // the first is the outside
    .filter(({ box: [top, bottom] }) => bottom - top > RING * mask.height)
    .sort((one, other) => one.box[2] - other.box[2]);
  if (rings.length < 2) return null;
  const ends = [1, ...rings.map(({ box }) => box[3])]; // of the paper before, and of each hole
  const starts = [...rings.map(({ box }) => box[2]), mask.width + 1];
  const thickest = THICKEST * penWidth(mask);
  const walls = starts.map((start, place) => start - ends[place]);
  if (walls.some((wall) => wall < 0 || wall > thickest)) return null;
  const distances = rings.map(({ name }) => {
    const others = Uint8Array.from(labels.data, (value) => Number(value !== name));
    return distanceTransform(image(others, labels.height, labels.width)).data;
  });
  return {
    part: (at) => {
      const [row, column] = [Math.floor(at / mask.width), at % mask.width];
      const here = distances.map((data) => data[(row + 1) * labels.width + column + 1]);
      return here.indexOf(Math.min(...here));
    },
    costs: rings.slice(1).map(() => WALL),
  };
}

/**
 * @param {Image<Int32Array>} mask
 * @param {number} height
 * @param {number} most
 * @returns {Parting}
 */
function cut(mask, height, most) {
  const { seams, costs } = findSeams(mask, height, most);
  return {
    part: (at) => {
      const [row, column] = [Math.floor(at / mask.width), at % mask.width];
      return seams.filter((seam) => column >= seam[row]).length;
    },
    costs,
  };
}

/**
 * Measure how far each piece is from the one on its left, in the row where they are closest.
 * @param {Pieces} pieces
 * @returns in heights of a digit; 0 where they were cut apart, negative where they overlap
 */
export function findGaps({ labels, boxes, cuts, height }) {
  const first = boxes.map(() => new Float64Array(labels.height).fill(Infinity));
  const last = boxes.map(() => new Float64Array(labels.height).fill(-Infinity));
  for (let at = 0; at < labels.data.length; at++) {
    const name = labels.data[at] - 1;
    if (name < 0) continue;
    const [row, column] = [Math.floor(at / labels.width), at % labels.width];
    first[name][row] = Math.min(first[name][row], column);
    last[name][row] = Math.max(last[name][row], column + 1);
  }
  return boxes.map((box, index) => {
    if (index === 0 || cuts[index] !== 0) return 0;
    const gap = Math.min(...first[index].map((column, row) => column - last[index - 1][row]));
    return (gap === Infinity ? box[2] - boxes[index - 1][3] : gap) / height;
  });
}

/**
 * @param {Image<Int32Array>} mask 1 where there is ink, else 0
 * @param {number} height of a digit
 * @param {number} most how many seams at most
 * @returns the column of each seam in each row, and the ink that it crosses, in widths of the pen
 */
function findSeams(mask, height, most) {
  const [rows, columns] = [mask.height, mask.width];
  const ink = new Float32Array(rows * (columns + 2)).fill(0.5);
  for (let row = 0; row < rows; row++) {
    ink.set(mask.data.subarray(row * columns, (row + 1) * columns), row * (columns + 2) + 1);
  }
  const [down, up] = [walk(ink, rows, columns + 2, 1), walk(ink, rows, columns + 2, -1)];
  const start = (rows >> 1) * (columns + 2) + 1;
  const total = Float32Array.from({ length: columns }, (_, column) =>
    Math.fround(down[start + column] + up[start + column]) - ink[start + column],
  );
  const edge = Math.max(1, rint(APART * height));
  const lowest = minimumFilter1d(total, edge >> 1);
  /** @type {number[]} */
  const places = [];
  for (let at = edge; at < columns - edge; at++) if (total[at] === lowest[at]) places.push(at);
  places.sort((one, other) => total[one] - total[other]);
  const pen = Math.min(penWidth(mask), BROADEST * height);
  const limit = Math.min(most, rint((2.5 * columns) / height) + 1);
  /** @type {number[]} */
  const chosen = [];
  for (const place of places) {
    const isApart = chosen.every((other) => Math.abs(place - other) >= edge);
    if (chosen.length < limit && isApart) chosen.push(place);
  }
  chosen.sort((one, other) => one - other);
  const seams = chosen.map((place) => trace(down, up, rows, columns + 2, place + 1));
  return { seams, costs: chosen.map((place) => total[place] / pen) };
}

/**
 * Find the least ink on any way to each pixel, from the first row, or upwards from the last one.
 * @param {Float32Array} ink
 * @param {number} rows
 * @param {number} columns
 * @param {1 | -1} step
 */
function walk(ink, rows, columns, step) {
  const least = new Float32Array(rows * columns);
  const begin = step > 0 ? 0 : rows - 1;
  least.set(ink.subarray(begin * columns, (begin + 1) * columns), begin * columns);
  for (let row = begin + step; row >= 0 && row < rows; row += step) {
    const [here, above] = [row * columns, (row - step) * columns];
    for (let column = 0; column < columns; column++) {
      const before = column > 0 ? least[above + column - 1] : Infinity;
      const after = column < columns - 1 ? least[above + column + 1] : Infinity;
      const aside = Math.fround(Math.min(before, after) + Math.fround(ASIDE));
      least[here + column] = ink[here + column] + Math.min(least[above + column], aside);
    }
  }
  return least;
}

/**
 * Follow the ways with the least ink from the middle row to the first and the last row.
 * @param {Float32Array} down
 * @param {Float32Array} up
 * @param {number} rows
 * @param {number} columns
 * @param {number} column
 */
function trace(down, up, rows, columns, column) {
  const seam = new Int32Array(rows);
  const middle = rows >> 1;
  for (const step of [-1, 1]) {
    const cost = step < 0 ? down : up;
    let at = column;
    for (let row = middle; row >= 0 && row < rows; row += step) {
      if (row !== middle) {
        const before = at;
        let least = Infinity;
        for (const other of [before, before - 1, before + 1]) {
          if (other < 0 || other >= columns) continue;
          const way = Math.fround(cost[row * columns + other] + (other === before ? 0 : Math.fround(ASIDE)));
          if (way < least) [least, at] = [way, other];
        }
      }
      seam[row] = at - 1;
    }
  }
  return seam;
}

/**
 * Divide twice the area by the length of the edge; 4/pi because steps along a slope are too long.
 * @param {Image<Int32Array>} mask
 */
function penWidth({ data, height, width }) {
  let [area, edge] = [0, 0];
  for (let row = 0; row <= height; row++) {
    for (let column = 0; column <= width; column++) {
      /** @type {(y: number, x: number) => number} */
      const at = (y, x) => (y >= 0 && x >= 0 && y < height && x < width ? data[y * width + x] : 0);
      const here = at(row, column);
      area += here;
      edge += Number(here !== at(row - 1, column)) + Number(here !== at(row, column - 1));
    }
  }
  return (2 * area) / ((edge * Math.PI) / 4);
}

/**
 * Cut off the margins, shrink to so many rows at most, and make faint ink strong.
 * @param {Ink} ink
 * @param {number} rows
 * @returns {Ink}
 */
function shrink(ink, rows) {
  const strongest = greatest(ink.strength.data);
  const [top, bottom, left, right] = findBox(ink.strength, INKED * strongest);
  let strength = crop(ink.strength, top, bottom, left, right);
  if (strongest < 255) {
    const factor = 255 / strongest;
    strength = image(strength.data.map((value) => rint(value * factor)), bottom - top, right - left);
  }
  const scale = Math.max(1, strength.height / rows, strength.width / (rows * LONGEST));
  if (scale > 1) {
    const [height, width] = [strength.height, strength.width].map((side) => Math.max(1, rint(side / scale)));
    strength = resize(strength, height, width);
  }
  return { strength, left: ink.left + ink.scale * left, top: ink.top + ink.scale * top, scale: ink.scale * scale };
}

/**
 * Does one box stand on the other, as the circles of an 8 may?
 * @param {Box} box
 * @param {Box} other
 */
function isStacked(box, other) {
  const rows = Math.min(box[1], other[1]) - Math.max(box[0], other[0]);
  const columns = Math.min(box[3], other[3]) - Math.max(box[2], other[2]);
  return rows <= 0 && columns > 0.5 * Math.min(box[3] - box[2], other[3] - other[2]);
}

/**
 * Between two boxes; of two equally far, the one whose middle is farther to the side counts more.
 * @param {Box} box
 * @param {Box} other
 */
function distance(box, other) {
  const down = Math.max(box[0] - other[1], other[0] - box[1], 0);
  const across = Math.max(box[2] - other[3], other[2] - box[3], 0);
  const middles = Math.abs(box[2] + box[3] - other[2] - other[3]) / 2;
  return Math.hypot(down, across) + 0.01 * middles;
}
