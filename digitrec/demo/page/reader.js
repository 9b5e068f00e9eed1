// Reads the drawing in the browser while the pen moves: a worker gets the pad's pixels and gives the
// answer. The server reads until the model has arrived, and where the worker fails.
(() => {
  const script = document.currentScript?.dataset.worker;
  /** @type {Worker} */
  let worker;
  /** @type {DigitPad} */
  let pad;
  let isBusy = false;
  let isDue = false; // the drawing has changed since the worker got it
  /** @type {((result: any) => void)[]} */
  const asked = []; // what waits for the result of each question
  let isLast = false; // the worker has a whole drawing, not one under way

  const isReady = () => flags.reader === "browser";

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
    worker.postMessage({ picture: { data, width, height } }, [data.buffer]);
  }

  /** @param {Answer | null} found null where the server has to read */
  function answer(found) {
    isBusy = false;
    if (!pad.isBlank && !pad.isShowing) {
      const detail = { ...found, isLast: isLast && !isDue };
      if (found) document.dispatchEvent(new CustomEvent("digitrec-read", { detail }));
      else if (isLast) tell("ask");
    }
    if (isDue) read(); // a frame has passed since it changed
  }

  function fail() {
    worker.terminate();
    const wasReady = isReady();
    flags.reader = "server";
    tell("unable");
    if (wasReady && !pad.isBlank) tell("ask");
  }

  window.askWorker = (message) =>
    isReady()
      ? new Promise((resolve) => worker.postMessage({ ...message, question: asked.push(resolve) - 1 }))
      : Promise.resolve(null);

  customElements.whenDefined("digit-pad").then(() => {
    pad = document.querySelector("digit-pad");
    flags.reader = "server";
    if (!pad || !script || !window.Worker) return tell("unable");
    for (const change of ["begin", "move", "change"]) pad.addEventListener(change, due);
    document.addEventListener("digitrec", ({ detail }) => {
      if (detail === "here" || detail === "taught") due(); // the answer has a place, or is another, now
    });
    worker = new Worker(script, { type: "module" });
    worker.onerror = fail;
    worker.onmessage = ({ data }) => {
      if (data === "failed") return fail();
      if (data.question !== undefined) {
        asked[data.question](data.result);
        delete asked[data.question];
        return;
      }
      if (data !== "ready") return answer(data.answer);
      flags.reader = "browser";
      tell("able");
      due();
    };
  });
})();
