// Runs once, as the `js_on_load` of the Sketchpad component: takes over the pad, which may have
// been drawn on already, and asks for an answer whenever the drawing has changed.
let pad = document.querySelector("digit-pad");
if (!pad) {
  pad = document.createElement("digit-pad");
  element.querySelector(".pad-place").append(pad);
}

// A stroke under way ends first: the paper would move away from under the pen.
function adopt() {
  if (pad.stroke) return pad.addEventListener("change", adopt, { once: true });
  element.querySelector(".pad-place").append(pad);
  document.getElementById("first")?.remove();
}

function ask(event) {
  if (pad.isEmpty || pad.isShowing) return;
  props.value = pad.toDataURL();
  trigger(event);
}

adopt();
const page = document.documentElement;
pad.addEventListener("change", () => {
  if (page.dataset.reader !== "browser") ask("input");
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "ask" && !pad.isShowing && !pad.isEmpty) {
    document.dispatchEvent(new CustomEvent("digitrec", { detail: "reading" }));
    ask("input");
  }
  if (detail === "why") ask("why");
  if (detail === "correct") props.value = pad.toDataURL(); // it goes with the correction
});
if (page.dataset.reader !== "browser") ask("input");
