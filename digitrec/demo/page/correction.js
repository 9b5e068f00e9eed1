// Runs once, as the `js_on_load` of the correction: what the open digit is goes to the server, with the
// answer that was seen.
const pad = document.querySelector("digit-pad");
const text = () => document.querySelector("#answer .answer").dataset.answer ?? "";
element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".digits button");
  if (!chosen) return;
  document.dispatchEvent(new CustomEvent("digitrec", { detail: "correct" }));
  props.value = `${pad.openDigit ?? 0}:${chosen.textContent}:${text()}`;
  trigger("input");
  element.querySelector("details").open = false;
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail !== "open") return;
  const which = text().length > 1 ? `Digit ${pad.openDigit + 1}` : "It";
  element.querySelector("summary").textContent = `Wrong? ${which} is a …`;
});
