// The pad itself: strokes, taps, two fingers, its tools and its undo.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "./page.mjs";

const LINE = [[0.3, 0.3], [0.4, 0.5], [0.6, 0.7]];

// A page and a finger or mouse on it; places are shares of the paper's side, which is 100 pixels.
async function openPad() {
  const page = await openPage();
  const { pad } = page;
  const event = (type, [x, y], more) => ({
    ...{ type, clientX: 100 * x, clientY: 100 * y, timeStamp: 1000 * page.seconds, target: pad.canvas },
    ...{ pointerId: 1, isPrimary: true, button: 0, pointerType: "touch", preventDefault() {}, ...more },
  });
  page.down = (point, more) => pad.begin(event("pointerdown", point, more));
  page.move = (point) => pad.move(event("pointermove", point));
  page.up = (point, type = "pointerup") => pad.end(event(type, point));
  page.draw = (points, more) => {
    page.down(points[0], more);
    points.forEach(page.move);
    page.seconds += 0.5;
    page.up(points.at(-1));
  };
  page.changes = 0;
  pad.addEventListener("change", () => { page.changes += 1; });
  return page;
}

const beside = { target: { closest: () => null } };

test("a tap is a dot as wide as the pen", async () => {
  const { pad } = await openPad();
  const dots = [];
  const context = { beginPath() {}, fill() {}, arc: (x, y, radius) => dots.push([x, y, radius]) };
  for (const points of [[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]]) pad.paint(context, 100, { eraser: false, points });
  pad.paint(context, 100, { eraser: false, thin: true, points: [[0.5, 0.5]] });
  assert.deepEqual(dots, [[50, 50, 3], [50, 50, 3], [50, 50, 1.5]]);
});

test("a tap can be taken by another script, and is a dot otherwise", async () => {
  const page = await openPad();
  const taps = [];
  let isTaken = true;
  page.pad.addEventListener("tap", (event) => {
    taps.push([[...event.detail.point], page.pad.visible().length]);
    if (isTaken) event.preventDefault();
  });
  const tap = (seconds, point = [0.5, 0.5], type = "pointerup") => {
    page.down([0.5, 0.5]);
    page.move(point);
    page.seconds += seconds;
    page.up(point, type);
  };
  tap(0.2);
  assert.deepEqual([taps, page.pad.visible().length, page.changes], [[[[0.5, 0.5], 0]], 0, 1]);
  isTaken = false;
  tap(0.2);
  assert.deepEqual([taps.length, page.pad.visible().length], [2, 1]);
  tap(0.4); // too long
  tap(0.2, [0.53, 0.5]); // too far
  tap(0.2, [0.5, 0.5], "pointercancel");
  assert.deepEqual([taps.length, page.pad.visible().length], [2, 4]);
});

test("a second finger that comes soon takes the first one's mark away", async () => {
  const page = await openPad();
  const second = { pointerId: 2, isPrimary: false };
  const pinch = (seconds, point, finger = second) => {
    page.down([0.5, 0.5]);
    page.move(point);
    page.seconds += seconds;
    page.down([0.7, 0.7], finger);
    page.up(point);
    const { length } = page.pad.visible();
    page.pad.restoreKept();
    return length;
  };
  assert.equal(pinch(0.3, [0.53, 0.5]), 0);
  assert.equal(pinch(0.5, [0.53, 0.5]), 1); // late
  assert.equal(pinch(0.3, [0.6, 0.5]), 1); // the first has drawn
  assert.equal(pinch(0.3, [0.53, 0.5], { ...second, pointerType: "pen" }), 1);
});

test("a stroke begins beside the paper, but not far from it, on a button or below a photo", async () => {
  const page = await openPad();
  const begins = (point, more) => {
    page.down(point, more);
    const isBegun = page.pad.stroke !== null;
    page.move([0.5, 0.5]);
    page.up([0.5, 0.5]);
    return isBegun;
  };
  assert.ok(begins([-0.3, 0.5], beside) && begins([1.3, 1.3], beside));
  assert.ok(!begins([-0.4, 0.5], beside));
  assert.ok(!begins([-0.3, 0.5], { target: { closest: () => ({}) } }));
  page.pad.picture = page.find("img");
  const canvas = page.pad.canvas;
  page.pad.canvas = page.find("canvas"); // not what lies there
  page.pad.canvas.getBoundingClientRect = canvas.getBoundingClientRect;
  page.covered = canvas;
  assert.ok(!begins([-0.3, 0.5], beside));
});

