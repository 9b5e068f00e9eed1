// Runs once, as the `js_on_load` of the explanation: lays it over the drawing that it explains.
const pad = document.querySelector("digit-pad");
pad.querySelector(".sheet").append(element);
const isAsked = () => document.querySelector("#actions [name=why]").ariaPressed === "true";
const remove = () => { if (props.value) props.value = ""; };
pad.addEventListener("begin", remove);
pad.addEventListener("change", remove);
document.addEventListener("digitrec", ({ detail }) => { if (detail === "why-not") remove(); });
watch("value", () => {
  if (pad.isEmpty || pad.isShowing || pad.stroke || !isAsked()) remove(); // it came late
});
