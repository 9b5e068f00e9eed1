// A number as HTML: each digit, what else it may be, and what the network saw.
import { IMAGE_SIZE } from "./drawing.js";
import { clip } from "./numpy.js";

export const NOTHING_DRAWN = "Nothing drawn yet";
export const NOT_A_DIGIT = "That does not look like a digit";
export const NOT_A_NUMBER = "That does not look like a number";
export const ONE_ROW = "Write them in one row";
export const SURE = 0.8;
export const SMALL = 0.15;

/** @typedef {import("./recognizer.js").Reading} Reading */
/** @typedef {import("./recognizer.js").Digit} Digit */

/**
 * @param {Reading} number
 * @param {number} side of the drawing, pixels
 */
export function answerHtml(number, side) {
  if (number.rows.length > 1) return rowsHtml(number.rows);
  if (!number.digits.length) return messageHtml(`<p class="message">${NOTHING_DRAWN}</p>`);
  if (!number.isNumber) return noneHtml(number, side);
  const several = number.digits.length > 1;
  const [spoken, numeral] = several ? sayNumber(number) : sayDigit(number.digits[0]);
  const details = number.digits.map(
    (digit, place) => `<div class="one"${place ? " hidden" : ""}>${bars(digit)}${figure(digit)}</div>`,
  );
  const kinds = `answer${several ? " number" : ""}${number.probability < SURE ? " unsure" : ""}`;
  return (
    `<div class="${kinds}" data-answer="${number.text}" data-source="drawing">` +
    `<p class="spoken">${spoken}</p>${numeral}${details.join("")}</div>`
  );
}

/**
 * To a tenth of a per cent, but never 0 or 100.
 * @param {number} probability
 */
export const percent = (probability) => `${clip(100 * probability, 0.1, 99.9).toFixed(1)} %`;

/** @param {number} probability */
const aloud = (probability) => percent(probability).replace(" %", " per cent");

/** @param {Digit} digit */
function sayDigit(digit) {
  const numeral = `<div aria-hidden="true" class="numeral">${digit.top[0][0]}</div>`;
  return [`Looks like a ${speak(digit)}`, numeral];
}

/** @param {Digit} digit */
function speak({ top: [[best, probability], ...others] }) {
  return `${best}, ${aloud(probability)}; then ${others.map(([digit]) => digit).join(", ")}`;
}

/**
 * Each digit is a button that opens it.
 * @param {Reading} number
 */
function sayNumber({ text, digits, probability }) {
  const buttons = digits.map(
    (digit, place) =>
      `<button type="button" aria-pressed="${!place}" aria-label="${speak(digit)}">${digit.top[0][0]}</button>`,
  );
  return [
    `Looks like ${[...text].join(" ")}, ${aloud(probability)}`,
    `<div class="numeral" style="--count:${digits.length}">${buttons.join("")}</div>` +
      `<p class="whole" aria-hidden="true">${percent(probability)}</p>`,
  ];
}

/** @param {Digit} digit */
function bars({ top }) {
  const rows = top.map(
    ([digit, probability]) =>
      `<li><span class="digit">${digit}</span><span class="bar">` +
      `<span style="width:${(100 * probability).toFixed(1)}%"></span></span>` +
      `<span class="percent">${percent(probability)}</span></li>`,
  );
  return `<ol aria-hidden="true" class="bars">${rows.join("")}</ol>`;
}

/** @param {Digit} digit */
const figure = ({ image }) =>
  `<figure><img class="seen" alt="" src="${bitmapUrl(image)}">` +
  "<figcaption>What the network sees</figcaption></figure>";

/**
 * @param {Reading} number
 * @param {number} side
 */
function noneHtml(number, side) {
  const several = number.digits.length > 1;
  const closest = several ? number.reading : number.digits[0].top.map(([digit]) => digit).join(", ");
  const [lefts, tops, rights, bottoms] = [0, 1, 2, 3].map((edge) => number.boxes.map((box) => box[edge]));
  const extent = Math.max(
    Math.max(...rights) - Math.min(...lefts),
    Math.max(...bottoms) - Math.min(...tops),
  );
  const hint = extent < SMALL * side ? '<p class="hint">Draw larger</p>' : "";
  return messageHtml(
    `<p class="message">${several ? NOT_A_NUMBER : NOT_A_DIGIT}</p>${hint}` +
      `<p class="closest">closest: ${closest}</p>${several ? "" : figure(number.digits[0])}`,
    several ? " several" : "",
  );
}

/** @param {string[]} rows the reading of each */
function rowsHtml(rows) {
  const message = `${rows.length === 2 ? "Two" : "Several"} rows of digits`;
  return messageHtml(
    `<p class="message">${message}</p><p class="hint">${ONE_ROW}</p>` +
      `<p class="closest">row by row: ${rows.join(", ")}</p>`,
    " several",
  );
}

/** @param {string} content */
const messageHtml = (content, kind = "") =>
  `<div class="answer none${kind}" data-source="drawing">${content}</div>`;

/**
 * Write a BMP of 256 greys, bottom row first: a worker can make a PNG only asynchronously.
 * @param {Uint8Array} pixels
 */
function bitmapUrl(pixels) {
  const start = 54 + 4 * 256;
  const bytes = new Uint8Array(start + pixels.length);
  const view = new DataView(bytes.buffer);
  [0x42, 0x4d].forEach((byte, at) => view.setUint8(at, byte));
  for (const [at, value] of [[2, bytes.length], [10, start], [14, 40], [18, IMAGE_SIZE], [22, IMAGE_SIZE]]) {
    view.setUint32(at, value, true);
  }
  view.setUint16(26, 1, true); // plane
  view.setUint16(28, 8, true); // bits a pixel
  for (let grey = 0; grey < 256; grey++) view.setUint32(54 + 4 * grey, grey * 0x010101, true);
  for (let row = 0; row < IMAGE_SIZE; row++) {
    bytes.set(pixels.subarray(row * IMAGE_SIZE, (row + 1) * IMAGE_SIZE), start + (IMAGE_SIZE - 1 - row) * IMAGE_SIZE);
  }
  return `data:image/bmp;base64,${btoa(String.fromCharCode(...bytes))}`;
}
