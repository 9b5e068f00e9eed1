// Runs once, as the `js_on_load` of the answer's component: takes the answer over from the first screen,
// and hands it what the server answers.
let answer = document.querySelector("digit-answer");
if (!answer) answer = document.createElement("digit-answer");
element.querySelector(".answer-place").append(answer);
if (!document.querySelector("#first digit-pad")) document.getElementById("first")?.remove();
watch("value", () => {
  if (props.value) answer.take(props.value, Boolean(props.value.is_photo));
});
document.addEventListener("digitrec", ({ detail }) => {
  if (detail === "reading" || detail === "blank") props.value = null; // the next answer may be the same
});
tell("here");
