// Runs once, as the `js_on_load` of the explanation's component: lets the server explain an answer where
// the browser cannot.
/** @type {((contributions: number[][][]) => void) | undefined} */
let resolve;
window.explainOnServer = (digits) =>
  new Promise((done) => {
    resolve = done;
    props.value = { digits };
    trigger("input");
  });
watch("value", () => {
  if (props.value?.contributions) resolve?.(props.value.contributions);
});
