// A line of ink is read as one digit or several: the best path through its pieces.
import { MINIMUM_CONTRAST, normalize } from "./drawing.js";
import { findBox, findInk } from "./ink.js";
import { argmax, greatest, sum } from "./numpy.js";
import { cutPieces, findGaps, findPieces } from "./segmentation.js";

export const MOST_DIGITS = 12;
export const MOST_PIECES = 5;
export const SURE = 0.98;
export const WIDEST = 1.7;
export const LARGEST_GAP = 0.5;
export const LEAST = -12;

// Find the digits in an RGBA drawing: the best reading, and all ink as one digit; nothing where
// there is no ink. Null where the server has to read it.
export function readLine(picture, computeLogits, weights) {
  const ink = findInk(picture);
  if (!ink) return null;
  if (greatest(ink.strength.data) < MINIMUM_CONTRAST) return [];
  const whole = normalize(ink.strength);
  const alone = {
    images: [whole],
    logits: [computeLogits(whole)],
    boxes: [place(ink, findBox(ink.strength, 0))],
    probability: null,
  };
  const found = findCandidates(ink, whole, computeLogits);
  if (!found) return [alone];
  const { pieces, candidates } = found;
  const { path, probability } = findPath(pieces.count, candidates, weights);
  const best = {
    images: path.map((digit) => digit.image),
    logits: path.map((digit) => digit.logits),
    boxes: path.map((digit) => place(pieces.ink, pieces.box(digit.first, digit.last))),
    probability,
  };
  return [best, alone];
}

// Where in the picture a rectangle of the ink lies: left, top, right, bottom.
function place({ left, top, scale }, [upper, lower, before, after]) {
  return [left + scale * before, top + scale * upper, left + scale * after, top + scale * lower];
}

// All that may be a digit, in the order of the last pieces; at the end, all ink.
function findCandidates(ink, whole, computeLogits) {
  const connected = findPieces(ink);
  if (!connected) return null;
  const alone = connected.boxes.map((_, index) => normalize(connected.cutOut(index, index + 1)));
  const logits = alone.map(computeLogits);
  const isUnsure = logits.map((row) => greatest(logProbabilities(row).slice(0, 10)) < Math.log(SURE));
  const { pieces, origins } = cutPieces(connected, isUnsure);
  const gaps = findGaps(pieces);
  const candidates = [];
  const add = (first, last) => {
    const geometry = measure(pieces, gaps, first, last);
    const origin = origins[first];
    const isConnected =
      origins.slice(first, last).every((other) => other === origin) &&
      origins.filter((other) => other === origin).length === last - first;
    let [image, row] = [whole, null];
    if (last - first < pieces.count) {
      if (isConnected) [image, row] = [alone[origin], logits[origin]];
      else if (last - first > 1 && (geometry.wide > WIDEST - 1 || geometry.gap > LARGEST_GAP)) return;
      else image = normalize(pieces.cutOut(first, last));
    }
    candidates.push({ first, last, image, logits: row ?? computeLogits(image), geometry });
  };
  for (let last = 1; last <= pieces.count; last++) {
    for (let first = Math.max(0, last - MOST_PIECES); first < last; first++) {
      if (last - first < pieces.count) add(first, last);
    }
  }
  add(0, pieces.count);
  return { pieces, candidates };
}

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

export function logSumExp(values) {
  const most = greatest(values);
  if (most === -Infinity) return most;
  return most + Math.log(sum(Array.from(values, (value) => Math.exp(value - most))));
}

// The logarithm of how likely each digit is, and, last, that there is none.
function logProbabilities(logits) {
  const whole = logSumExp([...logits, 0]);
  return [...logits, 0].map((value) => value - whole);
}

// The candidates that together explain all pieces best, and how likely their text is among all
// paths and texts.
function findPath(count, candidates, weights) {
  const scores = candidates.map(({ geometry, logits }) => {
    const weight = sum(Object.keys(weights).map((name) => weights[name] * geometry[name]));
    return logProbabilities(logits).slice(0, 10).map((value) => weight + Math.max(value, LEAST));
  });
  const reached = [0, ...Array(count).fill(-Infinity)];
  const arrivedBy = [];
  candidates.forEach(({ first, last }, index) => {
    const score = reached[first] + greatest(scores[index]);
    if (score > reached[last]) [reached[last], arrivedBy[last]] = [score, index];
  });
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
