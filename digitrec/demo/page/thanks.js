// Runs once, as the `js_on_load` of the thanks for a correction: the next drawing removes them.
document.addEventListener("digitrec", ({ detail }) => {
  if (props.value && (detail === "reading" || detail === "blank")) props.value = "";
});
