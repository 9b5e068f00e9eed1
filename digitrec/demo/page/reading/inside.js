// Looks into the network, for the page's "Look inside". The worker fetches it when that is opened.
import { unfold } from "./convolution.js";
import { trace } from "./explanation.js";
import { argmax } from "./numpy.js";

/** @typedef {import("./convolution.js").Images} Images */
/** @typedef {import("./recognizer.js").DigitRecognizer} Recognizer */

/**
 * Which pixels one place of a block's maps sees: a square of `size`, at `offset + stride * row`.
 * `kernels` has the weights of each filter of the first block, and the strength, for each input
 * map, of each filter of the others.
 * @typedef {{ filters: number, offset: number, stride: number, size: number, kernels: number[][] }} Block
 */

/** @typedef {{ maps: Images[], features: Float32Array, probabilities: number[], whole: number[] }} Activity */
/** @typedef {{ best: number, other: number, gains: number[], count: number, most: number }} Contrast */

const CHANGED = { step: 5, most: 60 }; // pixels; each step takes the network once more, about 3 ms

/**
 * @param {Recognizer} recognizer
 * @param {{ ask: "anatomy" | "activity" | "contrast", image: number[][], off: number[][] }} message
 */
export const answer = (recognizer, message) => ({ anatomy, activity, contrast })[message.ask](recognizer, message);

/**
 * Give what does not depend on the drawing.
 * @param {Recognizer} recognizer
 * @returns {Block[] | null} null for a network without a hidden layer
 */
export function anatomy({ network }) {
  if (!network.hidden) return null;
  let [offset, stride, size] = [network.border, 1, 1];
  return network.blocks.map(({ convolutions }, block) => {
    if (block) [stride, size] = [2 * stride, size + stride]; // the pooling before it
    for (const convolution of convolutions) {
      if (convolution.size % 2) offset -= (convolution.size >> 1) * stride;
      size += (convolution.size - 1) * stride;
    }
    const last = convolutions[convolutions.length - 1];
    const kernels = Array.from({ length: last.outputs }, (_, filter) => {
      const weights = unfold(last, filter);
      return last.inputs === 1 ? weights : strengths(weights, last.inputs);
    });
    return { filters: last.outputs, offset, stride, size, kernels };
  });
}

/** @param {number[]} weights @param {number} inputs */
const strengths = (weights, inputs) =>
  Array.from({ length: inputs }, (_, input) => Math.hypot(...weights.filter((_, at) => at % inputs === input)));

/**
 * Give what each layer makes of an image, with some filters switched off.
 * @param {Recognizer} recognizer
 * @param {{ image: number[][], off: number[][] }} message `off`: for each block, its filters that give 0
 * @returns {Activity} `whole`: the probabilities with all filters
 */
export function activity({ network, temperature }, { image, off }) {
  const pixels = image.flat();
  const { maps, features, logits } = trace(network, pixels, ({ data, channels }, block) => {
    for (const filter of off[block]) for (let at = filter; at < data.length; at += channels) data[at] = 0;
  });
  const probabilities = softmax(logits, temperature);
  const isWhole = off.every((filters) => !filters.length);
  const whole = isWhole ? probabilities : softmax(network.computeLogits(pixels), temperature);
  return { maps, features, probabilities, whole };
}

/** @param {Float32Array} logits @param {number} temperature */
function softmax(logits, temperature) {
  const highest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp((value - highest) / temperature));
  const sum = powers.reduce((total, value) => total + value);
  return powers.map((value) => value / sum);
}

/**
 * Say which pixels would bring the second answer ahead of the first.
 * @param {Recognizer} recognizer
 * @param {{ image: number[][] }} message
 * @returns {Contrast} `gains`: for each pixel how much the second's logit would gain on the first's, in
 *   linear approximation: positive if it were inked, negative if it were erased; `count`: how many of
 *   the strongest, changed at once, are enough, 0: not even `most`
 */
export function contrast({ network }, { image }) {
  const pixels = image.flat();
  const { logits, back } = trace(network, pixels);
  const best = argmax([...logits]);
  const other = argmax([...logits].map((value, digit) => (digit === best ? -Infinity : value)));
  const gradient = back(logits.map((_, digit) => Number(digit === other) - Number(digit === best)));
  const gains = pixels.map((pixel, at) => (gradient[at] * (gradient[at] > 0 ? 255 - pixel : pixel)) / 255);
  const strongest = [...gains.keys()].sort((one, two) => Math.abs(gains[two]) - Math.abs(gains[one]));
  const found = { best, other, gains, count: 0, most: CHANGED.most };
  const changed = [...pixels];
  for (let count = CHANGED.step; count <= CHANGED.most; count += CHANGED.step) {
    for (const at of strongest.slice(count - CHANGED.step, count)) changed[at] = gains[at] > 0 ? 255 : 0;
    if (argmax([...network.computeLogits(changed)]) === other) return { ...found, count };
  }
  return found;
}
