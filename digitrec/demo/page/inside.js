// The section that `look_inside.js` opens: the network at work on the digit that is open.
import * as pictures from "./inside_pictures.js";
import * as words from "./inside_words.js";

/** @typedef {import("./reading/inside.js").Block} Block */
/** @typedef {import("./reading/inside.js").Activity} Activity */
/** @typedef {import("./reading/convolution.js").Images} Images */

const section = document.createElement("section");
section.id = "inside";
section.setAttribute("aria-label", "Inside the network");
/** @type {Block[] | null | undefined} */
let blocks; // null: a network that the worker cannot take apart
/** @type {Activity} */
let activity;
/** @type {number[][] | undefined} */
let image; // that `activity` belongs to
/** @type {Set<number>[]} */
let off; // filters that are switched off, for each block
/** @type {number[]} */
let chosen = []; // the block and the filter of the map that is chosen
let [isBusy, isDue] = [false, false]; // the worker; something has changed since it began

const answer = () => document.querySelector("digit-answer");
/** @type {(selector: string) => HTMLElement} */
const find = (selector) => section.querySelector(selector);
const canvas = (/** @type {string} */ name) => /** @type {HTMLCanvasElement} */ (find(`canvas.${name}`));
// An unchanged text must not lay the page out again, many times a second.
const write = (/** @type {HTMLElement} */ place, /** @type {string} */ text) => { if (place.textContent !== text) place.textContent = text; };
const groups = () => [...section.querySelectorAll(".maps")];

export async function open() {
  if (section.isConnected) return;
  if (blocks === undefined) {
    const link = document.createElement("link");
    [link.rel, link.href] = ["stylesheet", new URL("inside.css", import.meta.url).href];
    document.head.append(link);
    await new Promise((resolve) => { link.onload = link.onerror = resolve; });
    blocks = await askWorker({ inside: { ask: "anatomy" } });
    layOut();
  }
  document.getElementById("stage")?.after(section);
  follow();
}

export function close() {
  section.remove();
}

document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "open") follow();
});
document.addEventListener("digitrec-read", ({ detail: { isLast } }) => {
  if (!isLast) follow(); // otherwise "open" says so
});

async function follow() {
  isDue = isBusy;
  if (isBusy || !blocks || !section.isConnected || flags.mode) return;
  const { answer: read, openDigit } = answer();
  const seen = read?.digits[openDigit]?.image;
  isBusy = true;
  const inside = { ask: "activity", image: seen ?? Array(28).fill(Array(28).fill(0)), off: off.map((filters) => [...filters]) };
  activity = await askWorker({ inside });
  isBusy = false;
  if (seen !== image) find(".contrast").hidden = true;
  image = seen;
  if (image && !chosen.length) choose(0, words.mostActive(activity.maps[0]));
  show();
  if (isDue) follow();
}

function layOut() {
  const head = '<header><h2>Inside the network</h2><button type="button" name="close">Close</button></header>';
  if (!blocks) {
    section.innerHTML = `${head}<p>The network of this model is of a kind that cannot be shown at work.</p>`;
    return;
  }
  off = blocks.map(() => new Set());
  section.innerHTML = `${head}
    <p class="lead"></p>
    <div class="flow">
      <figure><figcaption><b>Image</b> What the network sees: 28×28 pixels.</figcaption><canvas class="image"></canvas></figure>
      ${blocks.map(blockHtml).join("")}
      <figure><figcaption><b>Hidden layer</b> Its features sum up the last block, and the ten outputs weigh them.</figcaption>
        <canvas class="features"></canvas></figure>
      <figure><figcaption><b>Outputs</b> <span class="outcome" aria-live="polite"></span></figcaption>
        <ol class="outputs" aria-hidden="true">${Array.from({ length: 10 }, (_, digit) => `<li><i></i><i></i><b>${digit}</b></li>`).join("")}</ol>
        <button type="button" name="reset">Turn all filters on</button></figure>
    </div>
    <div class="detail" hidden>
      <p></p><button type="button" name="filter">Turn this filter off</button>
      ${["map", "over", "kernel", "piece"].map((name) => `<figure><canvas class="${name}"></canvas><figcaption></figcaption></figure>`).join("")}
    </div>
    <button type="button" name="contrast"></button>
    <div class="contrast" hidden><canvas class="gains"></canvas><p aria-live="polite"></p></div>
    <details><summary>In words</summary><table></table></details>`;
  section.addEventListener("click", click);
  section.addEventListener("keydown", press);
}

/** @type {(block: Block, at: number, blocks: Block[]) => string} */
function blockHtml(block, at, blocks) {
  const buttons = Array.from({ length: block.filters }, (_, filter) =>
    `<button type="button" tabindex="${filter ? -1 : 0}" aria-label="Filter ${filter + 1} of block ${at + 1}"></button>`);
  return `<figure><figcaption><b>Block ${at + 1}</b> ${words.blockWords(block, at, blocks)}</figcaption>
    <div class="maps" role="group" aria-label="Maps of block ${at + 1}" style="--columns:${columns(block.filters)}">
    <canvas></canvas>${buttons.join("")}</div><button type="button" name="block" value="${at}">Turn block ${at + 1} off</button></figure>`;
}

const columns = (/** @type {number} */ filters) => (filters > 64 ? 12 : 8);

