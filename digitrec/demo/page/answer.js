// Runs once, as the `js_on_load` of the answer: removes it when the paper is blank again, without
// asking the server, and rejects an answer to what is no longer shown.
const blank = props.value;
const pad = document.querySelector("digit-pad");
let kept = blank;
/** @type {HTMLElement | undefined} */
let boxes; // the frames over a photo's digits
let isRead = false; // by the browser: what the server answers belongs to an earlier drawing

function isLate() {
  if (props.value === blank) return false;
  if (pad.isBlank && !pad.isShowing) return true; // cleared while it was being read
  const isPhoto = props.value.includes('data-source="photo"');
  return isPhoto !== pad.isShowing || (isRead && !isPhoto);
}

function keep() {
  kept = props.value;
  flags.answer = kept === blank ? "blank" : kept.includes("data-answer") ? "digit" : "none";
  takeBoxesAway();
  pad.openDigit = 0;
  tell("open");
}

/**
 * Show one of several digits: its bars, what the network saw of it, and its correction.
 * @param {number} place
 */
function open(place) {
  pad.openDigit = place;
  /** @type {(selector: string, change: (one: HTMLElement, isOpen: boolean) => void) => void} */
  const mark = (selector, change) =>
    element.querySelectorAll(selector).forEach((one, index) => change(one, index === place));
  mark(".numeral button", (one, isOpen) => { one.ariaPressed = String(isOpen); });
  mark(".one", (one, isOpen) => { one.hidden = !isOpen; });
  boxes?.querySelectorAll("span").forEach((one, index) => one.classList.toggle("open", index === place));
  tell("open");
}

function showBoxes() {
  takeBoxesAway();
  if (!pad.isShowing || !kept.includes("data-answer")) return;
  const frames = /** @type {HTMLElement} */ (element.querySelector(".boxes")?.cloneNode(true));
  if (!frames) return;
  boxes = frames;
  pad.querySelector(".sheet").append(frames);
  frames.addEventListener("click", (event) => {
    const place = [...frames.children].indexOf(event.target);
    if (place >= 0) open(place);
  });
  open(0);
}

function takeBoxesAway() {
  boxes?.remove();
  boxes = undefined;
}

element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".numeral button");
  if (chosen?.parentElement) open([...chosen.parentElement.children].indexOf(chosen));
});

watch("value", () => {
  if (isLate()) props.value = pad.isBlank && !pad.isShowing ? blank : kept;
  else keep();
});
// While the pen moves, a screen reader waits for the final answer.
document.addEventListener("digitrec-read", ({ detail: { html, isLast } }) => {
  props.value = isLast ? html : `<div aria-live="off">${html}</div>`;
  isRead = true;
  keep();
  if (isLast) tell("answered");
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "ask" || detail === "blank") isRead = false;
  if (detail === "reading") takeBoxesAway();
  if (detail === "answered") setTimeout(showBoxes); // once the answer is laid out
  if (detail !== "blank") return;
  props.value = blank;
  keep();
});
keep();
tell("here");
