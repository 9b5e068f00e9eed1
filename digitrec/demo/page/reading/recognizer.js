// Reads digits and numbers in drawings, as `DigitRecognizer.read_number` does.
import { IMAGE_SIZE } from "./drawing.js";
import { logSumExp, MOST_DIGITS, readLines } from "./number.js";
import { argmax, rint } from "./numpy.js";

export const WIDE = 1.5;

/**
 * What a model's config.json says beside its network.
 * @typedef {object} Config
 * @property {number} temperature
 * @property {number} digit_threshold
 * @property {number} number_threshold the same for the digits of a number
 * @property {import("./number.js").Geometry} geometry what it counts in numbers
 */

/**
 * As `Prediction.to_dict` in Python, with its box in the picture: left, top, right and bottom.
 * @typedef {object} Digit
 * @property {number | null} digit
 * @property {boolean} is_digit
 * @property {number} digit_score
 * @property {number[]} probabilities
 * @property {number} rotated
 * @property {number[][]} image 28x28 pixels, what the network saw
 * @property {number[]} box
 */

/**
 * As `Number.to_dict` in Python, and what the page needs besides.
 * @typedef {object} Answer
 * @property {string} text "" where there is no number
 * @property {boolean} is_number
 * @property {string | null} reason
 * @property {string} best_reading
 * @property {number} probability that the whole text is right
 * @property {number} rotated
 * @property {number} rows
 * @property {Digit[]} digits
 * @property {string[]} readings the best reading of each row, from top to bottom
 * @property {number[]} size width and height of the picture
 */

export class DigitRecognizer {
  /**
   * @param {import("./model.js").Network} network
   * @param {Config} config
   */
  constructor(network, { temperature, digit_threshold, number_threshold, geometry }) {
    this.network = network;
    this.temperature = temperature;
    this.digitThreshold = digit_threshold;
    this.numberThreshold = number_threshold;
    this.geometry = geometry;
    /** @type {Map<string, Float32Array>} */
    this.seen = new Map(); // logits of the last drawing's images, which are not computed again
  }

  /**
   * @param {import("./ink.js").Picture} picture
   * @returns {Answer | null} null where the server has to read it
   */
  readNumber(picture) {
    const lines = this.readLines(picture);
    if (!lines) return null;
    const digits = lines.flatMap((line) => line.digits);
    const [one] = lines;
    const isNumber = lines.length === 1 && one.isNumber;
    const reading = digits.map(({ probabilities }) => argmax(probabilities)).join("");
    return {
      text: isNumber ? reading : "",
      is_number: isNumber,
      reason: isNumber ? null : findReason(digits.length, lines.length),
      best_reading: reading,
      probability: lines.reduce((product, line) => product * line.probability, Number(lines.length > 0)),
      rotated: 0,
      rows: lines.length,
      digits,
      readings: lines.map((line) => line.digits.map(({ probabilities }) => argmax(probabilities)).join("")),
      size: [picture.width, picture.height],
    };
  }

  /**
   * Read each row of digits, from top to bottom.
   * @param {import("./ink.js").Picture} picture
   */
  readLines(picture) {
    const before = this.seen;
    this.seen = new Map();
    const rows = readLines(picture, (image) => {
      const key = String.fromCharCode(...image);
      const logits = before.get(key) ?? this.seen.get(key) ?? this.network.computeLogits(image);
      this.seen.set(key, logits);
      return logits;
    }, this.geometry);
    return rows && rows.map((row) => this.judgeRow(row, picture));
  }

  /**
   * @param {import("./number.js").Line[]} readings
   * @param {{ width: number, height: number }} picture
   */
  judgeRow(readings, picture) {
    const numbers = readings.map((line) => this.judgeLine(line, picture));
    const alone = numbers[numbers.length - 1]; // all ink as one digit
    const [left, top, right, bottom] = alone.digits[0].box;
    // What is not a number and not wide was meant as one sign.
    const closest = right - left > WIDE * (bottom - top) ? numbers[0] : alone;
    return numbers.find((number) => number.isNumber) ?? closest;
  }

  /**
   * @param {import("./number.js").Line} line
   * @param {{ width: number, height: number }} picture
   */
  judgeLine({ images, logits, boxes, probability }, { width, height }) {
    const threshold = images.length > 1 ? this.numberThreshold : this.digitThreshold;
    const digits = images.map((image, place) => {
      const [left, top, right, bottom] = boxes[place].map(rint);
      const box = [
        ...[Math.min(left, width - 1), Math.min(top, height - 1)],
        ...[Math.min(right, width), Math.min(bottom, height)],
      ];
      return { ...this.judge(image, logits[place], threshold), box };
    });
    // The whole is never more probable than its parts.
    const parts = Math.min(...digits.map(({ probabilities }) => Math.max(...probabilities)));
    return {
      digits,
      probability: Math.min(probability ?? parts, parts),
      isNumber: digits.length <= MOST_DIGITS && digits.every((digit) => digit.is_digit),
    };
  }

  /**
   * @param {Uint8Array} image
   * @param {Float32Array} logits
   * @param {number} threshold score above which it is a digit
   */
  judge(image, logits, threshold) {
    const score = logSumExp(logits);
    const calibrated = Array.from(logits, (value) => value / this.temperature);
    const whole = logSumExp(calibrated);
    const probabilities = calibrated.map((value) => Math.exp(value - whole));
    const isDigit = score > threshold;
    return {
      digit: isDigit ? argmax(probabilities) : null,
      is_digit: isDigit,
      digit_score: score,
      probabilities,
      rotated: 0,
      image: Array.from({ length: IMAGE_SIZE }, (_, row) => [
        ...image.subarray(row * IMAGE_SIZE, (row + 1) * IMAGE_SIZE),
      ]),
    };
  }
}

/**
 * Say why this is not a number, as `Number.reason` in Python.
 * @param {number} digits
 * @param {number} rows
 */
function findReason(digits, rows) {
  if (!digits) return "blank";
  if (rows > 1) return "several_rows";
  if (digits > MOST_DIGITS) return "too_many_digits";
  return digits === 1 ? "not_a_digit" : "not_a_number";
}
