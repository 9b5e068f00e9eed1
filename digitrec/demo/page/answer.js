// Runs once, as the `js_on_load` of the answer: takes it back when the paper is blank again, without
// asking the server, and keeps out an answer to what is no longer shown.
const blank = props.value;
const page = document.documentElement;
const pad = document.querySelector("digit-pad");
let kept = blank;

function isLate() {
  if (props.value === blank) return false;
  if (pad.isEmpty && !pad.isShowing) return true; // cleared while it was being read
  return props.value.includes('data-source="photo"') !== pad.isShowing;
}

function keep() {
  kept = props.value;
  page.dataset.answer = kept === blank ? "blank" : kept.includes("data-digit") ? "digit" : "none";
}

watch("value", () => {
  if (isLate()) props.value = pad.isEmpty && !pad.isShowing ? blank : kept;
  else keep();
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "blank") return;
  props.value = blank;
  keep();
});
keep();
document.dispatchEvent(new CustomEvent("digitrec", { detail: "here" }));
