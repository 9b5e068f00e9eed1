// Reads the drawing in the browser while the pen moves: a worker gets the pad's pixels and gives the
// answer. Until its model is here, and where it fails, the server reads.
(() => {
  const script = document.currentScript.dataset.worker;
  const root = document.documentElement;
  let worker = null;
  let pad = null;
  let isBusy = false;
  let isDue = false; // the drawing has changed since it was handed over
  let isLast = false; // what was handed over is a whole drawing, not one under way

  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const isReady = () => root.dataset.reader === "browser";

  function due() {
    if (isDue || !isReady()) return;
    isDue = true;
    if (!isBusy) requestAnimationFrame(read);
  }

  function read() {
    isDue = false;
    if (pad.isBlank || pad.isShowing) return;
    const { data, width, height } = pad.toPixels();
    [isBusy, isLast] = [true, !pad.stroke];
    worker.postMessage({ data, width, height }, [data.buffer]);
  }

  function answer(found) {
    isBusy = false;
    if (!pad.isBlank && !pad.isShowing) {
      if (found) tell("digitrec-read", { ...found, isLast: isLast && !isDue });
      else if (isLast) tell("digitrec", "ask");
    }
    if (isDue) read(); // a frame has passed meanwhile
  }

  function fail() {
    worker.terminate();
    const wasReady = isReady();
    root.dataset.reader = "server";
    if (wasReady && !pad.isBlank) tell("digitrec", "ask");
  }

  customElements.whenDefined("digit-pad").then(() => {
    pad = document.querySelector("digit-pad");
    root.dataset.reader = "server";
    if (!pad || !script) return;
    for (const change of ["begin", "move", "change"]) pad.addEventListener(change, due);
    document.addEventListener("digitrec", ({ detail }) => {
      if (detail === "here") due(); // the place for the answer has come
    });
    worker = new Worker(script, { type: "module" });
    worker.onerror = fail;
    worker.onmessage = ({ data }) => {
      if (data === "failed") return fail();
      if (data !== "ready") return answer(data);
      root.dataset.reader = "browser";
      tell("digitrec", "able");
      due();
    };
  });
})();
