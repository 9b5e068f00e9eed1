// Rows of digits, one below the other, are told apart.
import { sum } from "./numpy.js";
import { findComponents, own, Pieces, rename } from "./segmentation.js";

/** @typedef {import("./ink.js").Box} Box */

export const FILLED = 0.7;
export const FINER = 512;
export const OVERLAP = 0.3;
export const NEAR = 0.6;
export const WHOLE = 1.2;
export const MOST_ROWS = 12;
export const MOST_TALL = 144;

/**
 * Divide ink into its rows of digits, from top to bottom.
 * @param {import("./segmentation.js").Components} components
 * @returns the ink itself if it is one row, or more than `MOST_ROWS`
 */
export function findRows({ whole, labels, height }) {
  if (height > FILLED * labels.height) return [whole];
  const finer = findComponents(whole, FINER);
  if (finer.tall.length > MOST_TALL) return [whole];
  const boxes = finer.tall.map((index) => finer.boxes[index]);
  const groups = connect(link(boxes, finer.height));
  if (groups.length < 2 || groups.length > MOST_ROWS) return [whole];
  /** @param {number[]} group */
  const middle = (group) => sum(group.map((index) => boxes[index][0] + boxes[index][1])) / group.length;
  groups.sort((one, other) => middle(one) - middle(other));
  const owner = own(finer, groups.map((group) => group.map((index) => finer.tall[index])));
  rename(finer.labels, [0, ...owner]);
  const rows = new Pieces(finer.ink, finer.labels, groups.map(() => 0), finer.height);
  return groups.map((_, row) => rows.cutOutInk(row, row + 1));
}

/**
 * Group what is linked.
 * @param {boolean[][]} linked
 */
function connect(linked) {
  const left = new Set(linked.keys());
  /** @type {number[][]} */
  const groups = [];
  for (const first of left) {
    const group = [first];
    left.delete(first);
    for (const index of group) {
      for (const other of left) {
        if (linked[index][other] && left.delete(other)) group.push(other);
      }
    }
    groups.push(group);
  }
  return groups;
}

/**
 * Say which boxes stand next to each other in one row. Neighbours are compared, not all with all: a
 * line that rises by its own height is one row.
 * @param {Box[]} boxes
 * @param {number} height of a digit
 */
function link(boxes, height) {
  const isLevel = boxes.map(([top, bottom]) => boxes.map(([upper, lower]) => {
    const shared = Math.min(bottom, lower) - Math.max(top, upper);
    return shared >= OVERLAP * Math.min(bottom - top, lower - upper);
  }));
  return boxes.map((box, one) => boxes.map((next, other) => {
    const [start, end] = [Math.min(box[3], next[3]), Math.max(box[2], next[2])];
    const isNear = end - start <= NEAR * height;
    const together = Math.max(box[1], next[1]) - Math.min(box[0], next[0]);
    if (isNear && together <= WHOLE * height) return true;
    if (!isLevel[one][other]) return false;
    return isNear || !boxes.some(([, , left, right], index) => {
      const middle = (left + right) / 2;
      return middle > start && middle < end && (isLevel[one][index] || isLevel[index][other]);
    });
  }));
}
