// Runs once, as the `js_on_load` of the picture's input: a picture that is chosen, taken, pasted or
// dropped anywhere on the page lies over the paper and is read.
const pad = document.querySelector("digit-pad");
const input = element.querySelector("input");
const tell = (detail) => document.dispatchEvent(new CustomEvent("digitrec", { detail }));
const isPhone = window.matchMedia("(pointer: coarse)").matches;
element.querySelector(".choose span").textContent = isPhone ? "Take or choose a photo" : "Upload a photo";

async function read(file) {
  if (!file) return;
  pad.show(URL.createObjectURL(file));
  tell("reading");
  try {
    const { path } = await upload(file);
    if (!path) throw new Error("no path");
    props.value = { path };
    trigger("upload");
  } catch {
    tell("refused");
  }
}

input.addEventListener("change", () => {
  read(input.files[0]);
  input.value = ""; // so that the same one may be chosen again
});
element.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (!example) return;
  pad.show(example.querySelector("img").src);
  tell("reading");
  props.value = { example: example.dataset.name };
  trigger("upload");
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "ask" || !pad.isShowing || !props.value) return;
  tell("reading");
  trigger("upload");
});
document.addEventListener("paste", (event) => read(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  read(event.dataTransfer.files[0]);
});
