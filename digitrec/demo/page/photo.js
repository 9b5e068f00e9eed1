// Runs once, as the `js_on_load` of the picture's input: a picture that is chosen, taken, pasted or
// dropped anywhere on the page lies over the paper and is read.
const pad = document.querySelector("digit-pad");
const input = element.querySelector("input");
const tell = (detail) => document.dispatchEvent(new CustomEvent("digitrec", { detail }));
const isPhone = window.matchMedia("(pointer: coarse)").matches;
element.querySelector(".choose span").textContent = isPhone ? "Take or choose a photo" : "Upload a photo";

let latest = null; // what is shown, so that a slower upload does not come in between

function show(address, what) {
  latest = what;
  props.value = null;
  pad.show(address);
  tell("reading");
}

async function read(file) {
  if (!file) return;
  show(URL.createObjectURL(file), file);
  let path;
  try {
    ({ path } = await upload(file));
  } catch {
    path = null;
  }
  if (latest !== file || !pad.isShowing) return;
  if (path) ask({ path });
  else tell("refused");
}

function ask(picture) {
  props.value = picture;
  trigger("upload");
}

input.addEventListener("change", () => {
  read(input.files[0]);
  input.value = ""; // so that the same one may be chosen again
});
element.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (!example) return;
  show(example.querySelector("img").src, example);
  ask({ example: example.dataset.name });
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "ask" || !pad.isShowing) return;
  tell("reading");
  if (props.value) trigger("upload"); // otherwise it is still being sent
});
document.addEventListener("paste", (event) => read(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  read(event.dataTransfer.files[0]);
});
