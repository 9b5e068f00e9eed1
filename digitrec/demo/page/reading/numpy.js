// What the modules beside this one need of NumPy: `data` in row order, `height` and `width`.

export const image = (data, height, width) => ({ data, height, width });

// To the nearest whole number; of two as near, to the even one. So does Python's `round`.
export function rint(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);
export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const argmax = (values) => values.reduce((best, value, index) => (value > values[best] ? index : best), 0);

export function greatest(values) {
  let most = -Infinity;
  for (let at = 0; at < values.length; at++) if (values[at] > most) most = values[at];
  return most;
}

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export function crop({ data, width }, top, bottom, left, right) {
  const cut = new data.constructor((bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) {
    const start = row * width;
    cut.set(data.subarray(start + left, start + right), (row - top) * (right - left));
  }
  return image(cut, bottom - top, right - left);
}

export function pad({ data, height, width }, by) {
  const padded = new data.constructor((height + 2 * by) * (width + 2 * by));
  for (let row = 0; row < height; row++) {
    padded.set(data.subarray(row * width, (row + 1) * width), (row + by) * (width + 2 * by) + by);
  }
  return image(padded, height + 2 * by, width + 2 * by);
}
