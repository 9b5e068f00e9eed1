// A convolution that is fast in a browser: in WebAssembly, four channels at a time.

/** @typedef {{ shape: number[], data: Float32Array }} Tensor */

/**
 * Weights in the order in which `convolution.wat` reads them: for each group of LANES channels
 * their shifts, then for each input their factors.
 * @typedef {{ size: number, inputs: number, outputs: number, weights: number[] }} Convolution
 */

/**
 * Square images of several channels, pixel by pixel.
 * @typedef {{ data: Float32Array, side: number, channels: number }} Images
 */

export const EPSILON = 1e-5;

const LANES = 32; // channels of the result that `convolution.wat` computes at once
const PAGE = 65536; // bytes

/**
 * Make a convolution and its batch normalisation one.
 * @param {Tensor} kernel
 * @param {Float32Array} scale
 * @param {Float32Array} shift
 * @param {Float32Array} mean
 * @param {Float32Array} variance
 * @returns {Convolution}
 * @throws {Error} for a number of channels that `convolution.wat` does not compute
 */
export function fold({ shape, data }, scale, shift, mean, variance) {
  const [size, , inputs, outputs] = shape;
  if (outputs % LANES) throw new Error(`${outputs} filters are not a multiple of ${LANES}`);
  const factors = scale.map((value, channel) => value / Math.sqrt(variance[channel] + EPSILON));
  const weights = [];
  for (let first = 0; first < outputs; first += LANES) {
    for (let output = first; output < first + LANES; output++) {
      weights.push(shift[output] - mean[output] * factors[output]);
    }
    for (let from = first; from < data.length; from += outputs) {
      for (let lane = 0; lane < LANES; lane++) weights.push(data[from + lane] * factors[first + lane]);
    }
  }
  return { size, inputs, outputs, weights };
}

/**
 * Give the weights of one filter: for each place of the kernel, row by row, those of all inputs.
 * @param {Convolution} convolution
 * @param {number} filter
 */
export function unfold({ size, inputs, weights }, filter) {
  const count = size * size * inputs;
  const from = Math.floor(filter / LANES) * LANES * (1 + count) + LANES + (filter % LANES);
  return Array.from({ length: count }, (_, at) => weights[from + at * LANES]);
}

/**
 * Give a function that convolves images of at most `side` pixels a side, and takes ReLU. Odd kernels keep the images' size, even ones
 * do not pad. The next call overwrites the result's data.
 * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} code of convolution.wasm
 * @param {Convolution[]} convolutions
 * @param {number} side
 * @returns {(images: Images, convolution: Convolution) => Images}
 */
export function compile(code, convolutions, side) {
  const padded = side + Math.max(...convolutions.map(({ size }) => size));
  const largest = Math.max(...convolutions.map(({ outputs }) => outputs)) * padded ** 2 * 4;
  const bytes = convolutions.reduce((sum, { weights }) => sum + 4 * weights.length, 2 * largest);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { page: { memory } });
  const convolve = /** @type {Function} */ (instance.exports.convolve);
  const addresses = new Map();
  let end = 2 * largest;
  for (const convolution of convolutions) {
    new Float32Array(memory.buffer, end).set(convolution.weights);
    addresses.set(convolution, end);
    end += 4 * convolution.weights.length;
  }
  return ({ data, side, channels }, convolution) => {
    const { size, outputs } = convolution;
    const border = size % 2 ? size >> 1 : 0;
    const padded = side + 2 * border;
    const images = new Float32Array(memory.buffer, 0, padded ** 2 * channels);
    images.fill(0);
    for (let row = 0; row < side; row++) {
      const from = row * side * channels;
      images.set(data.subarray(from, from + side * channels), ((row + border) * padded + border) * channels);
    }
    const width = padded - size + 1;
    convolve(0, padded, channels, size, addresses.get(convolution), outputs / LANES, largest);
    return { data: new Float32Array(memory.buffer, largest, width ** 2 * outputs), side: width, channels: outputs };
  };
}

/**
 * Give the gradient of a convolution's inputs from that of its results.
 * @param {Float32Array} gradient
 * @param {Images} inputs
 * @param {Images} outputs after ReLU
 * @param {Convolution} convolution
 */
export function convolveBack(gradient, inputs, outputs, { size, weights }) {
  const result = new Float32Array(inputs.data.length);
  const border = size % 2 ? size >> 1 : 0;
  const group = LANES * (1 + size * size * inputs.channels); // numbers for LANES outputs, shifts first
  gradient.forEach((value, at) => {
    if (!value || !(outputs.data[at] > 0)) return;
    const output = at % outputs.channels;
    const place = Math.floor(at / outputs.channels);
    const [top, left] = [Math.floor(place / outputs.side) - border, (place % outputs.side) - border];
    let from = Math.floor(output / LANES) * group + LANES + (output % LANES);
    for (let row = top; row < top + size; row++) {
      for (let column = left; column < left + size; column++) {
        const isInside = row >= 0 && column >= 0 && row < inputs.side && column < inputs.side;
        const to = (row * inputs.side + column) * inputs.channels;
        for (let channel = 0; channel < inputs.channels; channel++, from += LANES) {
          if (isInside) result[to + channel] += value * weights[from];
        }
      }
    }
  });
  return result;
}
