// The network: pixels 0-255, bright ink on black, 28x28, become ten logits.
import { compile, fold } from "./convolution.js";
import { IMAGE_SIZE } from "./drawing.js";

/** @typedef {import("./convolution.js").Tensor} Tensor */
/** @typedef {import("./convolution.js").Images} Images */
/** @typedef {{ kernel: Tensor, bias?: Tensor }} Layer */

/**
 * As `NetworkConfig` in Python, in model.json.
 * @typedef {object} Config
 * @property {number[][]} kernel_sizes
 * @property {number} border
 * @property {number} head_features
 * @property {"maximum" | "average"} pooling
 */

const POOLINGS = ["maximum", "average"];
const NAMES = [
  ...["border", "filters", "kernel_sizes", "pooling", "head_features", "classes"],
  ...["block_dropout", "head_dropout"], // of training only
];

export class Network {
  /**
   * @param {Config} config
   * @param {Record<string, Tensor>} tensors by their names in the file
   * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} code of convolution.wasm
   * @throws {Error} for a network of another kind
   */
  constructor(config, tensors, code) {
    const unknown = Object.keys(config).filter((name) => !NAMES.includes(name));
    if (!POOLINGS.includes(config.pooling)) unknown.push(`pooling ${config.pooling}`);
    if (unknown.length) throw new Error(`the browser does not know networks with ${unknown.join(", ")}`);
    /** @type {(name: string) => Layer} */
    const layer = (name) => ({ kernel: tensors[`${name}.kernel`], bias: tensors[`${name}.bias`] });
    const blocks = config.kernel_sizes.map((sizes, block) =>
      sizes.map((_, index) => {
        const [scale, shift, mean, variance] = ["scale", "bias", "mean", "var"].map(
          (name) => tensors[`blocks.${block}.normalizations.${index}.${name}`].data,
        );
        const kernel = tensors[`blocks.${block}.convolutions.${index}.kernel`];
        return fold(kernel, scale, shift, mean, variance);
      }),
    );
    this.border = config.border;
    this.convolve = compile(code, blocks.flat(), IMAGE_SIZE - 2 * config.border);
    this.blocks = blocks.map((convolutions, block) => ({
      convolutions,
      pooling: config.head_features || block < blocks.length - 1 ? config.pooling : "none",
    }));
    this.hidden = config.head_features ? layer("hidden") : null;
    this.logits = this.untaught = layer("logits");
  }

  /** @param {ArrayLike<number>} pixels */
  computeLogits(pixels) {
    return multiply(this.computeFeatures(pixels), this.logits, false);
  }

  /** @param {ArrayLike<number>} pixels */
  computeFeatures(pixels) {
    let images = this.prepare(pixels);
    const outputs = [images];
    for (const { convolutions, pooling } of this.blocks) {
      for (const convolution of convolutions) images = this.convolve(images, convolution);
      images = pooling === "none" ? { ...images, data: images.data.slice() } : pool(images, pooling);
      outputs.push(images);
    }
    if (this.hidden) return multiply(images.data, this.hidden, true);
    return Float32Array.from(outputs.slice(-2).flatMap((images) => [...maxima(images), ...means(images)]));
  }

  /**
   * Cut the border off, and scale to 0-1.
   * @param {ArrayLike<number>} pixels
   * @returns {Images}
   */
  prepare(pixels) {
    const side = IMAGE_SIZE - 2 * this.border;
    const data = Float32Array.from({ length: side ** 2 }, (_, at) => {
      const [row, column] = [Math.floor(at / side), at % side];
      return pixels[(this.border + row) * IMAGE_SIZE + this.border + column] / 255;
    });
    return { data, side, channels: 1 };
  }
}

/**
 * Give the maximum or the mean of each 2x2 square; an odd last row or column is left out.
 * @param {Images} images
 * @param {string} pooling
 */
export function pool({ data, side, channels }, pooling) {
  const half = side >> 1;
  const result = new Float32Array(half * half * channels);
  const [right, below] = [channels, side * channels];
  const isMaximum = pooling === "maximum";
  for (let row = 0, to = 0; row < half; row++) {
    for (let column = 0; column < half; column++) {
      let from = 2 * (row * side + column) * channels;
      for (let channel = 0; channel < channels; channel++, from++, to++) {
        const [a, b, c, d] = [data[from], data[from + right], data[from + below], data[from + below + right]];
        result[to] = isMaximum ? Math.max(a, b, c, d) : (a + b + c + d) / 4;
      }
    }
  }
  return { data: result, side: half, channels };
}

/** @param {Images} images */
function maxima({ data, channels }) {
  const result = data.slice(0, channels);
  data.forEach((value, at) => { if (value > result[at % channels]) result[at % channels] = value; });
  return result;
}

/** @param {Images} images */
function means({ data, side, channels }) {
  const result = new Float32Array(channels);
  data.forEach((value, at) => { result[at % channels] += value; });
  return result.map((total) => total / side ** 2);
}

/**
 * @param {ArrayLike<number>} inputs
 * @param {Layer} layer
 * @param {boolean} withReLU
 */
export function multiply(inputs, { kernel, bias }, withReLU) {
  const outputs = kernel.shape[1];
  const sums = new Float32Array(outputs);
  if (bias) sums.set(bias.data);
  for (let input = 0, from = 0; input < inputs.length; input++) {
    for (let output = 0; output < outputs; output++, from++) sums[output] += inputs[input] * kernel.data[from];
  }
  return withReLU ? sums.map((value) => Math.max(value, 0)) : sums;
}
