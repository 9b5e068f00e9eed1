// Ink becomes an image, made as MNIST's images were.
import { FAINTEST_INK, findBox } from "./ink.js";
import { distanceTransform, maximumFilter } from "./ndimage.js";
import { clip, crop, greatest, image, median, pad, rint, sum } from "./numpy.js";
import { resize } from "./pillow.js";

/**
 * @template {import("./numpy.js").Numbers} [Data=Uint8Array]
 * @typedef {import("./numpy.js").Image<Data>} Image
 */

export const IMAGE_SIZE = 28;
export const BOX = 20;
export const MIDDLE = 14;
export const MINIMUM_CONTRAST = 24;
export const SHEET = 100;
export const PEN = 0.09;
export const COARSE = 40;

/**
 * Give the image that the network sees: 28x28 pixels, 0 to 255, bright ink on black.
 * @param {Image} ink
 */
export function normalize(ink) {
  const faintest = Math.trunc(greatest(ink.data) / FAINTEST_INK);
  return center(fitBox(changePen(cutOut(ink, faintest))));
}

/** @type {(ink: Image, faintest: number) => Image} */
const cutOut = (ink, faintest) => crop(ink, ...findBox(ink, faintest));

/**
 * Draw ink that fills its box again, with a pen of the usual width.
 * @param {Image} ink
 */
function changePen(ink) {
  if (Math.max(ink.height, ink.width) < COARSE) return ink;
  const sheet = scale(ink, SHEET);
  const quarter = 0.25 * greatest(sheet.data);
  const level = 0.5 * median(sheet.data.filter((value) => value > quarter));
  const drawn = pad(image(sheet.data.map((value) => Number(value > level)), sheet.height, sheet.width), 1);
  const depth = distanceTransform(drawn);
  const highest = maximumFilter(depth).data;
  const ridge = depth.data.filter((value, at) => drawn.data[at] && value === highest[at]).sort();
  const low = ridge.subarray(Math.floor(ridge.length / 10), Math.floor((3 * ridge.length) / 10) + 1);
  const width = (2 * sum(low)) / low.length - 0.5;
  if (width > SHEET / 2) return ink;
  const path = SHEET - width;
  const wider = ((path * PEN) / (1 - PEN) - width) / 2;
  let redrawn = depth;
  if (wider >= 0) {
    const around = pad(drawn, Math.trunc(wider) + 1);
    around.data.forEach((value, at) => { around.data[at] = 1 - value; });
    redrawn = distanceTransform(around);
  }
  const strengths = redrawn.data.map((distance) => {
    const within = wider >= 0 ? wider + 1 - distance : distance + wider;
    return rint(255 * clip(within, 0, 1));
  });
  return cutOut(image(new Uint8Array(strengths), redrawn.height, redrawn.width), Math.trunc(255 / FAINTEST_INK));
}

/**
 * Scale so that the longer side is 20 pixels, and the strongest ink 255.
 * @param {Image} ink
 */
function fitBox(ink) {
  const box = scale(ink, BOX);
  const factor = Math.fround(255 / greatest(box.data));
  return image(new Float32Array(box.data).map((value) => value * factor), box.height, box.width);
}

/**
 * Put the centre of mass as close to the middle as the edges allow.
 * @param {Image<Float32Array>} digit
 */
function center({ data, height, width }) {
  let [mass, down, across] = [0, 0, 0];
  data.forEach((value, at) => {
    mass += value;
    down += value * Math.floor(at / width);
    across += value * (at % width);
  });
  const top = clip(rint(MIDDLE - down / mass), 0, IMAGE_SIZE - height);
  const left = clip(rint(MIDDLE - across / mass), 0, IMAGE_SIZE - width);
  const pixels = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE);
  data.forEach((value, at) => {
    pixels[(top + Math.floor(at / width)) * IMAGE_SIZE + left + (at % width)] = rint(value);
  });
  return pixels;
}

/**
 * @param {Image} ink
 * @param {number} longerSide
 */
function scale(ink, longerSide) {
  const factor = longerSide / Math.max(ink.height, ink.width);
  const [height, width] = [ink.height, ink.width].map((side) => Math.max(1, rint(side * factor)));
  return resize(ink, height, width);
}
