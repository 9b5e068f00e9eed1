// Runs once, as the `js_on_load` of the picture's input: shows a picture that is chosen, taken, pasted
// or dropped anywhere on the page over the paper, and has it read.
const pad = document.querySelector("digit-pad");
const input = element.querySelector("input");
const LONGEST = 3200; // pixels a side that are sent: twice what the server keeps
const QUALITY = 0.92; // of JPEG
const STORE = "digitrec-photo"; // set while a picture is not read yet: a reload loses it
const isPhone = window.matchMedia("(pointer: coarse)").matches;
element.querySelector(".choose b").textContent = isPhone ? "Take or choose a photo" : "Upload a photo";

/** @type {{ file?: File, example?: string } | undefined} */
let latest; // what is shown, so that a slower upload of something else is ignored
let hasFailed = false; // its upload

/** @param {NonNullable<typeof latest>} picture @param {string} address */
function show(picture, address) {
  latest = picture;
  props.value = null;
  pad.show(address);
  pad.scrollIntoView({ block: "nearest" }); // an example stands below the answer
  remember("unread");
  tell("reading");
}

/** @param {File | undefined} file */
function choose(file) {
  if (!file) return;
  const picture = { file };
  show(picture, URL.createObjectURL(file));
  send(picture);
}

/** @param {{ file?: File, example?: string }} picture */
async function send(picture) {
  hasFailed = false;
  if (!picture.file) return ask({ example: picture.example });
  const uploaded = await shrink(picture.file).then(upload).catch(() => null);
  if (latest !== picture || !pad.isShowing) return;
  if (uploaded?.path) return ask({ path: uploaded.path });
  hasFailed = true;
  tell("refused");
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
  return redraw(bitmap, file.name, scale, 0);
}

/**
 * Draw a picture anew, smaller or turned.
 * @param {ImageBitmap} bitmap
 * @param {string} name
 * @param {number} scale
 * @param {number} turns by 90 degrees, clockwise
 */
async function redraw(bitmap, name, scale, turns) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  const canvas = turns % 2 ? new OffscreenCanvas(height, width) : new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "white"; // JPEG has no alpha
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turns * Math.PI) / 2);
  context.drawImage(bitmap, -width / 2, -height / 2, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new File([blob], `${name.replace(/\.\w*$/, "")}.jpg`, { type: blob.type });
}

async function turn() {
  const bitmap = await createImageBitmap(pad.picture).catch(() => null);
  if (!bitmap) return;
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  choose(await redraw(bitmap, latest?.file?.name ?? "picture", scale, 1));
}

/** @param {{ path: string } | { example: string | undefined }} picture */
function ask(picture) {
  props.value = picture;
  trigger("upload");
}

/** @param {"" | "unread"} state */
function remember(state) {
  try {
    if (state) sessionStorage.setItem(STORE, state);
    else sessionStorage.removeItem(STORE);
  } catch {
    // The storage is switched off: after a reload nothing says that the picture is gone.
  }
}

input.addEventListener("change", () => {
  choose(input.files?.[0]);
  input.value = ""; // so that the same file can be chosen again
});
element.addEventListener("click", (event) => {
  /** @type {HTMLElement | null} */
  const example = event.target.closest(".example");
  if (!example) return;
  const picture = { example: example.dataset.name };
  show(picture, example.querySelector("img").src);
  send(picture);
});
pad.addEventListener("turn", turn);
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "answered") remember("");
  if (detail !== "ask" || !pad.isShowing || !latest) return;
  tell("reading");
  if (props.value) trigger("upload");
  else if (hasFailed) send(latest);
});
pad.addEventListener("change", () => remember("")); // back to the drawing
document.addEventListener("paste", (event) => choose(event.clipboardData?.files[0]));

// The whole page takes a picture that is dropped, and says so.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  flags.drop = "";
});
for (const end of /** @type {const} */ (["dragleave", "drop"])) {
  document.addEventListener(end, (event) => {
    if (end === "drop" || !event.relatedTarget) delete flags.drop;
  });
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
});
try {
  if (sessionStorage.getItem(STORE)) tell("lost-picture");
} catch {
  // see `remember`
}
remember("");
