// Links to a drawing: what they hold, and what a damaged one does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openPage } from "./page.mjs";

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
  const { pad } = await openPage();
  pad.fromCode(code);
  return copy(pad.actions);
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
  strokes.forEach(({ points }, place) => {
    for (const [x, y] of DRAWING[place].points) {
      const [u, v] = [x, y].map((share) => Math.min(1, Math.max(0, share)));
      const distances = points.map(([x, y]) => Math.hypot(x - u, y - v));
      assert.ok(Math.min(...distances) < 0.015, `${x}, ${y}`);
    }
  });
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

test("a damaged code is refused and leaves the drawing alone", async () => {
  const { pad } = await openPage();
  pad.fromCode(SEVEN_CODE);
  const before = copy(pad.actions);
  const bytes = Buffer.from(SEVEN_CODE, "base64url");
  const damaged = ["", "damaged!", "A", "AAAA", "<img src=x onerror=alert(1)>"];
  // Cut anywhere but between the two strokes, which are 7 and 5 bytes.
  for (let end = 1; end < bytes.length; end++) {
    if (end !== 7) damaged.push(bytes.subarray(0, end).toString("base64url"));
  }
  for (const code of damaged) assert.throws(() => pad.fromCode(code), `${code}`);
  assert.deepEqual(copy(pad.actions), before);
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
