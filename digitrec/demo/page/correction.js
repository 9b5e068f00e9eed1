// Runs once, as the `js_on_load` of the correction. What the visitor says the open digit is, is taught to
// the network in this browser; where corrections are collected, and only if the visitor agrees, the
// server gets it, too.
const KEY = "digitrec-taught";
const MOST = 200; // digits that are kept; the oldest go first
const answer = () => document.querySelector("digit-answer");
const [details, consent, said, forget] = ["details", ".consent input", ".thanks", ".forget"].map(
  (part) => /** @type {any} */ (element.querySelector(part)),
);
/** @type {{ image: number[], label: number }[]} */
let taught = [];
try {
  taught = JSON.parse(localStorage.getItem(KEY) ?? "[]");
} catch {} // no storage, or not ours

const count = () => `${taught.length > 1 ? `${taught.length} digits` : "a digit"} of yours.`;

/** @param {string} text */
async function teach(text) {
  try {
    localStorage.setItem(KEY, JSON.stringify(taught));
  } catch {} // it lasts as long as the page, then
  await askWorker({ taught });
  said.textContent = text;
  forget.hidden = !taught.length;
  tell("taught");
}

element.addEventListener("click", ({ target }) => {
  if (target === forget) {
    taught = [];
    teach("Forgotten: it reads as it did.");
  }
  const chosen = target.closest(".digits button");
  const { answer: shown, openDigit: place } = answer();
  if (!chosen || !shown) return;
  const label = Number(chosen.textContent);
  details.open = false;
  if (flags.reader === "browser") {
    taught = [...taught, { image: shown.digits[place].image.flat(), label }].slice(-MOST);
    teach(`Learned ${count()}`);
  }
  if (!consent?.checked) return;
  tell("correct");
  props.value = { place, label, text: shown.text };
  trigger("input");
});
watch("value", () => { said.textContent = props.value?.said ?? ""; });
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "able" && taught.length) teach(`Knows ${count()}`);
  if (detail === "blank") said.textContent = "";
  if (detail !== "open") return;
  const { answer: shown, openDigit, isPhoto } = answer();
  const digits = shown?.digits.length ?? 0;
  const canLearn = flags.reader === "browser" || consent;
  const isOff = !canLearn || isPhoto || !digits || (digits > 1 && !shown?.is_number);
  details.classList.toggle("off", isOff);
  details.inert = isOff;
  if (isOff) details.open = false;
  element.querySelector(".which").textContent = digits > 1 ? `Digit ${openDigit + 1} is a …` : "It is a …";
});
if (flags.reader === "browser" && taught.length) teach(`Knows ${count()}`);
