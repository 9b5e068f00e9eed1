// Runs once, as the `js_on_load` of the correction: tells the server what the open digit is, and which
// answer the visitor saw.
const answer = () => document.querySelector("digit-answer");
const details = /** @type {HTMLDetailsElement} */ (element.querySelector("details"));
const thanks = element.querySelector(".thanks");

element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".digits button");
  if (!chosen) return;
  tell("correct");
  props.value = {
    place: answer().openDigit,
    label: Number(chosen.textContent),
    text: answer().answer?.text ?? "",
  };
  trigger("input");
  details.open = false;
});
watch("value", () => { thanks.textContent = props.value?.said ?? ""; });
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "reading" || detail === "blank") thanks.textContent = "";
  if (detail !== "open") return;
  const { answer: shown, openDigit, isPhoto } = answer();
  const count = shown?.digits.length ?? 0;
  element.hidden = isPhoto || !count || (count > 1 && !shown?.is_number);
  const which = count > 1 ? `Digit ${openDigit + 1}` : "It";
  element.querySelector("summary span").textContent = `Wrong? ${which} is a …`;
});
