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
 * @returns {number[][][] | null} nats, 28x28 for each digit; null for networks without a hidden layer,
 *   which the server explains
 */
export function explain(network, digits) {
  if (!network.hidden) return null;
  return digits.map(({ image, probabilities }) => {
    const pixels = image.flat();
    const sums = new Float32Array(pixels.length);
    for (let step = 0; step < EXPLANATION_STEPS; step++) {
      const share = (step + 0.5) / EXPLANATION_STEPS;
      const { logits, back } = trace(network, pixels.map((pixel) => share * pixel));
      back(lead(logits, argmax(probabilities))).forEach((value, at) => { sums[at] += value; });
    }
    return image.map((row, y) =>
      row.map((pixel, x) => ((pixel / 255) * sums[y * IMAGE_SIZE + x]) / EXPLANATION_STEPS),
    );
  });
}

/**
 * Compute a network that has a hidden layer, and keep what comes between.
 * @param {import("./model.js").Network} network
 * @param {number[]} pixels
 * @param {(maps: Images, block: number) => void} [change] may change a block's maps, in place
 * @returns the maps of each block before pooling, and `back`: it gives the gradient of the 28x28 pixels,
 *   scaled to 0-1, from that of the logits
 */
export function trace(network, pixels, change) {
  const { border, blocks } = network;
  const hidden = /** @type {Layer} */ (network.hidden);
  let images = network.prepare(pixels);
  /** @type {Images[]} */
  const maps = [];
  /** @type {((values: Float32Array) => Float32Array)[]} */
  const steps = [(gradient) => frame(gradient, border)]; // back from each layer's results to its inputs
  blocks.forEach(({ convolutions, pooling }, block) => {
    for (const convolution of convolutions) {
      const [inputs, { side, channels, data }] = [images, network.convolve(images, convolution)];
      images = { side, channels, data: data.slice() };
      const outputs = images;
      steps.push((gradient) => convolveBack(gradient, inputs, outputs, convolution));
    }
    const whole = images;
    change?.(whole, block);
    maps.push(whole);
    images = pool(whole, pooling);
    const pooled = images;
    steps.push((gradient) => backThroughPool(gradient, whole, pooled, pooling));
  });
  const features = multiply(images.data, hidden, true);
  const logits = multiply(features, network.logits, false);
  /** @param {Float32Array} gradient */
  const back = (gradient) => {
    const ofFeatures = backThroughLayer(gradient, network.logits).map((value, at) => (features[at] > 0 ? value : 0));
    /** @type {Float32Array} */
    const ofMaps = backThroughLayer(ofFeatures, hidden);
    return steps.reduceRight((result, step) => step(result), ofMaps);
  };
  return { maps, features, logits, back };
}

/**
 * How a logit, above the logarithm of the sum of the others' exponentials, changes with each logit.
 * @param {Float32Array} logits
 * @param {number} digit
 */
function lead(logits, digit) {
  const others = logits.map((value, at) => (at === digit ? 0 : Math.exp(value - Math.max(...logits))));
  const sum = others.reduce((total, value) => total + value);
  return others.map((value, at) => (at === digit ? 1 : -value / sum));
}

/**
 * Put the border that `Network.prepare` has cut off around a gradient.
 * @param {Float32Array} gradient
 * @param {number} border
 */
function frame(gradient, border) {
  const side = IMAGE_SIZE - 2 * border;
  const result = new Float32Array(IMAGE_SIZE ** 2);
  for (let row = 0; row < side; row++) {
    const from = row * side;
    result.set(gradient.subarray(from, from + side), (border + row) * IMAGE_SIZE + border);
  }
  return result;
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
 * The gradient of a mean goes to all four in equal parts, that of a maximum to the first of the largest.
 * @param {Float32Array} gradient
 * @param {Images} whole
 * @param {Images} pooled
 * @param {string} pooling
 */
function backThroughPool(gradient, { data, side, channels }, pooled, pooling) {
  const result = new Float32Array(data.length);
  gradient.forEach((value, at) => {
    const channel = at % channels;
    const [row, column] = [Math.floor(at / channels / pooled.side), Math.floor(at / channels) % pooled.side];
    const from = 2 * (row * side + column) * channels + channel;
    const four = [from, from + channels, from + side * channels, from + (side + 1) * channels];
    if (pooling === "average") for (const place of four) result[place] = value / 4;
    else result[/** @type {number} */ (four.find((place) => data[place] === pooled.data[at]))] = value;
  });
  return result;
}
