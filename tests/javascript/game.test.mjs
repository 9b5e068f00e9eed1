// The game "Ten digits": its rules, its clock, its links, and what a reload leaves of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "./page.mjs";

const SITE = "https://example.org/";
const ORDER = "7123456890";
const LINK = `${SITE}?ten=${ORDER}&time=12.3`;
const STROKE = { eraser: false, points: [[0.4, 0.2], [0.6, 0.8]] };

const copy = (value) => JSON.parse(JSON.stringify(value)); // of the page's own Array class
const clock = (page) => page.find(".clock").textContent;
const heading = (page) => page.find(".task").innerHTML;
const result = (page) => page.pad.children.find(({ className }) => className === "ten-result");
const card = (page) => page.pad.children.find(({ className }) => className === "ten-card");
const pressHeader = (page, name) => page.click({ matches: (selector) => selector === `.${name}` });

/** Press a button of the card or of the result. */
function press(page, name) {
  const panel = card(page) ?? result(page);
  const [tag] = panel.innerHTML.match(new RegExp(`<button[^>]* name="${name}"`)) ?? [];
  assert.ok(tag && !tag.includes("disabled"), `${name}: ${panel.innerHTML}`);
  return page.click({ name }, panel);
}

async function open(address = SITE, visitor = {}) {
  const page = await openPage(address, visitor);
  page.flags.reader = "browser";
  page.tell("able");
  return page;
}

/** Begin a game, of a link where there is one. */
async function start(address = LINK, visitor = {}) {
  const page = await open(address, visitor);
  if (!card(page)) await pressHeader(page, "play");
  await press(page, address === LINK ? "friend" : "today");
  return page;
}

/** Draw a stroke for the digit asked for, and let it be read when the clock says so. */
async function draw(page, digit, seconds, probability = 0.99) {
  page.pad.dispatchEvent(new Event("begin"));
  page.seconds += seconds;
  page.pad.act(STROKE);
  await page.answer(digit, probability);
}

async function play(page, seconds = 1) {
  while (!result(page)) await draw(page, asked(page), seconds);
  return page;
}

const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const asked = (page) => String(WORDS.indexOf(heading(page).match(/"spoken">(\w+)/)[1]));

test("a digit counts when the pen lifts, at the time when it could first be read", async () => {
  const page = await start();
  page.pad.dispatchEvent(new Event("begin"));
  page.seconds = 1.2;
  await page.answer("7", 0.95, false);
  page.seconds = 2; // the pen is still down
  page.tick();
  assert.match(clock(page), /^0 of 10, 1\.2 s/);
  page.pad.act(STROKE);
  await page.answer("7", 0.99);
  assert.match(clock(page), /^1 of 10, 1\.2 s/);
  assert.ok(page.pad.isBlank);
  assert.match(heading(page), /one/);
});

test("what reads right only for a while does not stop the clock", async () => {
  const page = await start();
  page.pad.dispatchEvent(new Event("begin"));
  for (const [seconds, text] of [[1, "7"], [2, "2"], [3, "7"]]) {
    page.seconds = seconds;
    await page.answer(text, 0.99, false);
  }
  await page.answer("7", 0.99);
  assert.match(clock(page), /^1 of 10, 3\.0 s/);
});

test("a digit of two strokes counts with the second, and only the one asked for counts", async () => {
  const page = await start();
  await draw(page, "1", 1);
  assert.match(clock(page), /^0 of 10/);
  assert.equal(page.pad.visible().length, 1);
  await draw(page, "7", 1);
  assert.match(clock(page), /^1 of 10, 2\.0 s/);
});

test("less than 90 % is not enough, however it would be rounded", async () => {
  const page = await start();
  for (const probability of [0.5, 0.897, 0.8999]) await draw(page, "7", 1, probability);
  assert.match(clock(page), /^0 of 10/);
  await draw(page, "7", 1, 0.9);
  assert.match(clock(page), /^1 of 10/);
});

test("the next stroke counts at once", async () => {
  const page = await start();
  await draw(page, "7", 1);
  await draw(page, "1", 0.5);
  assert.match(clock(page), /^2 of 10, 1\.5 s/);
});

test("the digit asked for is spoken", async () => {
  const page = await start(`${SITE}?ten=8123456790`);
  assert.match(heading(page), /Draw an? <b aria-hidden="true">\d<\/b><span class="spoken">[a-z]+</);
});

