// Where a drawing has ink, and how much: the digit without the paper.
import { crop, greatest, image } from "./numpy.js";

// How much each pixel of an RGBA drawing on a pad differs from the paper, margins cut off, and where
// that begins. Null where the border is not of one colour: a photo, which the server reads.
export function findInk({ data, height, width }) {
  const paper = findPaper(data, height, width);
  if (!paper) return null;
  const isNothing = paper[3] === 0;
  // Four bytes compared as one.
  const pixels = new Uint32Array(data.buffer, data.byteOffset, height * width);
  const blank = new Uint32Array(Uint8Array.from(paper).buffer)[0];
  const inked = image(new Uint8Array(height * width), height, width);
  for (let at = 0; at < pixels.length; at++) {
    inked.data[at] = isNothing ? data[4 * at + 3] : Number(pixels[at] !== blank);
  }
  const box = findBox(inked, 0);
  const [top, bottom, left, right] = box;
  if (isNothing) return { strength: crop(image(findInkOnNothing(data), height, width), ...box), left, top, scale: 1 };
  const strength = crop(inked, ...box);
  for (let row = top, to = 0; row < bottom; row++) {
    let from = 4 * (row * width + left);
    for (let column = left; column < right; column++, to++, from += 4) {
      strength.data[to] = Math.max(
        Math.abs(data[from] - paper[0]),
        Math.abs(data[from + 1] - paper[1]),
        Math.abs(data[from + 2] - paper[2]),
      );
    }
  }
  return { strength, left, top, scale: 1 };
}

// A drawing of any colour on black and on white: what shows it better.
function findInkOnNothing(data) {
  const [onWhite, onBlack] = [new Uint8Array(data.length / 4), new Uint8Array(data.length / 4)];
  const multiply = (one, other) => Math.trunc((one * other) / 255);
  for (let at = 0; at < onBlack.length; at++) {
    const [red, green, blue, alpha] = data.subarray(4 * at, 4 * at + 4);
    onWhite[at] = multiply(255 - Math.min(red, green, blue), alpha);
    onBlack[at] = multiply(Math.max(red, green, blue), alpha);
  }
  return greatest(onWhite) >= greatest(onBlack) ? onWhite : onBlack;
}

// The median colour of the border.
function findPaper(data, height, width) {
  const border = [];
  for (let column = 0; column < width; column++) border.push(column, (height - 1) * width + column);
  for (let row = 0; row < height; row++) border.push(row * width, row * width + width - 1);
  const half = border.length / 2;
  const paper = [0, 1, 2, 3].map((channel) => {
    const values = border.map((at) => data[4 * at + channel]).sort((one, other) => one - other);
    return Math.trunc((values[half - 1] + values[half]) / 2);
  });
  const blank = border.filter((at) => paper.every((value, channel) => data[4 * at + channel] === value));
  return blank.length >= half ? paper : null;
}

// The smallest rectangle that holds all pixels above `faintest`; one pixel if there is none.
export function findBox({ data, height, width }, faintest) {
  let [top, bottom, left, right] = [-1, 0, width, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (data[row * width + column] <= faintest) continue;
      if (top < 0) top = row;
      bottom = row + 1;
      if (column < left) left = column;
      if (column >= right) right = column + 1;
    }
  }
  return top < 0 ? [0, 1, 0, 1] : [top, bottom, left, right];
}
