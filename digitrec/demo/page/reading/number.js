// Each row of ink is read as one digit or several: the best path through its pieces.
import { MINIMUM_CONTRAST, normalize } from "./drawing.js";
import { findBox, findInk } from "./ink.js";
import { argmax, greatest, sum } from "./numpy.js";
import { findRows } from "./rows.js";
import { cutPieces, findComponents, findGaps, findPieces } from "./segmentation.js";

/** @typedef {import("./ink.js").Box} Box */
/** @typedef {import("./segmentation.js").Pieces} Pieces */
/** @typedef {(image: Uint8Array) => Float32Array} ComputeLogits of an image of 28x28 pixels */

/**
 * The digits of a line of ink, left to right. A box is left, top, right and bottom in the picture.
 * @typedef {object} Line
 * @property {Uint8Array[]} images
 * @property {Float32Array[]} logits
 * @property {number[][]} boxes
 * @property {number | null} probability that they are right; null where nothing was compared
 */

/**
 * The pieces `first` to `last - 1`, which may be a digit.
 * @typedef {object} Candidate
 * @property {number} first
 * @property {number} last
 * @property {Uint8Array} image
 * @property {Float32Array} logits
 * @property {Geometry} geometry
 */

/** @typedef {ReturnType<typeof measure>} Geometry */

export const MOST_DIGITS = 12;
export const MOST_PIECES = 5;
export const SURE = 0.98;
export const LIKELY = 0.5;
export const WIDEST = 1.7;
export const LARGEST_GAP = 0.5;
export const THOUSANDS = 3;
export const LEAST = -12;

/**
 * Find the digits in a drawing.
 * @param {import("./ink.js").Picture} picture
 * @param {ComputeLogits} computeLogits
 * @param {Geometry} weights what geometry counts, as the model learned
 * @returns {Line[][] | null} for each row of digits, from top to bottom, the best reading, and all
 *   its ink as one digit; empty where there is no ink; null where the server has to read the drawing
 */
export function readLines(picture, computeLogits, weights) {
  const ink = findInk(picture);
  if (!ink) return null;
  if (greatest(ink.strength.data) < MINIMUM_CONTRAST) return [];
  const alone = readAsDigit(ink, computeLogits);
  const components = findComponents(ink);
  const rows = findRows(components);
  if (rows.length > 1) {
    const lines = rows.map((row) =>
      readRow(findComponents(row), readAsDigit(row, computeLogits), computeLogits, weights),
    );
    if (areRows(lines.map(([best]) => best), alone)) return lines;
  }
  return [readRow(components, alone, computeLogits, weights)];
}

/**
 * Tell rows of digits from one digit in parts, such as an 8 of two circles.
 * @param {Line[]} lines
 * @param {Line} alone
 */
function areRows(lines, alone) {
  const [one, lowest] = [least(alone), Math.min(...lines.map(least))];
  if (one < Math.log(LIKELY)) return true;
  if (lines.some((line) => line.images.length > 1)) return lowest >= Math.log(lines.length === 2 ? SURE : LIKELY);
  return one < Math.log(SURE) && one <= lowest;
}

/**
 * Give the logarithm of how likely the least likely of a line's digits is a digit.
 * @param {Line} line
 */
const least = ({ logits }) =>
  Math.min(...logits.map((row) => greatest(logProbabilities(row).slice(0, 10))));

/**
 * @param {import("./ink.js").Ink} ink
 * @param {ComputeLogits} computeLogits
 * @returns {Line}
 */
function readAsDigit(ink, computeLogits) {
  const image = normalize(ink.strength);
  const box = place(ink, findBox(ink.strength, 0));
  return { images: [image], logits: [computeLogits(image)], boxes: [box], probability: null };
}

/**
 * @param {import("./segmentation.js").Components} components
 * @param {Line} alone all its ink as one digit
 * @param {ComputeLogits} computeLogits
 * @param {Geometry} weights
 * @returns {Line[]}
 */
function readRow(components, alone, computeLogits, weights) {
  const found = findCandidates(components, alone.images[0], computeLogits);
  if (!found) return [alone];
  const { pieces, candidates } = found;
  const { path, probability } = findPath(pieces.count, candidates, weights);
  const starts = path.map((digit) => pieces.box(digit.first, digit.last)[2]);
  const areThousands = components.commas.every((comma) => {
    const after = starts.filter((start) => start > components.boxes[comma][2]);
    return after.length % THOUSANDS === 0;
  });
  if (!areThousands) {
    const { low, commas } = components;
    return readRow({ ...components, low: [...low, ...commas], commas: [] }, alone, computeLogits, weights);
  }
  const best = {
    images: path.map((digit) => digit.image),
    logits: path.map((digit) => digit.logits),
    boxes: path.map((digit) => place(pieces.ink, pieces.box(digit.first, digit.last))),
    probability,
  };
  return [best, alone];
}

/**
 * Give the left, top, right and bottom in the picture of a rectangle of the ink.
 * @param {import("./ink.js").Ink} ink
 * @param {Box} box
 */
