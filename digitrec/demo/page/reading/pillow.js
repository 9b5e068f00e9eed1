// Pillow's `resize(size, HAMMING, reducing_gap=2.0)` of 8-bit pixels, sum for sum.
// Source: Pillow's src/libImaging/Resample.c and Reduce.c.
import { image } from "./numpy.js";

const BITS = 22; // of a weight's fraction
const [A, B] = [Math.fround(0.54), Math.fround(0.46)];

export function resize(picture, height, width) {
  if (height === picture.height && width === picture.width) return picture;
  const across = Math.floor(picture.width / width / 2) || 1;
  const down = Math.floor(picture.height / height / 2) || 1;
  const reduced = across > 1 || down > 1 ? reduce(picture, down, across) : picture;
  const narrow = resample(reduced, Math.fround(picture.width / across), width, false);
  return resample(narrow, Math.fround(picture.height / down), height, true);
}

function hamming(x) {
  if (x === 0) return 1;
  if (x <= -1 || x >= 1) return 0;
  return (Math.sin(x * Math.PI) / (x * Math.PI)) * (A + B * Math.cos(x * Math.PI));
}

// Each line becomes `size` pixels; `length` is what is used of it.
function resample({ data, height, width }, length, size, upright) {
  const [before, lines] = upright ? [height, width] : [width, height];
  if (size === before && length === before) return image(data, height, width);
  const [step, next] = upright ? [width, 1] : [1, width];
  const result = new Uint8Array(size * lines);
  const [step2, next2] = upright ? [width, 1] : [1, size];
  const scale = length / size;
  const support = Math.max(scale, 1);
  for (let at = 0; at < size; at++) {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const last = Math.min(before, Math.trunc(center + support + 0.5));
    const shares = [];
    let whole = 0;
    for (let x = first; x < last; x++) {
      shares.push(hamming((x - center + 0.5) / support));
      whole += shares.at(-1);
    }
    const weights = Int32Array.from(shares, (share) => Math.floor(0.5 + (share / whole) * (1 << BITS)));
    for (let line = 0; line < lines; line++) {
      let total = 1 << (BITS - 1);
      let from = line * next + first * step;
      for (let x = 0; x < weights.length; x++, from += step) total += data[from] * weights[x];
      result[line * next2 + at * step2] = Math.min(total >> BITS, 255);
    }
  }
  return upright ? image(result, size, width) : image(result, height, size);
}

// The means of blocks; those at the right and lower edge may be smaller.
function reduce({ data, height, width }, down, across) {
  const [rows, columns] = [Math.ceil(height / down), Math.ceil(width / across)];
  const result = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [row * down, Math.min(height, (row + 1) * down)];
    for (let column = 0; column < columns; column++) {
      const [left, right] = [column * across, Math.min(width, (column + 1) * across)];
      const count = (bottom - top) * (right - left);
      let total = count >> 1;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) total += data[y * width + x];
      }
      const factor = Math.trunc(Math.fround(2 ** 32 / (256 * count)));
      result[row * columns + column] = Math.floor((total * factor) / 2 ** 24);
    }
  }
  return image(result, rows, columns);
}
