// Links to a drawing: what they hold, and what a damaged one does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { curveOf, openPage } from "./page.mjs";

const SITE = "https://example.org/";
// A seven with a bar, and the link that visitors have had of it since links hold strokes.
const SEVEN = [
  { eraser: false, points: [[0.36, 0.3], [0.64, 0.3], [0.46, 0.72]] },
  { eraser: true, points: [[0.4, 0.5], [0.6, 0.5]] },
];
const SEVEN_CODE = "BlxNo011uAVmgJmA";
const OLD_LINK = readFileSync(new URL("../old_link.txt", import.meta.url), "utf8").trim();

const copy = (value) => JSON.parse(JSON.stringify(value)); // of the page's own Array class

async function toCode(strokes) {
  const { pad } = await openPage();
  pad.actions = strokes;
  return pad.toCode();
}

async function fromCode(code) {
  const { drawingCode } = await openPage();
  return copy(drawingCode.decode(code));
}

// The distance of a point from the line between two others.
function distance([x, y], [ax, ay], [bx, by]) {
  const [across, down] = [bx - ax, by - ay];
  const share = ((x - ax) * across + (y - ay) * down) / (across ** 2 + down ** 2 || 1);
  const within = Math.min(1, Math.max(0, share));
  return Math.hypot(ax + within * across - x, ay + within * down - y);
}

// How far points of a curve are from another one at most, in shares of the side.
function farthest(curve, other) {
  const nearest = (point) => Math.min(...other.map((end, at) => distance(point, other[at - 1] ?? end, end)));
  return Math.max(...curve.map(nearest));
}

// How far the curve in a link is from the one that was drawn, and the reverse.
async function difference(stroke) {
  const { pad, drawingCode } = await openPage();
  pad.actions = [stroke];
  const onPaper = (share) => Math.min(1, Math.max(0, share));
  const drawn = curveOf(pad, stroke).map((point) => point.map(onPaper));
  const linked = drawingCode.decode(pad.toCode()).flatMap((part) => curveOf(pad, part));
  return Math.max(farthest(drawn, linked), farthest(linked, drawn));
}

// The sharpest turn between places of a curve that are `step` of the side apart, in degrees.
function sharpest(curve, step) {
  const places = [curve[0]];
  for (const point of curve) {
    if (Math.hypot(point[0] - places.at(-1)[0], point[1] - places.at(-1)[1]) >= step) places.push(point);
  }
  const angles = places.slice(1).map(([x, y], at) => Math.atan2(y - places[at][1], x - places[at][0]));
  const turns = angles.slice(1).map((angle, at) => Math.abs(angle - angles[at]));
  return (180 / Math.PI) * Math.max(...turns.map((turn) => Math.min(turn, 2 * Math.PI - turn)));
}

// A curve that leaves the paper, a dot and an eraser.
const curve = Array.from({ length: 700 }, (_, at) => [at / 690 - 0.005, 0.5 + 0.3 * Math.sin(at / 40)]);
const DRAWING = [
  { eraser: false, points: curve },
  { eraser: false, points: [[0.25, 0.75]] },
  { eraser: true, points: [[0, 0], [1, 1]] },
];

test("a drawing comes back from its code", async () => {
  // No character of a code has to be escaped in an address.
  for (const stroke of DRAWING) assert.match(await toCode([stroke]), /^[\w-]+$/);
  const code = await toCode(DRAWING);
  assert.ok(code.length < 400);
  const strokes = await fromCode(code);
  assert.deepEqual(strokes.map(({ eraser }) => eraser), [false, false, true]);
  for (const stroke of DRAWING) assert.ok((await difference(stroke)) < 0.01);
});

const ROUND = Array.from({ length: 120 }, (_, at) => (2 * Math.PI * at) / 119);
const EIGHT = { eraser: false, points: ROUND.map((at) => [0.5 + 0.14 * Math.sin(2 * at), 0.5 - 0.24 * Math.cos(at)]) };
// A seven as a pen draws it: 60 points on two straight lines.
const corners = SEVEN[0].points;
const between = ([x, y], [u, v], share) => [x + (u - x) * share, y + (v - y) * share];
const PEN_SEVEN = {
  eraser: false,
  points: [0, 1].flatMap((line) =>
    Array.from({ length: 30 }, (_, at) => between(corners[line], corners[line + 1], at / 29))),
};

