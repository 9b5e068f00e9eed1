// Reads digits and numbers in drawings, as `DigitRecognizer.read_number` does.
import { logSumExp, MOST_DIGITS, readLines } from "./number.js";
import { rint } from "./numpy.js";

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
 * As `Prediction` in Python.
 * @typedef {object} Digit
 * @property {Uint8Array} image 28x28 pixels, what the network saw
 * @property {number[]} probabilities
 * @property {[digit: number, probability: number][]} top the three best, the best first
 * @property {number} score
 * @property {boolean} isDigit
 */

/**
 * As `Number` in Python.
 * @typedef {object} Reading
 * @property {string} text "" where there is no number
 * @property {string} reading the best one, whether it is a number or not
 * @property {Digit[]} digits
 * @property {number[][]} boxes left, top, right and bottom of each digit in the picture
 * @property {number} probability that the whole text is right
 * @property {boolean} isNumber
 * @property {string[]} rows the best reading of each row of digits, from top to bottom
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
   * @returns {Reading | null} null where the server has to read it
   */
  readNumber(picture) {
    const lines = this.readLines(picture);
    if (!lines || lines.length === 1) return lines && lines[0];
    return {
      text: "",
      reading: lines.map((line) => line.reading).join(""),
      digits: lines.flatMap((line) => line.digits),
      boxes: lines.flatMap((line) => line.boxes),
      probability: lines.reduce((product, line) => product * line.probability, Number(lines.length > 0)),
      isNumber: false,
      rows: lines.map((line) => line.reading),
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
    const [left, top, right, bottom] = alone.boxes[0];
    // What is not a number and not wide was meant as one sign.
    const closest = right - left > WIDE * (bottom - top) ? numbers[0] : alone;
    return numbers.find((number) => number.isNumber) ?? closest;
  }

  /**
   * @param {import("./number.js").Line} line
   * @param {{ width: number, height: number }} picture
   * @returns {Reading}
   */
  judgeLine({ images, logits, boxes, probability }, { width, height }) {
    const threshold = images.length > 1 ? this.numberThreshold : this.digitThreshold;
    const digits = images.map((image, place) => this.judge(image, logits[place], threshold));
    const isNumber = digits.length <= MOST_DIGITS && digits.every((digit) => digit.isDigit);
    const reading = digits.map((digit) => digit.top[0][0]).join("");
    return {
      digits,
      boxes: boxes.map(([left, top, right, bottom]) => [
        Math.min(rint(left), width - 1),
        Math.min(rint(top), height - 1),
        Math.min(rint(right), width),
        Math.min(rint(bottom), height),
      ]),
      probability: probability ?? digits[0].top[0][1],
      isNumber,
      reading,
      text: isNumber ? reading : "",
      rows: [reading],
    };
  }

  /**
   * @param {Uint8Array} image
   * @param {Float32Array} logits
   * @param {number} threshold score above which it is a digit
   * @returns {Digit}
   */
  judge(image, logits, threshold) {
    const score = logSumExp(logits);
    const calibrated = Array.from(logits, (value) => value / this.temperature);
    const whole = logSumExp(calibrated);
    const probabilities = calibrated.map((value) => Math.exp(value - whole));
    const top = [...probabilities.entries()].sort((one, other) => other[1] - one[1]).slice(0, 3);
    return { image, probabilities, top, score, isDigit: score > threshold };
  }
}
