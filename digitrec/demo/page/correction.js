// Runs once, as the `js_on_load` of the correction: tells the server what the open digit is, and which
// answer the visitor saw.
const pad = document.querySelector("digit-pad");
const text = () => document.querySelector("#answer .answer").dataset.answer ?? "";
element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".digits button");
  if (!chosen) return;
  tell("correct");
  props.value = `${pad.openDigit}:${chosen.textContent}:${text()}`;
  trigger("input");
  element.querySelector("details").open = false;
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "open") return;
  const which = text().length > 1 ? `Digit ${pad.openDigit + 1}` : "It";
  element.querySelector("summary").textContent = `Wrong? ${which} is a …`;
});
