// Runs once, as the `js_on_load` of the answer: says when one has come, and takes it back when the
// paper is blank again, without asking the server.
const blank = props.value;
const page = document.documentElement;
const pad = document.querySelector("digit-pad");

function note() {
  page.dataset.answer = props.value === blank ? "blank" : props.value.includes("data-digit") ? "digit" : "none";
}

watch("value", () => {
  if (pad.isEmpty && !pad.isShowing && props.value !== blank) {
    props.value = blank; // cleared while it was being read
    return;
  }
  note();
  document.dispatchEvent(new CustomEvent("digitrec", { detail: "answered" }));
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "blank") return;
  props.value = blank;
  note();
});
note();
document.dispatchEvent(new CustomEvent("digitrec", { detail: "here" }));
