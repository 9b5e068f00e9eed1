// What spoke for an answer, as `DigitRecognizer.explain` says it: integrated gradients.
import { convolveBack } from "./convolution.js";
import { IMAGE_SIZE } from "./drawing.js";
import { multiply, pool } from "./model.js";
import { argmax } from "./numpy.js";

/** @typedef {import("./convolution.js").Images} Images */
/** @typedef {import("./model.js").Layer} Layer */

export const EXPLANATION_STEPS = 16; // between a black image and the one that is explained

/**
 * Say how much each pixel spoke for the best answer, for each of several digits.
 * @param {import("./model.js").Network} network
 * @param {{ image: number[][], probabilities: number[] }[]} digits
 * @returns {number[][][] | null} nats, 28x28 for each digit; null for networks with average pooling,
 *   excitation or no hidden layer, which the server explains
 */
export function explain(network, digits) {
  const { hidden, blocks } = network;
  if (!hidden || blocks.some(({ excitation, pooling }) => excitation || pooling !== "maximum")) return null;
  return digits.map(({ image, probabilities }) => {
    const pixels = image.flat();
    const sums = new Float32Array(pixels.length);
    for (let step = 0; step < EXPLANATION_STEPS; step++) {
      const share = (step + 0.5) / EXPLANATION_STEPS;
      const gradient = differentiate(network, hidden, pixels.map((pixel) => share * pixel), argmax(probabilities));
      const side = IMAGE_SIZE - 2 * network.border;
      gradient.forEach((value, at) => {
        const [row, column] = [Math.floor(at / side), at % side];
        sums[(network.border + row) * IMAGE_SIZE + network.border + column] += value;
      });
    }
    return image.map((row, y) =>
      row.map((pixel, x) => ((pixel / 255) * sums[y * IMAGE_SIZE + x]) / EXPLANATION_STEPS),
    );
  });
}

/**
 * How the logit of a digit, above the logarithm of the sum of the others' exponentials, changes with
 * each pixel.
 * @param {import("./model.js").Network} network
 * @param {Layer} hidden
 * @param {number[]} pixels
 * @param {number} digit
 */
function differentiate(network, hidden, pixels, digit) {
  let images = network.prepare(pixels);
  /** @type {((values: Float32Array) => Float32Array)[]} */
  const steps = []; // back from each layer's results to its inputs
  for (const { convolutions } of network.blocks) {
    for (const convolution of convolutions) {
      const [inputs, { side, channels, data }] = [images, network.convolve(images, convolution)];
      images = { side, channels, data: data.slice() };
      const outputs = images;
      steps.push((gradient) => convolveBack(gradient, inputs, outputs, convolution));
    }
    const whole = images;
    images = pool(images, "maximum");
    const pooled = images;
    steps.push((gradient) => backThroughPool(gradient, whole, pooled));
  }
  const features = multiply(images.data, hidden, true);
  const logits = multiply(features, network.logits, false);
  const others = logits.map((value, at) => (at === digit ? 0 : Math.exp(value - Math.max(...logits))));
  const sum = others.reduce((total, value) => total + value);
  /** @type {Float32Array} */
  let gradient = others.map((value, at) => (at === digit ? 1 : -value / sum));
  gradient = backThroughLayer(gradient, network.logits).map((value, at) => (features[at] > 0 ? value : 0));
  gradient = backThroughLayer(gradient, hidden);
  return steps.reduceRight((result, step) => step(result), /** @type {Float32Array} */ (gradient));
}

/**
 * @param {Float32Array} gradient
 * @param {Layer} layer
 */
function backThroughLayer(gradient, { kernel: { shape: [inputs, outputs], data } }) {
  const result = new Float32Array(inputs);
  for (let input = 0, at = 0; input < inputs; input++) {
    for (let output = 0; output < outputs; output++, at++) result[input] += data[at] * gradient[output];
  }
  return result;
}

/**
 * The gradient goes to the first of the largest of four, as the maximum was taken from it.
 * @param {Float32Array} gradient
 * @param {Images} whole
 * @param {Images} pooled
 */
function backThroughPool(gradient, { data, side, channels }, pooled) {
  const result = new Float32Array(data.length);
  gradient.forEach((value, at) => {
    const channel = at % channels;
    const [row, column] = [Math.floor(at / channels / pooled.side), Math.floor(at / channels) % pooled.side];
    const from = 2 * (row * side + column) * channels + channel;
    const four = [from, from + channels, from + side * channels, from + (side + 1) * channels];
    result[/** @type {number} */ (four.find((place) => data[place] === pooled.data[at]))] += value;
  });
  return result;
}