test("what is drawn beside the paper alone leaves nothing", async () => {
  const page = await openPad();
  page.draw([[-0.2, 0.2], [-0.1, 0.8]], beside);
  assert.ok(page.pad.isEmpty && page.changes === 1);
  page.draw([[-0.2, 0.2], [0.1, 0.8]], beside);
  assert.equal(page.pad.visible().length, 1);
});

test("once all is rubbed out the paper is blank, and Undo brings the drawing back", async () => {
  const page = await openPad();
  page.draw(LINE);
  page.pad.eraser();
  page.pad.toPixels = () => ({ data: [255, 0, 255] }); // some ink is left
  page.draw(LINE);
  assert.ok(!page.pad.isEmpty && page.pad.erasing);
  page.pad.toPixels = () => ({ data: [255, 240, 255] });
  page.draw(LINE);
  assert.ok(page.pad.isEmpty && !page.pad.erasing && page.changes === 3);
  page.pad.undo();
  assert.equal(page.pad.visible().length, 2);
});

test("the thin pen marks its strokes, and a reload keeps them", async () => {
  const page = await openPad();
  page.pad.thin();
  page.draw(LINE);
  page.pad.eraser();
  page.pad.toPixels = () => ({ data: [0] });
  page.draw(LINE);
  page.pad.thin(false); // chooses the pen again
  page.draw(LINE);
  assert.deepEqual(page.pad.visible().map(({ eraser, thin }) => [eraser, thin]).join(), "false,true,true,,false,");

  const storage = new Map();
  const first = await openPage("https://example.org/", { storage });
  first.pad.setActions(page.pad.visible());
  const again = await openPage("https://example.org/", { storage });
  assert.deepEqual([...again.pad.visible().map(({ thin }) => thin)], [true, undefined, undefined]);
});

test("keys press the tools, but not while someone types", async () => {
  const page = await openPad();
  let pressed = "";
  for (const name of ["undo", "redo", "clear", "eraser", "thin"]) {
    page.pad.querySelector(`[name=${name}]`).click = () => { pressed = name; };
  }
  page.pad.picture.hidden = true;
  const press = (key, held = {}, isTyping = false) => {
    pressed = "";
    page.pad.press({ key, ...held, target: { closest: () => isTyping }, preventDefault() {} });
    return pressed;
  };
  for (const held of [{ ctrlKey: true }, { metaKey: true }]) {
    assert.deepEqual([press("z", held), press("y", held), press("Z", { ...held, shiftKey: true })], ["undo", "redo", "redo"]);
    assert.equal(press("e", held) + press("t", held) + press("Delete", held), "");
  }
  assert.deepEqual(["e", "E", "t", "Delete", "Backspace"].map((key) => press(key)), ["eraser", "eraser", "thin", "clear", "clear"]);
  assert.equal(press("z") + press("E", { shiftKey: true }) + press("e", { altKey: true }) + press("e", {}, true), "");
});

test("another drawing can be undone, and so can Draw your own with its picture", async () => {
  const { pad } = await openPad();
  const stroke = { eraser: false, points: LINE };
  pad.setPaper({});
  pad.setActions([stroke, stroke]);
  assert.deepEqual([pad.visible().length, pad.shownPaper()], [2, null]);
  pad.reset();
  assert.ok(pad.isEmpty);
  const { length } = pad.actions;
  pad.reset(); // of a blank sheet changes nothing
  assert.equal(pad.actions.length, length);
  pad.undo();
  assert.equal(pad.visible().length, 2);
  for (let times = 0; times < 3; times++) pad.undo();
  assert.ok(pad.shownPaper() && !pad.isEmpty);
});

test("what was kept comes back with its undo, redo and picture", async () => {
  const page = await openPad();
  page.pad.setPaper({});
  page.draw(LINE);
  page.draw(LINE);
  page.pad.undo();
  const kept = page.pad.keep();
  page.down([0.5, 0.5]);
  page.pad.restoreKept();
  assert.ok(page.pad.isBlank && !page.pad.actions.length && !page.pad.undone.length);
  page.draw(LINE);
  page.pad.restoreKept(kept);
  page.pad.redo();
  assert.equal(page.pad.visible().length, 2);
  assert.ok(page.pad.shownPaper());
  page.pad.restoreKept(kept); // as it was, however often
  assert.equal(page.pad.visible().length, 1);
});
