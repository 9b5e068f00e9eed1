// Runs once, as the `js_on_load` of the hidden element that carries the drawing of a link to the
// server, which puts it on the pad. That must be ready: Gradio 6.31 fails on what comes earlier.
const code = new URLSearchParams(window.location.search).get("d");
const timer = setInterval(() => {
  if (code && !document.querySelector("#pad canvas[role=img]")) return;
  clearInterval(timer);
  if (!code) return;
  props.value = code;
  trigger("submit");
}, 50);
