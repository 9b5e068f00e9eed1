// The list of events and flags in globals.d.ts beside its users that `tsc` cannot see.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const DEMO = new URL("../../digitrec/demo/", import.meta.url);
const read = (name) => readFileSync(new URL(name, DEMO), "utf8");
const found = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name);

const list = read("page/globals.d.ts");
const events = found(list, /^ {2}\| "([\w-]+)"/gm);
const [flags] = found(list, /interface Flags {([^}]+)}/g).map((lines) => found(lines, /^ {2}(\w+)\??:/gm));
const scripts = readdirSync(new URL("page/", DEMO)).filter((name) => name.endsWith(".js"));
const page = scripts.map((name) => read(`page/${name}`)).join("\n");
const python = readdirSync(DEMO).filter((name) => name.endsWith(".py")).map(read).join("\n");

test("each event is told and heard, and Python tells none but these", () => {
  assert.equal(events.length, 13);
  const toldByPython = found(python, /\btell\('([\w-]+)'\)/g);
  assert.deepEqual(toldByPython.filter((name) => !events.includes(name)), []);
  const told = found(page, /\btell\((.+?)\);/g).flatMap((names) => found(names, /"([\w-]+)"/g));
  const heard = found(page, /\bdetail [!=]== "([\w-]+)"/g);
  assert.deepEqual(events.filter((name) => !told.includes(name) && !toldByPython.includes(name)), []);
  assert.deepEqual(events.filter((name) => !heard.includes(name)), []);
});

test("no script goes past the list", () => {
  assert.equal(found(page, /(new CustomEvent\("digitrec",)/g).length, 1); // in `tell`
  assert.ok(!python.includes("CustomEvent"));
  const direct = scripts.filter((name) => /(root|documentElement)\.dataset/.test(read(`page/${name}`)));
  assert.deepEqual(direct, ["page.js"]); // the others use `flags`
});

test("the style sheets show and hide by flags of the list only", () => {
  const styles = read("page/page.css") + read("page/ten_digits.css");
  const used = found(styles, /\[data-(\w+)/g);
  assert.ok(used.length > 5);
  assert.deepEqual(used.filter((name) => !flags.includes(name)), []);
});
