// Runs once, as the `js_on_load` of the hidden element that carries the drawing to the server.
// What mentions 6.31 is needed for that version of Gradio.

const LOOK = 50; // milliseconds between looks at what the pad does later
const button = (name) => document.querySelector(`#pad button[aria-label="${name}"]`);

// 6.31 leaves its PixiJS application here. The paper is what has a background and layers of ink.
const findPaper = () => window.__PIXI_APP__?.stage?.children.find((child) =>
  child.children.some((layer) => layer.zIndex === -1));

// The pad's own events would upload every layer several times a stroke (6.31); the sheet of paper
// can be read without a request.
function readPad() {
  const target = findPaper();
  if (!target) return null;
  const { extract } = window.__PIXI_APP__.renderer;
  return extract.canvas({ target, resolution: 1 }).toDataURL("image/png");
}

// Until 6.31 has fitted the paper to the pad, its corner lies in the middle: a stroke that begins
// then is torn when the paper moves.
function isFitted() {
  const paper = findPaper();
  if (!paper) return false;
  const { x, width } = paper.getBounds();
  return Math.abs(x + width / 2 - window.__PIXI_APP__.screen.width / 2) < 2; // rounded pixels
}

let sent = null;
function sendDrawing() {
  const drawing = readPad();
  if (drawing === null || drawing === sent) return;
  sent = drawing;
  props.value = drawing;
  trigger("input");
}

// 6.31 draws frames for half a second after a stroke, 0.2 seconds each where there is no graphics
// processor, and the answer waits for them. They come when it has had time to arrive; then the
// drawing is looked at once more, in case that the stroke had not been finished.
const REST = 300;
function sendStroke() {
  const ticker = window.__PIXI_APP__?.ticker;
  ticker?.stop();
  setTimeout(sendDrawing);
  setTimeout(() => {
    ticker?.start();
    sendDrawing();
  }, REST);
}

// What Gradio has no option for: a name for screen readers. Tests and link.js wait for it, too.
function describe() {
  const canvas = document.querySelector("#pad canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Paper to draw a digit on");
}

// What a link has put on the pad is drawn there some time later.
document.addEventListener("link-opened", () => {
  const timer = setInterval(sendDrawing, 2 * LOOK);
  setTimeout(() => clearInterval(timer), 3000);
});

// 6.31 opens an empty pad with no tool chosen; also after "clear", when it shrinks the paper as
// well, which it fits to the pad again when the size of that changes.
let ready = false;
setInterval(() => {
  if (!document.querySelector("#pad button.highlight")) {
    button("Brush")?.click();
    const { style } = document.querySelector("#pad .pixi-target") ?? {};
    // One pixel more or less is a change of size.
    if (style) style.width = style.width ? "" : "calc(100% - 1px)";
    return;
  }
  if (ready || !isFitted()) return;
  sent = readPad(); // a blank sheet, which need not be sent
  ready = true;
  describe();
}, LOOK);

const inPad = (event) => Boolean(event.target.closest?.("#pad"));
let stroking = false; // a stroke may end outside the pad
document.addEventListener("pointerdown", (event) => { if (inPad(event)) stroking = true; }, true);
for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => {
    if (stroking) sendStroke();
    stroking = false;
  });
}
// By keyboard there is no pointer. Captured, for "clear" takes its button out of the page; undo
// draws a little later.
document.addEventListener(
  "click",
  (event) => { if (inPad(event) && event.target.closest("button")) setTimeout(sendStroke, LOOK); },
  true,
);

// 6.31 zooms and pans the paper with the wheel and with two fingers.
document.addEventListener(
  "wheel",
  (event) => { if (inPad(event)) event.stopImmediatePropagation(); },
  { capture: true, passive: true },
);
// 6.31 takes a second finger, or the palm of the hand, for the same pen.
for (const name of ["pointerdown", "pointermove", "pointerup"]) {
  document.addEventListener(
    name,
    (event) => { if (inPad(event) && !event.isPrimary) event.stopImmediatePropagation(); },
    true,
  );
}
for (const name of ["touchstart", "touchmove"]) {
  document.addEventListener(
    name,
    (event) => {
      if (inPad(event) && event.touches.length > 1) event.stopImmediatePropagation();
    },
    { capture: true, passive: true },
  );
}
