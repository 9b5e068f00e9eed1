// Fits the network's last layer to digits of the visitor's hand, as `network/teaching.py` does.
import { multiply } from "./model.js";

/** @typedef {import("./model.js").Layer} Layer */

export const PULL = 0.2; // to the old weights
export const ANCHORING = 10.0; // to the old answers where the classes lie
export const STEPS = 200;

/**
 * Have a recogniser answer as if it had only ever been taught these digits.
 * @param {import("./recognizer.js").DigitRecognizer} recognizer
 * @param {{ image: number[], label: number }[]} taught 28x28 pixels each
 */
export function teach(recognizer, taught) {
  const { network } = recognizer;
  recognizer.seen.clear();
  network.logits = network.untaught;
  if (!taught.length) return;
  const features = taught.map(({ image }) => network.computeFeatures(image));
  network.logits = fitLastLayer(features, taught.map(({ label }) => label), network.untaught);
}

/**
 * @param {Float32Array[]} features
 * @param {number[]} labels
 * @param {Layer} layer
 * @returns {Layer}
 */
export function fitLastLayer(features, labels, { kernel, bias }) {
  const [inputs, classes] = kernel.shape;
  const scale = Math.hypot(...features.map((one) => Math.hypot(...one))) / Math.sqrt(features.length);
  const rows = features.map((one) => one.map((value) => value / scale));
  const before = features.map((one) => multiply(one, { kernel, bias }, false));
  const anchors = Array.from({ length: classes }, (_, label) => {
    const weights = Float32Array.from({ length: inputs }, (_, at) => Math.max(kernel.data[at * classes + label], 0));
    const length = Math.hypot(...weights);
    return weights.map((value) => value / length);
  });
  const change = new Float64Array(inputs * classes);
  const squares = rows.reduce((sum, row) => sum + Math.hypot(...row) ** 2, 0);
  const rate = 1 / (squares / 2 + PULL + ANCHORING); // never overshoots
  /** @type {(row: Float32Array) => Float64Array} */
  const project = (row) => {
    const sums = new Float64Array(classes);
    row.forEach((value, at) => {
      if (value) for (let label = 0; label < classes; label++) sums[label] += value * change[at * classes + label];
    });
    return sums;
  };
  for (let step = 0; step < STEPS; step++) {
    const slopes = change.map((value) => PULL * value);
    /** @type {(row: Float32Array, factors: Float64Array) => void} */
    const add = (row, factors) => row.forEach((value, at) => {
      if (value) for (let label = 0; label < classes; label++) slopes[at * classes + label] += value * factors[label];
    });
    rows.forEach((row, example) => {
      const logits = project(row).map((value, label) => value + before[example][label]);
      const highest = Math.max(0, ...logits);
      const powers = logits.map((value) => Math.exp(value - highest));
      const sum = powers.reduce((total, value) => total + value, Math.exp(-highest)); // of no digit, too
      add(row, powers.map((value, label) => value / sum - Number(label === labels[example])));
    });
    for (const anchor of anchors) add(anchor, project(anchor).map((value) => (ANCHORING / classes) * value));
    slopes.forEach((value, at) => { change[at] -= rate * value; });
  }
  return { kernel: { shape: kernel.shape, data: kernel.data.map((value, at) => value + change[at] / scale) }, bias };
}