/** @param {MouseEvent} event */
function click({ target }) {
  const button = /** @type {HTMLButtonElement | null} */ (target.closest("button"));
  if (!button || !blocks) return;
  const group = button.closest(".maps");
  if (group instanceof HTMLElement) {
    choose(groups().indexOf(group), [...group.querySelectorAll("button")].indexOf(button));
    return show();
  }
  const [block, filter] = chosen;
  if (button.name === "contrast") return showContrast();
  if (button.name === "filter" && !off[block].delete(filter)) off[block].add(filter);
  if (button.name === "block") {
    const at = Number(button.value);
    off[at] = new Set(off[at].size < blocks[at].filters ? Array(blocks[at].filters).keys() : []);
  }
  if (button.name === "reset") off.forEach((filters) => filters.clear());
  follow();
}

// Arrow keys move within a block; Tab leaves it.
/** @param {KeyboardEvent} event */
function press(event) {
  const buttons = [...(event.target.closest(".maps")?.querySelectorAll("button") ?? [])];
  const [at, row] = [buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target)), columns(buttons.length)];
  const ways = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -at, End: buttons.length - 1 - at };
  const next = /** @type {HTMLElement | undefined} */ (buttons[at + ways[/** @type {keyof typeof ways} */ (event.key)]]);
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
}

/** @param {number} at @param {number} filter */
function choose(at, filter) {
  chosen = [at, filter];
  groups().forEach((group, block) => {
    group.querySelectorAll("button").forEach((button, one) => {
      button.ariaPressed = String(at === block && one === filter);
      if (at === block) button.tabIndex = one === filter ? 0 : -1;
    });
  });
  const { kernels, size } = /** @type {Block[]} */ (blocks)[at];
  (at ? pictures.paintStrengths : pictures.paintWeights)(canvas("kernel"), kernels[filter]);
  const captions = words.captions(at, kernels[filter].length, size);
  section.querySelectorAll(".detail figcaption").forEach((one, place) => { one.textContent = captions[place]; });
  find(".detail").hidden = false;
}

function show() {
  pictures.paintMaps(canvas("image"), { data: image?.flat() ?? Array(784).fill(0), side: 28, channels: 1 }, 1, pictures.GREYS);
  groups().forEach((group, at) => {
    const maps = activity.maps[at];
    pictures.paintMaps(group.querySelector("canvas"), maps, columns(maps.channels), pictures.HEAT, 1);
    group.querySelectorAll("button").forEach((button, filter) => button.classList.toggle("off", off[at].has(filter)));
    find(`[name=block][value="${at}"]`).ariaPressed = String(off[at].size === maps.channels);
  });
  pictures.paintMaps(canvas("features"), { data: activity.features, side: 1, channels: activity.features.length }, 16, pictures.HEAT);
  const count = off.reduce((sum, { size }) => sum + size, 0);
  section.querySelectorAll(".outputs li").forEach((one, digit) => {
    one.style.setProperty("--whole", String(image ? activity.whole[digit] : 0));
    one.style.setProperty("--rest", String(image ? activity.probabilities[digit] : 0));
  });
  find(".outputs").classList.toggle("compared", count > 0);
  find("[name=reset]").toggleAttribute("disabled", !count);
  find("[name=contrast]").toggleAttribute("disabled", !image);
  write(find(".lead"), image
    ? "The brighter, the more active. Choose a map to see what its filter looks for, and what is lost without it."
    : "Draw a digit, and its way through the network appears here while you draw.");
  if (chosen.length) showDetail();
  if (!answer().isSettled) return; // a screen reader would say each frame
  write(find(".outcome"), image ? words.outcomeWords(activity, count) : "");
  find("table").innerHTML = image ? words.tableHtml(activity, !count, channel) : "<tr><td>Nothing is drawn.</td></tr>";
  const best = words.indexOfMost(activity.whole);
  const second = words.indexOfMost(activity.whole.map((share, digit) => (digit === best ? -1 : share)));
  write(find("[name=contrast]"), `What would make it ${image ? article(second) : "another digit"}?`);
}

function showDetail() {
  const [at, filter] = chosen;
  const block = /** @type {Block[]} */ (blocks)[at];
  const map = channel(activity.maps[at], filter);
  const most = words.indexOfMost(map.data);
  const place = map.data[most] > 0 ? [Math.floor(most / map.side), most % map.side] : [];
  const isOff = off[at].has(filter);
  pictures.paintMaps(canvas("map"), map, 1, pictures.HEAT);
  pictures.paintOver(canvas("over"), canvas("image"), canvas("map"), block);
  pictures.paintPiece(canvas("piece"), canvas("image"), block, place);
  write(find(".detail p"), words.mapWords(`Filter ${filter + 1} of block ${at + 1}`, map, isOff));
  find("[name=filter]").ariaPressed = String(isOff);
}

/** @returns {Promise<void>} */
async function showContrast() {
  const about = image;
  if (!about) return;
  const contrast = await askWorker({ inside: { ask: "contrast", image } });
  if (about !== image) return showContrast(); // the digit has changed meanwhile
  pictures.paintGains(canvas("gains"), canvas("image"), contrast.gains);
  find(".contrast p").innerHTML = words.contrastWords(contrast);
  find(".contrast").hidden = false;
}

/** @param {Images} maps @param {number} one @returns {Images} */
const channel = ({ data, side, channels }, one) => ({ data: data.filter((_, at) => at % channels === one), side, channels: 1 });