function place({ left, top, scale }, [upper, lower, before, after]) {
  return [left + scale * before, top + scale * upper, left + scale * after, top + scale * lower];
}

/**
 * Give all that may be a digit, ordered by the last pieces; the last candidate is all ink.
 * @param {import("./segmentation.js").Components} components
 * @param {Uint8Array} whole the image of all ink
 * @param {ComputeLogits} computeLogits
 */
function findCandidates(components, whole, computeLogits) {
  const connected = findPieces(components);
  if (!connected) return null;
  const alone = connected.boxes.map((_, index) => normalize(connected.cutOut(index, index + 1)));
  const logits = alone.map(computeLogits);
  const isUnsure = logits.map((row) => greatest(logProbabilities(row).slice(0, 10)) < Math.log(SURE));
  const { pieces, origins } = cutPieces(connected, isUnsure);
  const gaps = findGaps(pieces);
  /** @type {Candidate[]} */
  const candidates = [];
  /** @type {(first: number, last: number) => void} */
  const add = (first, last) => {
    const geometry = measure(pieces, gaps, first, last);
    const origin = origins[first];
    const isConnected =
      origins.slice(first, last).every((other) => other === origin) &&
      origins.filter((other) => other === origin).length === last - first;
    const isWhole = last - first === pieces.count;
    if (!isWhole && isConnected) {
      candidates.push({ first, last, image: alone[origin], logits: logits[origin], geometry });
      return;
    }
    const isApart = geometry.wide > WIDEST - 1 || geometry.gap > LARGEST_GAP;
    if (!isWhole && last - first > 1 && isApart) return;
    const image = isWhole ? whole : normalize(pieces.cutOut(first, last));
    candidates.push({ first, last, image, logits: computeLogits(image), geometry });
  };
  for (let last = 1; last <= pieces.count; last++) {
    for (let first = Math.max(0, last - MOST_PIECES); first < last; first++) {
      if (last - first < pieces.count) add(first, last);
    }
  }
  add(0, pieces.count);
  return { pieces, candidates };
}

/**
 * @param {Pieces} pieces
 * @param {number[]} gaps
 * @param {number} first
 * @param {number} last
 */
function measure(pieces, gaps, first, last) {
  const [top, bottom, left, right] = pieces.box(first, last);
  return {
    digit: 1,
    gap: Math.max(0, ...gaps.slice(first + 1, last)),
    low: Math.max(0, Math.log(pieces.height / (bottom - top))),
    wide: Math.max(0, (right - left) / pieces.height - 1),
    cut: pieces.cuts[first],
    overlap: Math.max(0, -gaps[first]),
  };
}

/** @param {ArrayLike<number>} values */
export function logSumExp(values) {
  const most = greatest(values);
  if (most === -Infinity) return most;
  return most + Math.log(sum(Array.from(values, (value) => Math.exp(value - most))));
}

/**
 * Give the logarithm of how likely each digit is, and at the end that there is none.
 * @param {Float32Array} logits
 */
function logProbabilities(logits) {
  const whole = logSumExp([...logits, 0]);
  return [...logits, 0].map((value) => value - whole);
}

/**
 * Find the candidates that together explain all pieces best.
 * @param {number} count of the pieces
 * @param {Candidate[]} candidates
 * @param {Geometry} weights
 * @returns these candidates, and how likely their text is among all paths and texts
 */
function findPath(count, candidates, weights) {
  const scores = candidates.map(({ geometry, logits }) => {
    const names = /** @type {(keyof Geometry)[]} */ (Object.keys(geometry));
    const weight = sum(names.map((name) => weights[name] * geometry[name]));
    return logProbabilities(logits).slice(0, 10).map((value) => weight + Math.max(value, LEAST));
  });
  const reached = [0, ...Array(count).fill(-Infinity)];
  /** @type {number[]} */
  const arrivedBy = [];
  candidates.forEach(({ first, last }, index) => {
    const score = reached[first] + greatest(scores[index]);
    if (score > reached[last]) [reached[last], arrivedBy[last]] = [score, index];
  });
  /** @type {number[]} */
  const path = [];
  for (let at = count; at > 0; at = candidates[path[0]].first) path.unshift(arrivedBy[at]);
  const text = path.map((index) => argmax(scores[index]));

  const anyText = [0, ...Array(count).fill(-Infinity)];
  const spelled = anyText.map(() => Array(text.length + 1).fill(-Infinity));
  spelled[0][0] = 0;
  candidates.forEach(({ first, last }, index) => {
    anyText[last] = logSumExp([anyText[last], anyText[first] + logSumExp(scores[index])]);
    text.forEach((digit, place) => {
      const step = spelled[first][place] + scores[index][digit];
      spelled[last][place + 1] = logSumExp([spelled[last][place + 1], step]);
    });
  });
  const probability = Math.exp(spelled[count][text.length] - anyText[count]);
  return { path: path.map((index) => candidates[index]), probability };
}
