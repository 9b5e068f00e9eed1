// The browser's versions of NumPy, Pillow and SciPy beside the originals: expected.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as ndimage from "../../digitrec/demo/page/reading/ndimage.js";
import * as numpy from "../../digitrec/demo/page/reading/numpy.js";
import { resize } from "../../digitrec/demo/page/reading/pillow.js";

const { argmax, clip, crop, greatest, image, median, pad, rint, sum } = numpy;
const { distanceTransform, label, maximumFilter, minimumFilter1d } = ndimage;
const expected = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8"));

const unpack = ({ data, height, width }) =>
  image(new Uint8Array(Buffer.from(data, "base64")), height, width);

test("a half is rounded to the even neighbour", () => {
  for (const [value, rounded] of expected.numpy.rint) assert.ok(rint(value) === rounded, `${value}`);
});

test("the median of an even number of values lies between the middle two", () => {
  for (const [values, middle] of expected.numpy.median) {
    const before = [...values];
    assert.equal(median(values), middle);
    assert.deepEqual(values, before); // they are not sorted in place
  }
});

test("the first of several greatest values is found", () => {
  for (const [values, place] of expected.numpy.argmax) {
    assert.equal(argmax(values), place);
    assert.equal(greatest(values), values[place]);
  }
  assert.equal(greatest([]), -Infinity);
});

test("values are clipped and summed", () => {
  assert.deepEqual([-1, 0.5, 9].map((value) => clip(value, 0, 1)), [0, 0.5, 1]);
  assert.equal(sum(Float64Array.of(0.1, 0.2, 0.3)), 0.1 + 0.2 + 0.3);
});

test("a rectangle is cut out, and a border of zeros put around", () => {
  const { crop: cut, pad: padded } = expected.numpy;
  assert.deepEqual(crop(unpack(cut.of), ...cut.box), unpack(cut.is));
  assert.deepEqual(pad(unpack(padded.of), padded.by), unpack(padded.is));
});

test("the type of the numbers stays", () => {
  const labels = image(Int32Array.of(-1, 70000, 3, 4), 2, 2);
  assert.deepEqual(crop(labels, 0, 1, 0, 2), image(Int32Array.of(-1, 70000), 1, 2));
  const shares = image(Float64Array.of(0.5), 1, 1);
  assert.deepEqual(pad(shares, 1).data, Float64Array.of(0, 0, 0, 0, 0.5, 0, 0, 0, 0));
});

for (const { of, is } of expected.pillow) {
  const size = ({ height, width }) => `${height}x${width}`;
  test(`a picture of ${size(of)} becomes ${size(is)} as by Pillow`, () => {
    assert.deepEqual(resize(unpack(of), is.height, is.width), unpack(is));
  });
}

test("each pixel's distance from the nearest 0 is that of SciPy", () => {
  for (const { of, squares } of expected.ndimage) {
    assert.deepEqual(distanceTransform(unpack(of)).data, Float64Array.from(squares, Math.sqrt));
  }
});

test("pixels that touch, also at a corner, get one number", () => {
  for (const { of, labels, count } of expected.ndimage) {
    const found = label(unpack(of));
    assert.deepEqual(found.labels.data, Int32Array.from(unpack(labels).data));
    assert.equal(found.count, count);
  }
});

test("the greatest of nine pixels and the least of a row's neighbours are those of SciPy", () => {
  for (const { heights, highest, row, lowest } of expected.ndimage) {
    const { data, height, width } = unpack(heights);
    const picture = image(Float64Array.from(data), height, width);
    assert.deepEqual(maximumFilter(picture).data, Float64Array.from(unpack(highest).data));
    for (const [reach, least] of lowest) {
      assert.deepEqual(minimumFilter1d(Float32Array.from(row), reach), Float32Array.from(least));
    }
  }
});
