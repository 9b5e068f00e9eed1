// Runs once, as the `js_on_load` of the thanks for a correction: they go with the next drawing.
document.addEventListener("digitrec", ({ detail }) => {
  if (props.value && (detail === "reading" || detail === "blank")) props.value = "";
});
