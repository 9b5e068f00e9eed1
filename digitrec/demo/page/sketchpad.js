// Runs once, as the `js_on_load` of the Sketchpad component: takes over the pad, which may already
// have a drawing on it, and asks for an answer whenever the drawing has changed.
let pad = document.querySelector("digit-pad");
if (!pad) {
  pad = document.createElement("digit-pad");
  element.querySelector(".pad-place").append(pad);
}

// Waits for the end of a stroke: the paper would move away from under the pen.
function adopt() {
  if (pad.stroke) return pad.addEventListener("change", adopt, { once: true });
  element.querySelector(".pad-place").append(pad);
  if (document.querySelector("#first digit-answer")) return; // which will be the last to be laid out
  document.getElementById("first")?.remove();
  tell("here");
}

function ask() {
  if (pad.isEmpty || pad.isShowing) return;
  props.value = pad.toDataURL();
  trigger("input");
}

adopt();
pad.addEventListener("change", () => {
  if (flags.reader !== "browser") ask();
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "ask" && !pad.isShowing && !pad.isEmpty) {
    tell("reading");
    ask();
  }
  if (detail === "correct") props.value = pad.toDataURL(); // the correction is sent with it
});
if (flags.reader !== "browser") ask();
