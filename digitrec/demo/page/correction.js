// Runs once, as the `js_on_load` of the correction: what the open
// digit is goes to the server.
element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".digits button");
  if (!chosen) return;
  props.value = `${document.querySelector("digit-pad").openDigit ?? 0}:${chosen.textContent}`;
  trigger("input");
  element.querySelector("details").open = false;
});
