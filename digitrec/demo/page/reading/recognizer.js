// Reads digits and numbers in drawings, as `DigitRecognizer.read_number` does.
import { logSumExp, MOST_DIGITS, readLine } from "./number.js";
import { rint } from "./numpy.js";

export const WIDE = 1.5;

export class DigitRecognizer {
  constructor(network, { temperature, digit_threshold: threshold, geometry }) {
    Object.assign(this, { network, temperature, threshold, geometry, seen: new Map() });
  }

  // An RGBA drawing gives { text, digits, boxes, probability, isNumber }; null where the server has
  // to read it. What was looked at for the drawing before is not computed again.
  readNumber(picture) {
    const before = this.seen;
    this.seen = new Map();
    const lines = readLine(picture, (image) => {
      const key = String.fromCharCode(...image);
      const logits = before.get(key) ?? this.seen.get(key) ?? this.network.computeLogits(image);
      this.seen.set(key, logits);
      return logits;
    }, this.geometry);
    if (!lines) return null;
    if (!lines.length) return { text: "", reading: "", digits: [], boxes: [], probability: 0, isNumber: false };
    const numbers = lines.map((line) => this.judgeLine(line, picture));
    const [left, top, right, bottom] = numbers.at(-1).boxes[0];
    // What is no number and not wide was meant as one sign.
    const closest = right - left > WIDE * (bottom - top) ? numbers[0] : numbers.at(-1);
    return numbers.find((number) => number.isNumber) ?? closest;
  }

  judgeLine({ images, logits, boxes, probability }, { width, height }) {
    const digits = images.map((image, place) => this.judge(image, logits[place]));
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
    };
  }

  judge(image, logits) {
    const score = logSumExp(logits);
    const calibrated = Array.from(logits, (value) => value / this.temperature);
    const whole = logSumExp(calibrated);
    const probabilities = calibrated.map((value) => Math.exp(value - whole));
    const top = [...probabilities.entries()].sort((one, other) => other[1] - one[1]).slice(0, 3);
    return { image, probabilities, top, score, isDigit: score > this.threshold };
  }
}
