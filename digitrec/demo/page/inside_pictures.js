// Paints the pictures of the section "Look inside".

/** @typedef {import("./reading/convolution.js").Images} Images */

const SIDE = 28; // pixels of the image
const SCALE = 8; // of the heat map over it
const FAINT = 0.2; // of the strongest gain; weaker ones are not shown
const [INK, ERASE] = [[255, 140, 0], [0, 130, 255]]; // colour-blind people can tell them apart
export const GREYS = palette([0, 0, 0], [255, 255, 255]);
export const HEAT = palette([13, 11, 40], [255, 209, 102], Math.sqrt); // otherwise most maps are too dark to see

/** @param {number[]} from @param {number[]} to @param {(share: number) => number} curve */
function palette(from, to, curve = (share) => share) {
  return Uint32Array.from({ length: 256 }, (_, at) =>
    from.reduce((sum, value, part) => sum + (Math.round(value + (to[part] - value) * curve(at / 255)) << (8 * part)), 0xff000000));
}

/**
 * Paint maps in rows; the highest value of all is the brightest.
 * @param {HTMLCanvasElement} canvas
 * @param {{ data: ArrayLike<number>, side: number, channels: number }} maps
 * @param {number} columns
 * @param {Uint32Array} colours
 * @param {number} gap pixels between maps
 */
export function paintMaps(canvas, { data, side, channels }, columns, colours, gap = 0) {
  const pitch = side + gap;
  const context = resize(canvas, columns * pitch, Math.ceil(channels / columns) * pitch);
  const pixels = context.createImageData(canvas.width, canvas.height);
  const painted = new Uint32Array(pixels.data.buffer);
  let highest = 1e-6;
  for (let at = 0; at < data.length; at++) highest = Math.max(highest, data[at]);
  for (let at = 0; at < data.length; at++) {
    const [map, place] = [at % channels, Math.floor(at / channels)];
    const row = Math.floor(map / columns) * pitch + Math.floor(place / side);
    painted[row * canvas.width + (map % columns) * pitch + (place % side)] = colours[Math.round((255 * data[at]) / highest)];
  }
  context.putImageData(pixels, 0, 0);
}

/**
 * Lay a map over the image as a heat map.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} image
 * @param {HTMLCanvasElement} map
 * @param {import("./reading/inside.js").Block} block
 */
export function paintOver(canvas, image, map, { offset, size, stride }) {
  const context = resize(canvas, SCALE * SIDE, SCALE * SIDE);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, SCALE * SIDE, SCALE * SIDE);
  context.globalCompositeOperation = "screen";
  context.imageSmoothingEnabled = true;
  const start = SCALE * (offset + (size - stride) / 2); // a place is in the middle of what it sees
  const side = SCALE * stride * map.width;
  context.drawImage(map, start, start, side, side);
}

/**
 * Paint the square of the image that one place of a map sees.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} image
 * @param {import("./reading/inside.js").Block} block
 * @param {number[]} place row and column; none: nothing
 */
export function paintPiece(canvas, image, { offset, size, stride }, [row, column]) {
  const context = resize(canvas, size, size);
  if (row !== undefined) context.drawImage(image, -offset - stride * column, -offset - stride * row);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} weights of a square */
export function paintWeights(canvas, weights) {
  const side = Math.sqrt(weights.length);
  paintSigned(resize(canvas, side, side), weights, (share) => share);
}

/** @param {HTMLCanvasElement} canvas @param {number[]} strengths */
export function paintStrengths(canvas, strengths) {
  const count = strengths.length;
  const context = resize(canvas, count, count);
  const highest = Math.max(...strengths);
  context.fillStyle = "#ffd166";
  strengths.forEach((value, at) => context.fillRect(at, count * (1 - value / highest), 1, count));
}

/** @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} image @param {number[]} gains */
export function paintGains(canvas, image, gains) {
  const context = resize(canvas, SIDE, SIDE);
  context.drawImage(image, 0, 0);
  paintSigned(context, gains, (share) => (share > FAINT ? Math.sqrt(share) : 0));
}

/** @param {Context} context @param {number[]} values @param {(share: number) => number} opacity */
function paintSigned(context, values, opacity) {
  const [highest, { width }] = [Math.max(...values.map(Math.abs)), context.canvas];
  values.forEach((value, at) => {
    context.fillStyle = `rgba(${(value > 0 ? INK : ERASE).join()},${opacity(Math.abs(value) / highest)})`;
    context.fillRect(at % width, Math.floor(at / width), 1, 1);
  });
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function resize(canvas, width, height) {
  const context = /** @type {Context} */ (canvas.getContext("2d"));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  else context.reset();
  return context;
}
