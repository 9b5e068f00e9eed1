// Runs once, as the `js_on_load` of the picture's input: shows a picture that is chosen, taken, pasted
// or dropped anywhere on the page over the paper, and has it read.
const pad = document.querySelector("digit-pad");
const input = element.querySelector("input");
const LONGEST = 3200; // pixels a side that are sent: twice what the server keeps
const QUALITY = 0.92; // of JPEG
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
  const uploaded = await shrink(file).then(upload).catch(() => null);
  if (latest !== file || !pad.isShowing) return;
  if (uploaded?.path) ask({ path: uploaded.path });
  else tell("refused");
}

/**
 * Shrink a large photo before it is sent: a phone's 24 megapixels are 4 to 10 MB. What the browser
 * cannot decode, such as a TIFF, is sent as it is.
 * @param {File} file
 */
async function shrink(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  const scale = bitmap ? LONGEST / Math.max(bitmap.width, bitmap.height) : 1;
  if (!bitmap || scale >= 1) return file;
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "white"; // JPEG has no alpha
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new File([blob], `${file.name.replace(/\.\w*$/, "")}.jpg`, { type: blob.type });
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
