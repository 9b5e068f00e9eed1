// A game, "Ten digits": asks for each digit once, and for the next one as soon as the browser has read
// the right one. The server learns nothing of it; a link challenges a friend to the same order.
(() => {
  if ("game" in flags) return;
  flags.game = "";

  const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
  const SURE = 0.9; // probability from which a digit is accepted
  const PAUSE = 500; // milliseconds after an accepted digit in which the paper takes no stroke
  const CELL = 220; // pixels of the picture for each drawing

  const address = new URLSearchParams(window.location.search);
  /** @type {DigitPad} */
  let pad;
  /** @type {number[]} */
  let order = []; // the digits, as they are asked for
  /** @type {HTMLCanvasElement[]} */
  let drawings = []; // one for each digit so far
  let rival = 0; // seconds of the friend who sent the link; 0 without one
  let seconds = 0; // until the clock last stopped
  /** @type {number | null} */
  let since = null; // when the clock started, milliseconds; null while it stands still
  let ticking = 0; // its interval

  const isOn = () => flags.mode === "ten";
  const isOver = () => drawings.length === order.length;
  const elapsed = () => seconds + (since === null ? 0 : (performance.now() - since) / 1000);
  /** @param {number} time */
  const inSeconds = (time) => `${time.toFixed(1)} s`;

  function shuffled() {
    const digits = [...NAMES.keys()];
    for (let last = 9; last > 0; last--) {
      const other = Math.floor(Math.random() * (last + 1));
      [digits[last], digits[other]] = [digits[other], digits[last]];
    }
    return digits;
  }

  /** @param {number[]} digits */
  function begin(digits) {
    [order, drawings, seconds, since] = [digits, [], 0, null];
    flags.mode = "ten";
    pad.querySelector(".result")?.remove();
    wipe();
    show();
  }

  function end() {
    stopClock();
    delete flags.mode;
    pad.querySelector(".result")?.remove();
    wipe();
  }

  // A stroke under way goes as well: the next digit begins with a new one.
  function wipe() {
    pad.stroke = null;
    pad.reset();
  }

  // There may be two headings: one before Gradio arrives, and Gradio's.
  function show() {
    const digit = order[drawings.length];
    for (const task of document.querySelectorAll(".task")) {
      task.innerHTML = isOver()
        ? "All ten!"
        : `Draw a <b aria-hidden="true">${digit}</b><span class="spoken">${NAMES[digit]}</span>`;
    }
    tick();
  }

  function tick() {
    const friend = rival ? `, your friend took ${inSeconds(rival)}` : "";
    for (const clock of document.querySelectorAll(".clock")) {
      clock.textContent = `${drawings.length} of 10, ${inSeconds(elapsed())}${friend}`;
    }
  }

  function startClock() {
    if (!isOn() || since !== null || isOver()) return;
    since = performance.now();
    ticking = setInterval(tick, 100);
  }

  function stopClock() {
    [seconds, since] = [elapsed(), null];
    clearInterval(ticking);
  }

  function accept() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = CELL;
    const context = /** @type {Context} */ (canvas.getContext("2d"));
    pad.drawOn(context, CELL);
    if (pad.stroke) pad.paint(context, CELL, pad.stroke);
    drawings.push(canvas);
    if (isOver()) stopClock();
    wipe();
    show();
    if (isOver()) return showResult();
    // The rest of this digit must not begin the next one.
    pad.classList.add("right");
    setTimeout(() => pad.classList.remove("right"), PAUSE);
  }

  function showResult() {
    const result = document.createElement("div");
    result.className = "result";
    const best = rival && seconds < rival ? " You beat your friend!" : "";
    result.innerHTML =
      `<p role="status">Ten digits in ${inSeconds(seconds)}.${best}</p><div class="tools">` +
      '<button type="button" name="again">Again</button><button type="button" name="picture">Save picture</button>' +
      '<button type="button" name="challenge">Challenge a friend</button></div>';
    const picture = new Image();
    picture.src = toPicture().toDataURL("image/png");
    picture.alt = "Your ten digits";
    result.querySelector("div").before(picture);
    result.addEventListener("click", (event) => {
      const button = /** @type {HTMLButtonElement} */ (event.target);
      if (button.name === "again") begin(shuffled());
      if (button.name === "picture") savePicture();
      if (button.name === "challenge") challenge(button);
    });
    pad.querySelector(".sheet").append(result);
  }

  function toPicture() {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [5 * CELL, 2 * CELL + 80];
    const context = /** @type {Context} */ (picture.getContext("2d"));
    context.fillStyle = "#4338ca";
    context.fillRect(0, 0, picture.width, picture.height);
    drawings.forEach((drawing, place) => {
      const [column, row] = [order[place] % 5, Math.floor(order[place] / 5)]; // in the order 0 to 9
      context.drawImage(drawing, column * CELL + 4, row * CELL + 4, CELL - 8, CELL - 8);
    });
    context.fillStyle = "#fff";
    context.font = "40px system-ui, sans-serif";
    context.fillText(`Ten digits in ${inSeconds(seconds)}   ${window.location.host}`, 24, 2 * CELL + 54);
    return picture;
  }

  function savePicture() {
    const link = document.createElement("a");
    link.href = toPicture().toDataURL("image/png");
    link.download = "ten-digits.png";
    link.click();
  }

  /** @param {HTMLButtonElement} button */
  async function challenge(button) {
    const link = new URL(window.location.origin + window.location.pathname);
    link.searchParams.set("ten", order.join(""));
    link.searchParams.set("time", seconds.toFixed(1));
    const text = `Ten digits in ${inSeconds(seconds)}. Can you beat it?`;
    const isCopied = await shareLink(link.href, text, "The link to your challenge");
    if (isCopied) button.textContent = "Link copied";
  }

  // What a challenge's link says: ten different digits, and the friend's time; null in other links.
  function challenged() {
    const [digits, time] = [address.get("ten") ?? "", Number(address.get("time"))];
    if (!/^\d{10}$/.test(digits) || new Set(digits).size !== 10) return null;
    return { digits: [...digits].map(Number), time: time > 0 && time < 10000 ? time : 0 };
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.(".play")) return;
    if (isOn()) return end();
    begin(shuffled());
  });
  document.addEventListener("visibilitychange", () => {
    // Nobody draws on a hidden page, so the clock stands still.
    if (document.hidden) stopClock();
    else if (isOn() && (seconds > 0 || drawings.length)) startClock();
  });
  document.addEventListener("digitrec-read", ({ detail: { text, probability } }) => {
    if (isOn() && !isOver() && text === String(order[drawings.length]) && probability >= SURE) accept();
  });
  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "here" && isOn()) show(); // in the heading that has just been laid out
    const asked = detail === "able" && !isOn() && challenged();
    if (!asked) return;
    rival = asked.time;
    begin(asked.digits);
  });
  customElements.whenDefined("digit-pad").then(() => {
    pad = document.querySelector("digit-pad");
    pad?.addEventListener("begin", startClock);
  });
})();
