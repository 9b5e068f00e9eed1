// Runs once, as the `js_on_load` of the picture's input: shows a picture that is chosen, taken, pasted
// or dropped anywhere on the page over the paper, and has it read.
const pad = document.querySelector("digit-pad");
const input = element.querySelector("input");
const isPhone = window.matchMedia("(pointer: coarse)").matches;
element.querySelector(".choose span").textContent = isPhone ? "Take or choose a photo" : "Upload a photo";

/** @type {File | Element | undefined} */
let latest; // what is shown, so that a slower upload of something else is ignored

/**
 * @param {string} address
 * @param {File | Element} what
 */
function show(address, what) {
  latest = what;
  props.value = null;
  pad.show(address);
  tell("reading");
}

/** @param {File | undefined} file */
async function read(file) {
  if (!file) return;
  show(URL.createObjectURL(file), file);
  const uploaded = await upload(file).catch(() => null);
  if (latest !== file || !pad.isShowing) return;
  if (uploaded?.path) ask({ path: uploaded.path });
  else tell("refused");
}

/** @param {{ path: string } | { example: string | undefined }} picture */
function ask(picture) {
  props.value = picture;
  trigger("upload");
}

input.addEventListener("change", () => {
  read(input.files?.[0]);
  input.value = ""; // so that the same file can be chosen again
});
element.addEventListener("click", (event) => {
  /** @type {HTMLElement | null} */
  const example = event.target.closest(".example");
  if (!example) return;
  show(example.querySelector("img").src, example);
  ask({ example: example.dataset.name });
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "ask" || !pad.isShowing) return;
  tell("reading");
  if (props.value) trigger("upload"); // otherwise it is still being uploaded
});
document.addEventListener("paste", (event) => read(event.clipboardData?.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  read(event.dataTransfer?.files[0]);
});