test("a smooth eight stays smooth, and the corner of a seven a corner", async () => {
  assert.ok((await difference(EIGHT)) <= 0.006);
  assert.ok((await difference({ ...EIGHT, thin: true })) <= 0.006);
  assert.ok((await difference(PEN_SEVEN)) <= 0.008);
  const { pad } = await openPage();
  const turn = async (stroke) =>
    sharpest((await fromCode(await toCode([stroke]))).flatMap((part) => curveOf(pad, part)), 0.02);
  assert.ok((await turn(EIGHT)) < sharpest(curveOf(pad, EIGHT), 0.02) + 10);
  assert.ok((await turn(PEN_SEVEN)) > 70);
});

// A curve that meets a corner: what is straight stays straight, and the corner sharp.
test("a two is round above and has its corner below", async () => {
  const bow = Array.from({ length: 40 }, (_, at) => [0.5 - 0.15 * Math.cos(at / 13), 0.35 - 0.15 * Math.sin(at / 13)]);
  const [end, corner] = [bow.at(-1), [0.34, 0.75]];
  const lines = [[end, corner], [corner, [0.7, 0.75]]];
  const straight = lines.flatMap(([from, to]) => Array.from({ length: 30 }, (_, at) => between(from, to, at / 29)));
  const two = { eraser: false, points: [...bow, ...straight] };
  assert.ok((await difference(two)) <= 0.008);
});

test("a drawing that is too detailed for the finest points gets coarser ones", async () => {
  const spiral = Array.from({ length: 5000 }, (_, at) => {
    const [radius, turn] = [at / 10500, at / 25];
    return [0.5 + radius * Math.cos(turn), 0.5 + radius * Math.sin(turn)];
  });
  const code = await toCode([{ eraser: false, points: spiral }]);
  assert.ok(code.length > 1000 && code.length <= 1900);
});

test("thin strokes come back thin, and the others have the code that earlier pages open", async () => {
  const [seven, bar] = SEVEN;
  const thin = { ...seven, thin: true };
  const strokes = await fromCode(await toCode([thin, seven, bar]));
  assert.deepEqual(strokes.map((stroke) => stroke.thin), [true, undefined, undefined]);
  assert.deepEqual(strokes.map((stroke) => stroke.eraser), [false, false, true]);
  assert.equal(Buffer.from(await toCode([thin]), "base64url")[0], 0);
  assert.equal(Buffer.from(await toCode([EIGHT]), "base64url").indexOf(0), -1);
  const code = Buffer.from([0, ...Buffer.from(SEVEN_CODE, "base64url")]).toString("base64url");
  assert.deepEqual((await fromCode(code)).map((stroke) => stroke.thin), [true, undefined]);
});

// Any stroke of any earlier link has the points that it had when the link was made.
test("curves of earlier links keep their straight lines", async () => {
  const bytes = Buffer.from([2 * 4, 50, 50, 100, 40, 150, 50, 200, 80]);
  const [{ points }] = await fromCode(bytes.toString("base64url"));
  for (const [x, y] of points) {
    const [u, v] = [255 * x, 255 * y];
    const on = u <= 100 ? 50 - (u - 50) / 5 : u <= 150 ? 40 + (u - 100) / 5 : 50 + ((u - 150) * 3) / 5;
    assert.ok(Math.abs(v - on) < 1e-6);
  }
});

test("links that visitors have keep their meaning", async () => {
  assert.equal(await toCode(SEVEN), SEVEN_CODE);
  const [seven, bar] = await fromCode(SEVEN_CODE);
  assert.deepEqual([seven.eraser, bar.eraser], [false, true]);
  assert.deepEqual([seven.points[0], seven.points.at(-1)], [[92 / 255, 77 / 255], [117 / 255, 184 / 255]]);
  assert.deepEqual([bar.points[0], bar.points.at(-1)], [[102 / 255, 128 / 255], [153 / 255, 128 / 255]]);
  // A straight line of two points gets more between them, in order and at most 0.02 apart.
  for (const [at, [x]] of bar.points.slice(1).entries()) {
    assert.ok(x > bar.points[at][0] && x - bar.points[at][0] <= 0.0201);
  }
});

test("a stroke of more than 126 points is several that touch", async () => {
  const zigzag = Array.from({ length: 300 }, (_, at) => [at / 300, at % 2 ? 0.2 : 0.8]);
  const parts = await fromCode(await toCode([{ eraser: false, points: zigzag }]));
  assert.equal(parts.length, 3);
  for (const [at, part] of parts.slice(1).entries()) {
    assert.deepEqual(part.points[0], parts[at].points.at(-1));
  }
});

test("what was cleared is not in the code, and nothing else is left out", async () => {
  assert.equal(await toCode([...DRAWING, { clear: true }, ...SEVEN]), SEVEN_CODE);
  assert.equal(await toCode([]), "");
});