test("all visitors get the same order on a day, and another one on the next", async () => {
  const orders = [];
  for (const date of ["2025-11-29T00:00:01Z", "2025-11-29T23:59:59Z", "2025-11-30T12:00:00Z"]) {
    const page = await play(await start(SITE, { date }));
    await press(page, "challenge");
    orders.push(new URL(page.copied[0]).searchParams.get("ten"));
  }
  assert.equal(orders[0], orders[1]);
  assert.notEqual(orders[0], orders[2]);
  // Two versions of the page would otherwise ask for different orders on a day.
  assert.equal(orders[0], "0784639152");
});

test("the card has the rules, and a random order next to today's", async () => {
  const page = await open();
  await pressHeader(page, "play");
  assert.match(card(page).innerHTML, /lift the pen.*90&nbsp;%.*first stroke.*costs 5&nbsp;s/);
  await press(page, "random");
  assert.equal(card(page), undefined);
  assert.match(clock(page), /^0 of 10, 0\.0 s$/);
});

test("?ten=today greets with today's order", async () => {
  const page = await open(`${SITE}?ten=today`);
  assert.match(card(page).innerHTML, /Today's ten/);
  await press(page, "today");
  assert.match(clock(page), /^0 of 10/);
});

test("a skipped digit costs 5 s and is shown as skipped", async () => {
  const page = await start();
  await draw(page, "7", 1);
  page.seconds += 0.5;
  await pressHeader(page, "skip");
  assert.match(clock(page), /^2 of 10, 6\.5 s/);
  await play(page);
  assert.equal(heading(page), "Ten digits in 14.5 s, 1 skipped");
  assert.match(result(page).querySelector("img").alt, /7: 1\.0 s, 1: 0\.5 s \+ 5 s, 2: 1\.0 s/);
});

test("the total is the sum of the times that are shown", async () => {
  const page = await start();
  await play(page, 0.14); // each is shown as 0.1
  assert.equal(heading(page), "Ten digits in 1.0 s");
});

test("the best time is kept and shown", async () => {
  const longStorage = new Map();
  const first = await play(await start(LINK, { longStorage }), 1.2);
  assert.match(result(first).innerHTML, /Best: 12\.0 s\. You beat your friend by 0\.3 s!/);
  const second = await open(SITE, { longStorage });
  await pressHeader(second, "play");
  assert.equal(clock(second), "Best: 12.0 s");
  await press(second, "today");
  await play(second, 1.1);
  assert.match(result(second).innerHTML, /New best!/);
  await press(second, "again");
  await play(second, 2);
  assert.match(result(second).innerHTML, /Best: 11\.0 s/);
});

test("a challenge greets at once, and begins with Start when the browser can read", async () => {
  const page = await openPage(LINK);
  page.pad.act(STROKE); // drawn before
  assert.match(card(page).innerHTML, /A friend did it in 12\.3 s\. Can you\?/);
  assert.match(card(page).innerHTML, /disabled name="friend">Loading…/);
  page.flags.reader = "browser";
  page.tell("able");
  assert.match(card(page).innerHTML, /name="friend">Start/);
  assert.equal(page.pad.visible().length, 1);
  await press(page, "friend");
  assert.match(heading(page), /seven/);
  assert.equal(clock(page), "0 of 10, 0.0 s, your friend took 12.3 s");
});

test("a challenge without a time that can be right has no rival", async () => {
  for (const time of ["x", "-1", "1e9", ""]) {
    const page = await open(`${SITE}?ten=${ORDER}&time=${time}`);
    assert.match(card(page).innerHTML, /A friend challenges you\./);
    await press(page, "friend");
    assert.equal(clock(page), "0 of 10, 0.0 s");
  }
});

test("where the browser cannot read, a challenge says so", async () => {
  const page = await openPage(LINK);
  page.flags.reader = "server";
  page.tell("unable");
  assert.match(card(page).innerHTML, /needs a newer browser/);
  await press(page, "close");
  assert.equal(page.flags.mode, undefined);
  const other = await openPage();
  other.tell("unable");
  assert.equal(card(other), undefined);
});

test("links to no challenge begin no game", async () => {
  for (const order of ["", "123", "0123456788", "01234567899", "<b>", "012345678９"]) {
    const page = await open(`${SITE}?ten=${order}&time=5`);
    assert.equal(page.flags.mode, undefined, order);
  }
});

test("Again plays a challenge's order again, and today's, but another random one", async () => {
  for (const [name, isSame] of [["friend", true], ["today", true], ["random", false]]) {
    const page = await open(name === "friend" ? LINK : SITE);
    if (name !== "friend") await pressHeader(page, "play");
    await press(page, name);
    const orders = [];
    for (const _ of [1, 2, 3]) {
      let order = "";
      for (; !result(page); await draw(page, asked(page), 1)) order += asked(page);
      orders.push(order);
      await press(page, "again");
    }
    assert.equal(new Set(orders).size === 1, isSame, name);
  }
});

test("Stop and Escape give back the drawing, and the link that it came by", async () => {
  for (const stop of [(page) => pressHeader(page, "play"), (page) => page.keydown("Escape")]) {
    const page = await open(`${SITE}?s=BlxNo011uAVmgJmA`);
    const before = copy(page.pad.actions);
    assert.equal(before.length, 2);
    await pressHeader(page, "play");
    await press(page, "today");
    assert.ok(page.pad.isBlank);
    assert.equal(page.search(), "");
    await draw(page, asked(page), 1);
    await stop(page);
    assert.deepEqual(copy(page.pad.actions), before);
    assert.equal(page.search(), "?s=BlxNo011uAVmgJmA");
    assert.equal(page.flags.mode, undefined);
  }
});

test("a reload continues the game, and its clock when the browser can read again", async () => {
  const storage = new Map();
  const first = await open(LINK, { storage });
  first.pad.act(STROKE);
  await press(first, "friend");
  await draw(first, "7", 1);
  first.pad.dispatchEvent(new Event("begin"));
  first.seconds += 2;
  first.pad.act(STROKE);
  await first.answer("4", 0.9); // not yet the 1
  first.leave();

  const second = await openPage(SITE + first.search(), { storage });
  assert.match(heading(second), /one/);
  assert.equal(second.pad.visible().length, 1);
  second.seconds = 10; // while it loads
  second.flags.reader = "browser";
  second.tell("able");
  assert.equal(clock(second), "1 of 10, 3.0 s, your friend took 12.3 s");
  await draw(second, "1", 0.5);
  assert.match(clock(second), /^2 of 10, 3\.5 s/);
  await play(second);
  assert.equal(heading(second), "Ten digits in 11.5 s");

  const third = await open(SITE, { storage }); // the result too
  assert.match(result(third).innerHTML, /You beat your friend by 0\.8 s!/);
  await pressHeader(third, "play");
  assert.equal(third.pad.visible().length, 1); // from before the game
  assert.equal((await open(SITE, { storage })).flags.mode, undefined);
});

test("a damaged store begins no game", async () => {
  for (const stored of ["{", "{}", "7"]) {
    const page = await open(SITE, { storage: new Map([["digitrec-ten-digits", stored]]) });
    assert.equal(page.flags.mode, undefined, stored);
    await pressHeader(page, "play");
    assert.ok(card(page));
  }
});

test("the clock stands still while the page is hidden", async () => {
  const page = await start();
  page.pad.dispatchEvent(new Event("begin"));
  page.seconds = 1;
  page.hide();
  page.seconds = 60;
  page.hide(false);
  page.seconds = 61;
  await page.answer("7", 0.99);
  assert.match(clock(page), /^1 of 10, 2\.0 s/);
});

test("a result is a picture, a text and a link", async () => {
  const date = "2025-11-29T12:00:00Z";
  const page = await start(SITE, { date, canShare: true });
  const times = [0.5, 1, 1.9, 2, 3, 1, 1, 1, 1];
  for (const seconds of times) await draw(page, asked(page), seconds);
  await pressHeader(page, "skip");
  await press(page, "copy");
  const squares = "🟩🟨🟨🟥🟥🟨🟨🟨🟨⬜";
  assert.deepEqual(page.copied, [
    `digitrec ten digits, 29 November: 17.4 s\n${squares}\n${SITE}?ten=today`,
  ]);
  await press(page, "picture");
  assert.deepEqual(page.saved, ["ten-digits.png"]);
  assert.equal(result(page).querySelector("[name=share]").hidden, false);
  await press(page, "share");
  assert.equal(page.shared[0].files[0].name, "ten-digits.png");

  const friend = await play(await start());
  assert.equal(result(friend).querySelector("[name=share]").hidden, true); // it shares no files
  await press(friend, "challenge");
  await press(friend, "copy");
  const link = `${SITE}?ten=${ORDER}&time=10.0`;
  assert.deepEqual(friend.copied, [link, `digitrec ten digits: 10.0 s\n${"🟨".repeat(10)}\n${link}`]);
});
