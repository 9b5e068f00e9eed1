// A link to a drawing: it is replayed, and who opens it says first what it is. Until then the drawing is
// not on the pad, so nothing reads it and the page has no answer to give away.
import { Replay } from "./replay.js";

const MOST_DIGITS = 12;
const TAP = 0.02; // share of the paper's side; a shorter stroke draws nothing and plays the drawing again
const LONG = 6; // digits of guess and answer together; more do not fit into one line

const answer = () => document.querySelector("digit-answer");
const isLinked = () => document.documentElement.classList.contains("from-link");

/** @param {Stroke[]} strokes of the link */
export async function ask(strokes) {
  if (!isLinked()) return; // the visitor draws already
  const pad = document.querySelector("digit-pad");
  const isNumber = hasSeveralDigits(strokes);
  const panel = makePanel(isNumber);
  const question = /** @type {HTMLElement} */ (panel.querySelector(".question"));
  const replay = new Replay(pad, strokes);
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ended = new AbortController();
  const { signal } = ended;
  let guess = "";

  function end() {
    ended.abort();
    replay.remove();
    const hadFocus = panel.contains(document.activeElement);
    panel.remove();
    if (hadFocus) answer().focus({ preventScroll: true });
  }

  // Lay the drawing on the paper below what is there, and have it read.
  function drawOn() {
    end();
    pad.setActions([...strokes, ...pad.visible()]);
  }

  function show() {
    const said = guess;
    drawOn();
    if (!said) return;
    answer().remark = (words, read) => compare(said, words, read);
    const forget = () => { answer().remark = (words) => words; };
    for (const change of ["begin", "change"]) pad.addEventListener(change, forget, { once: true });
  }

  /** @param {string} digits */
  function enter(digits) {
    guess = digits.slice(0, MOST_DIGITS);
    if (!isNumber) return show();
    panel.querySelector(".entry").textContent = guess || "…";
    for (const name of ["delete", "say"]) panel.querySelector(`[name=${name}]`).toggleAttribute("disabled", !guess);
  }

  /** @param {KeyboardEvent} event */
  function press({ key, target, ctrlKey, metaKey, altKey }) {
    if (ctrlKey || metaKey || altKey || target.closest?.("input, textarea, select")) return;
    if (/^\d$/.test(key)) enter(guess + key);
    if (isNumber && key === "Backspace") enter(guess.slice(0, -1));
    if (isNumber && key === "Enter" && guess && !target.closest?.("button, a, summary")) show();
  }

  panel.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLButtonElement | null} */ (target.closest("button"));
    if (!button) return;
    const { name, textContent: digit } = button;
    if (!name) enter(guess + digit);
    if (name === "delete") enter(guess.slice(0, -1));
    if (name === "say") show();
    if (name === "again") replay.play();
    if (name === "show") {
      guess = "";
      show();
    }
  });
  pad.addEventListener("begin", () => {
    if (!pad.stroke) drawOn(); // a photo
  }, { signal });
  pad.addEventListener("move", () => {
    const [[x, y], ...others] = pad.stroke?.points ?? [[0, 0]];
    if (others.some(([u, v]) => Math.hypot(u - x, v - y) > TAP)) drawOn();
  }, { signal });
  pad.addEventListener("tap", (event) => {
    event.preventDefault(); // no dot
    if (!isStill) replay.play();
  }, { signal });
  pad.addEventListener("change", () => {
    if (!isLinked()) end(); // "Draw your own"
    else if (!pad.isBlank) drawOn();
  }, { signal });
  document.addEventListener("keydown", press, { signal });
  // Before the game hears of it: it keeps what is on the paper when it begins.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.(".play")) drawOn();
  }, { signal, capture: true });
  await loadStyle();
  if (signal.aborted) return;
  if (!pad.isBlank) return drawOn();
  panel.querySelector("[name=again]").hidden = isStill;
  answer().tabIndex = -1; // takes the focus when the panel goes
  answer().append(panel);
  if (isStill) replay.show();
  else replay.play();
  // A moment later, so that a screen reader announces it.
  setTimeout(() => { question.textContent = `Which ${isNumber ? "number" : "digit"} do you see?`; }, 100);
}

/** @param {boolean} isNumber */
function makePanel(isNumber) {
  const panel = document.createElement("div");
  panel.className = "guess";
  panel.role = "group";
  panel.ariaLabel = "Your guess";
  const digits = Array.from({ length: 10 }, (_, digit) => `<button type="button">${digit}</button>`);
  panel.innerHTML =
    '<p class="question" role="status"></p>' +
    (isNumber ? '<output class="entry">…</output>' : "") +
    `<div class="digits">${digits.join("")}</div><div class="more">` +
    (isNumber
      ? '<button type="button" name="delete" disabled>Delete</button>' +
        '<button type="button" name="say" disabled>That is it</button>'
      : "") +
    '<button type="button" name="again">Play it again</button>' +
    '<button type="button" name="show">Show me</button></div>';
  return panel;
}

function loadStyle() {
  const link = document.createElement("link");
  [link.rel, link.href] = ["stylesheet", new URL("guess.css", import.meta.url).href];
  document.head.append(link);
  return new Promise((resolve) => { link.onload = link.onerror = resolve; });
}

/**
 * Whether the strokes stand in several groups next to each other, as the digits of a number do.
 * @param {Stroke[]} strokes
 */
export function hasSeveralDigits(strokes) {
  const spans = strokes
    .filter(({ eraser }) => !eraser)
    .map(({ points }) => points.map(([x]) => x))
    .map((places) => [Math.min(...places), Math.max(...places)])
    .sort(([one], [other]) => one - other);
  let [, reached] = spans[0] ?? [];
  return spans.some(([left, right]) => {
    if (left > reached) return true;
    reached = Math.max(reached, right);
    return false;
  });
}

/**
 * Say an answer to someone who has guessed.
 * @param {string} guess
 * @param {Words} words what would be said otherwise
 * @param {Answer} answer
 * @returns {Words}
 */
export function compare(guess, [said, hint, spoken], { is_number, text }) {
  let verdict = `You say ${guess}, the network says ${text}`;
  let beside = hint || said;
  if (!is_number) [verdict, beside] = [`You say ${guess}, the network is not sure`, said];
  else if (text === guess) verdict = "You and the network agree";
  else if (guess.length + text.length > LONG) [verdict, beside] = [`You say ${guess}`, said];
  return [verdict, beside, `${verdict}. ${spoken}`];
}