test("a drawing that is too detailed for a link has no code", async () => {
  const zigzag = Array.from({ length: 750 }, (_, at) => [at % 2, (at % 97) / 97]);
  assert.ok((await toCode([{ eraser: false, points: zigzag.slice(100) }])).length > 1700);
  assert.equal(await toCode([{ eraser: false, points: zigzag }]), "");
});

test("a damaged code is refused", async () => {
  const { drawingCode } = await openPage();
  const bytes = Buffer.from(SEVEN_CODE, "base64url");
  const damaged = ["", "damaged!", "A", "AAAA", "<img src=x onerror=alert(1)>"];
  // Cut anywhere but between the two strokes, which are 7 and 5 bytes.
  for (let end = 1; end < bytes.length; end++) {
    if (end !== 7) damaged.push(bytes.subarray(0, end).toString("base64url"));
  }
  for (const code of damaged) assert.throws(() => drawingCode.decode(code), `${code}`);
});

test("a link opens with its drawing and greets; one that is damaged says so", async () => {
  const page = await openPage(`${SITE}?s=${SEVEN_CODE}`);
  assert.equal(page.pad.toCode(), SEVEN_CODE);
  assert.ok(page.greets());
  assert.equal(page.status(), "");
  for (const query of ["s=damaged!", "s=", "s=AAAA"]) {
    const damaged = await openPage(`${SITE}?${query}`);
    assert.match(damaged.status(), /This link holds no drawing/);
    assert.ok(damaged.pad.isEmpty && !damaged.greets());
  }
  const plain = await openPage();
  assert.ok(plain.pad.isEmpty && !plain.greets() && plain.status() === "");
});

test("after a reload, what was drawn over a link's drawing is still there", async () => {
  const storage = new Map();
  const address = `${SITE}?s=${SEVEN_CODE}`;
  const first = await openPage(address, { storage });
  first.pad.act({ eraser: false, points: [[0.1, 0.1], [0.2, 0.2]] });
  assert.equal((await openPage(address, { storage })).pad.visible().length, 3);
  assert.ok((await openPage(SITE, { storage })).pad.isEmpty); // another link, another drawing
});

test("an earlier kind of link opens its picture below the strokes", async () => {
  const page = await openPage(`${SITE}?d=${OLD_LINK}`);
  const [image] = page.images;
  const [kind, content] = image.src.split(",");
  assert.equal(kind, "data:image/png;base64");
  assert.match(content, /^[A-Za-z0-9+/]+$/); // the alphabet of data URLs, not that of links
  assert.deepEqual(Buffer.from(content, "base64"), Buffer.from(OLD_LINK, "base64url"));
  assert.ok(!page.greets());
  image.onload();
  assert.equal(page.pad.shownPaper(), image);
  assert.ok(page.greets());
  await page.pressShare();
  assert.deepEqual(page.copied, [`${SITE}?d=${OLD_LINK}`]); // nothing was drawn: the same link again
  page.pad.act({ eraser: false, points: [[0.1, 0.1], [0.2, 0.2]] });
  await page.pressShare();
  assert.equal(page.copied.length, 1);
  assert.equal(page.shareLabel(), "Too detailed for a link");

  const damaged = await openPage(`${SITE}?d=damaged!`);
  damaged.images[0].onerror();
  assert.match(damaged.status(), /This link holds no drawing/);
});

test("Share copies a link that opens the same drawing", async () => {
  const page = await openPage(`${SITE}?theme=dark#top`);
  page.pad.setActions(SEVEN);
  await page.pressShare();
  assert.deepEqual(page.copied, [`${SITE}?s=${SEVEN_CODE}`]);
  assert.equal(page.shareLabel(), "Link copied");
  assert.equal((await openPage(page.copied[0])).pad.toCode(), SEVEN_CODE);
});

test("Share opens the phone's own sheet, and asks to copy by hand where it may not", async () => {
  const url = `${SITE}?s=${SEVEN_CODE}`;
  const phone = await openPage(SITE, { isPhone: true, canShare: true });
  phone.pad.setActions(SEVEN);
  await phone.pressShare();
  assert.deepEqual(copy(phone.shared), [{ title: "digitrec", text: "What digit is this?", url }]);
  assert.deepEqual(phone.copied, []);
  for (const visitor of [{ canShare: true }, { isPhone: true }]) {
    const other = await openPage(SITE, { ...visitor, canCopy: false });
    other.pad.setActions(SEVEN);
    await other.pressShare();
    assert.deepEqual([other.copied, other.shared, other.prompted], [[], [], [url]]);
    assert.notEqual(other.shareLabel(), "Link copied");
  }
});
