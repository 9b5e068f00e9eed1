// Runs once, as the `js_on_load` of the correction: the digit that is chosen goes to the server.
element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".digits button");
  if (!chosen) return;
  props.value = chosen.textContent;
  trigger("input");
  element.querySelector("details").open = false;
});
