// Runs once, as the `js_on_load` of the buttons below the answer.
const pad = document.querySelector("digit-pad");

/** @param {"why" | "share" | "save"} name @returns {HTMLButtonElement} */
const button = (name) => element.querySelector(`[name=${name}]`);

/**
 * A button says for a while what it has done.
 * @param {"share" | "save"} name
 * @param {string} text
 */
function say(name, text) {
  const word = (button(name).dataset.word ??= button(name).textContent);
  button(name).textContent = text;
  setTimeout(() => { button(name).textContent = word; }, 2500);
}

const isWhy = () => button("why").ariaPressed === "true";
button("why").addEventListener("click", () => {
  button("why").ariaPressed = String(!isWhy());
  tell(isWhy() ? "why" : "why-not");
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "answered" && isWhy()) tell("why");
});

// The strokes are in the link; the server keeps nothing.
function makeLink() {
  const code = pad.toCode();
  if (!code) return pad.shownPaper() && !pad.visible().length ? window.location.href : "";
  const link = new URL(window.location.origin + window.location.pathname);
  link.searchParams.set("s", code);
  return link.href;
}

button("share").addEventListener("click", async () => {
  const url = makeLink();
  if (!url) return say("share", "Too detailed for a link");
  const isCopied = await shareLink(url, "What digit is this?", "The link to this drawing");
  if (isCopied) say("share", "Link copied");
});

// A picture of the drawing, what the network saw, and the answer.
button("save").addEventListener("click", () => {
  const card = document.createElement("canvas");
  [card.width, card.height] = [1200, 630];
  const context = /** @type {Context} */ (card.getContext("2d"));
  context.fillStyle = "#4338ca";
  context.fillRect(0, 0, 1200, 630);
  context.drawImage(pad.toCanvas(), 45, 45, 540, 540);
  context.fillStyle = "#fff";
  context.textBaseline = "top";
  /** @type {(text: string, size: number, x: number, y: number) => void} */
  const write = (text, size, x, y) => {
    context.font = `${size}px system-ui, sans-serif`;
    context.fillText(text, x, y, 540);
  };
  const answer = document.querySelector("#answer .answer");
  const numeral = answer.querySelector(".numeral")?.innerText.replace(/\s/g, "") ?? "";
  const rows = [...answer.querySelectorAll(".one:not([hidden]) li")].map((row) => row.innerText.split(/\s*\n\s*/));
  if (numeral.length > 1) write(numeral, Math.min(260, 900 / numeral.length), 640, 60);
  else if (numeral) {
    write(numeral, 260, 640, 40);
    rows.forEach(([digit, share], index) => write(`${digit}   ${share}`, 42, 860, 90 + 62 * index));
  } else write(answer.querySelector(".message").innerText, 40, 640, 90);
  /** @type {HTMLImageElement} */
  const seen = answer.querySelector(".one:not([hidden]) img.seen");
  if (seen) {
    context.imageSmoothingEnabled = false;
    context.drawImage(seen, 640, 361, 224, 224);
    write("What the network sees", 24, 890, 490);
  }
  write(window.location.host, 24, 890, 550);
  const link = document.createElement("a");
  link.href = card.toDataURL("image/png");
  link.download = "digit.png";
  link.click();
  say("save", "Saved");
});
