// A link that plays: the rhythm of its strokes, the replay, and what is said of a guess.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, hasSeveralDigits } from "../../digitrec/demo/page/guess.js";
import { drawnAt, toSchedule } from "../../digitrec/demo/page/replay.js";
import { openPage } from "./page.mjs";

const line = (from, to, more) => ({ eraser: false, points: [from, to], ...more });
const SEVEN = line([0.3, 0.3], [0.5, 0.7], { pause: 0, time: 420 });
const BAR = line([0.3, 0.5], [0.6, 0.5], { pause: 350, time: 187 });
const { drawingCode } = await openPage();
const throughLink = (strokes) => JSON.parse(JSON.stringify(drawingCode.decode(drawingCode.encode(strokes))));
const rhythm = (strokes) => Array.from(strokes, ({ pause, time }) => [pause, time]);

test("the pad notes how long a stroke and the pause before it took", async () => {
  const { pad } = await openPage();
  const event = (type, timeStamp) => ({
    ...{ type, timeStamp, clientX: 30, clientY: 30, target: pad.canvas, pointerId: 1, isPrimary: true, button: 0 },
    preventDefault() {},
  });
  for (const [from, to] of [[1000, 1400.4], [1900, 2000]]) {
    pad.begin(event("pointerdown", from));
    pad.end(event("pointerup", to));
  }
  assert.deepEqual(rhythm(pad.visible()), [[1000, 400], [500, 100]]);
});

test("a link keeps the rhythm to 20 ms, for three bytes a stroke", () => {
  assert.deepEqual(rhythm(throughLink([SEVEN, BAR])), [[0, 420], [360, 180]]);
  const [without, timed] = [[line([0, 0], [1, 1])], [line([0, 0], [1, 1], { pause: 9e9, time: 9e9 })]];
  assert.equal(drawingCode.encode(timed).length - drawingCode.encode(without).length, 4);
  assert.deepEqual(rhythm(throughLink(timed)), [[5100, 5100]]);
  const thin = throughLink([{ ...BAR, thin: true }, { ...SEVEN, eraser: true }]);
  assert.deepEqual(thin.map((stroke) => [stroke.thin, stroke.eraser, stroke.time]), [[true, false, 180], [undefined, true, 420]]);
  // A link that is made of a link's drawing is the same link.
  assert.equal(drawingCode.encode(throughLink([SEVEN, BAR])), drawingCode.encode([SEVEN, BAR]));
});

test("a stroke that a link splits is as long as before, without pauses", () => {
  const points = Array.from({ length: 300 }, (_, at) => [at / 300, at % 2 ? 0.2 : 0.8]);
  const parts = throughLink([{ eraser: false, points, pause: 200, time: 3000 }]);
  assert.deepEqual(parts.map(({ pause }) => pause), [200, 0, 0]);
  assert.ok(Math.abs(parts.reduce((sum, { time }) => sum + time, 0) - 3000) <= 60);
  const untimed = throughLink([{ eraser: false, points }]);
  const schedule = toSchedule(untimed);
  assert.deepEqual(rhythm(untimed), Array(3).fill([undefined, undefined]));
  for (const [at, { begin }] of schedule.slice(1).entries()) assert.equal(begin, schedule[at].end);
});

test("a drawing that fits into a link only without its rhythm is linked without", () => {
  const dots = Array.from({ length: 300 }, (_, at) => ({ eraser: false, points: [[at / 300, 0.5]], pause: 100, time: 50 }));
  assert.ok(drawingCode.encode(dots).length <= 1900);
  const linked = throughLink(dots);
  assert.equal(linked.length, 300);
  assert.equal(linked[0].time, undefined);
});

test("strokes begin after their pauses; nobody waits long, and a dot is seen", () => {
  assert.deepEqual(toSchedule([SEVEN, BAR]), [{ begin: 0, end: 420 }, { begin: 770, end: 957 }]);
  const slow = { ...BAR, pause: 60_000, time: 0 };
  const [, { begin, end }] = toSchedule([SEVEN, slow]);
  assert.ok(begin - 420 <= 1500 && end - begin >= 50);
});

test("without times, longer strokes take longer and a digit a second or so", () => {
  const [long, short] = [line([0.3, 0.2], [0.3, 0.8]), line([0.3, 0.5], [0.5, 0.5])];
  const [first, second] = toSchedule([long, short]);
  assert.ok(Math.abs((first.end - first.begin) / (second.end - second.begin) - 3) < 1e-6);
  assert.ok(second.begin > first.end);
  assert.ok(second.end > 500 && second.end < 1500);
});

test("the replay draws one stroke after the other, each from its start", () => {
  assert.deepEqual(drawnAt([SEVEN, BAR], -1), []);
  const [half, ...none] = drawnAt([SEVEN, BAR], 210);
  assert.deepEqual([half.points[0], none], [[0.3, 0.3], []]);
  half.points.at(-1).forEach((share, axis) => assert.ok(Math.abs(share - [0.4, 0.5][axis]) < 1e-9));
  assert.deepEqual(drawnAt([SEVEN, BAR], 600), [SEVEN]);
  assert.deepEqual(drawnAt([SEVEN, BAR], 957), [SEVEN, BAR]);
  assert.deepEqual(drawnAt([SEVEN, BAR], Infinity), [SEVEN, BAR]);
});

test("strokes next to each other are a number, crossing ones a digit", () => {
  const eraser = { ...line([0.9, 0.1], [0.95, 0.1]), eraser: true };
  assert.equal(hasSeveralDigits([SEVEN]), false);
  assert.equal(hasSeveralDigits([SEVEN, BAR, eraser]), false);
  assert.equal(hasSeveralDigits([BAR, line([0.7, 0.2], [0.8, 0.8])]), true);
  assert.equal(hasSeveralDigits([line([0.7, 0.2], [0.8, 0.8]), line([0.1, 0.1], [0.9, 0.1]), BAR]), false);
});

test("a guess is compared with the answer", () => {
  const words = (text) => [`Looks like ${text}`, "", `Looks like ${text}, 99 per cent`];
  const say = (guess, text, is_number = true) => compare(guess, words(text), { text, is_number });
  assert.deepEqual(say("7", "7"), [
    "You and the network agree", "Looks like 7", "You and the network agree. Looks like 7, 99 per cent",
  ]);
  assert.equal(say("7", "1")[0], "You say 7, the network says 1");
  assert.equal(say("07", "7")[0], "You say 07, the network says 7");
  assert.deepEqual(say("123456", "123457").slice(0, 2), ["You say 123456", "Looks like 123457"]);
  assert.equal(say("123456", "123456")[0], "You and the network agree");
  assert.deepEqual(say("7", "", false).slice(0, 2), ["You say 7, the network is not sure", "Looks like "]);
  const [, hint] = compare("42", ["Looks like 42", "98 % for the whole number", ""], { text: "42", is_number: true });
  assert.equal(hint, "98 % for the whole number");
});
