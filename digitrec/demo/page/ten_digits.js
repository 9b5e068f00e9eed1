// A game, "Ten digits": asks for each digit once, and for the next one when the pen is up and the browser
// has read the right one. The server learns nothing of it; a link challenges a friend to the same order.
(() => {
  const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
  const SURE = 0.9; // probability from which a digit is accepted
  const PENALTY = 50; // tenths of a second for a skipped digit
  const SIGN = 600; // milliseconds in which the paper's edge says that a digit was right
  const DAY = 86_400_000; // milliseconds
  const STORE = "digitrec-ten-digits";
  const BEST = "digitrec-ten-digits-best"; // tenths of a second
  const LINKS = ["s", "d", "ten", "time"]; // what links to a drawing and to a challenge say

  const { inSeconds, total, headline, makePanel } = window.tenDigits;
  const address = new URLSearchParams(window.location.search);
  const friend = challenge(); // who sent the link
  /** @type {DigitPad} */
  let pad;
  /** @type {TenDigits | null} */
  let game = null;
  /** @type {Kept | undefined} */
  let kept; // the drawing before the game, as the pad keeps it; a reload loses it
  /** @type {HTMLElement | null} */
  let panel = null; // the card with the rules, or the result
  let isUnable = false; // this browser cannot read drawings
  /** @type {number | null} */
  let since = null; // when the clock started, milliseconds; null while it stands still
  let ticking = 0; // its interval
  /** @type {number | null} */
  let rightAt = null; // seconds of the digit asked for, from when on it has been read

  const isOn = () => flags.mode === "ten";
  const asked = () => game?.order[game.done.length] ?? null;
  const isOver = () => game !== null && asked() === null;
  // Seconds of the digit that is asked for.
  const elapsed = () => (game?.seconds ?? 0) + (since === null ? 0 : (performance.now() - since) / 1000);
  const inTenths = () => Math.round(10 * (rightAt ?? elapsed()));

  /** @param {() => number} random from 0 to below 1 */
  function shuffled(random) {
    const digits = [...NAMES.keys()];
    for (let last = 9; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [digits[last], digits[other]] = [digits[other], digits[last]];
    }
    return digits;
  }

  /**
   * The order that all visitors share on a day. Source of the random numbers: Mulberry32.
   * @param {number} day since 1970, in UTC
   */
  function orderOf(day) {
    let seed = day;
    return shuffled(() => {
      seed = (seed + 0x6d2b79f5) | 0;
      let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    });
  }

  // A challenge's link has ten different digits and the friend's time; null for other links.
  function challenge() {
    const [digits, time] = [address.get("ten") ?? "", Number(address.get("time"))];
    if (!/^\d{10}$/.test(digits) || new Set(digits).size !== 10) return null;
    return { order: [...digits].map(Number), rival: time > 0 && time < 10000 ? Math.round(10 * time) : 0 };
  }

  function readBest() {
    try {
      return Number(localStorage.getItem(BEST)) || 0;
    } catch {
      return 0; // the storage is switched off
    }
  }

  /** @param {TenDigits["kind"]} kind */
  function begin(kind) {
    const day = Math.floor(Date.now() / DAY);
    const order = kind === "random" ? shuffled(Math.random) : kind === "today" ? orderOf(day) : friend?.order;
    if (!game) kept = pad.keep();
    game = {
      kind,
      day,
      order: order ?? [],
      rival: (kind === "friend" && friend?.rival) || 0,
      best: 0,
      done: [],
      seconds: 0,
      isStarted: false,
      drawing: game?.drawing ?? pad.actions,
      search: game?.search ?? window.location.search,
    };
    // After a reload the page would follow the link instead of continuing the game.
    const link = new URL(window.location.href);
    for (const name of LINKS) link.searchParams.delete(name);
    window.history.replaceState(null, "", link);
    lay(null);
    pad.restoreKept(); // a blank sheet, and no Undo of the digit before
    setClock();
    save();
    show();
  }

  function close() {
    const { drawing, search } = game ?? {};
    game = null;
    setClock();
    lay(null);
    delete flags.mode;
    if (!drawing) return;
    sessionStorage.removeItem(STORE);
    window.history.replaceState(null, "", window.location.pathname + search);
    pad.restoreKept(kept ?? { actions: drawing, undone: [], paper: null });
  }

  function save() {
    try {
      if (game) sessionStorage.setItem(STORE, JSON.stringify({ ...game, seconds: elapsed() }));
    } catch {
      // The storage is full or switched off: only a reload loses the game then.
    }
  }

  // Continue the game that a reload interrupted. The pad has kept the strokes of the digit asked for.
  function resume() {
    try {
      game = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
      if (!game) return;
      if (isOver()) lay(makePanel(game));
      show();
    } catch {
      game = null; // something else was stored
    }
  }

  // There may be two headings: one before Gradio arrives, and Gradio's.
  function show() {
    flags.mode = "ten";
    const digit = asked();
    for (const task of document.querySelectorAll(".task")) {
      if (digit === null) task.textContent = game ? headline(game) : "Ten digits";
      else {
        const name = `<b aria-hidden="true">${digit}</b><span class="spoken">${NAMES[digit]}</span>`;
        task.innerHTML = `Draw ${digit === 8 ? "an" : "a"} ${name}`;
      }
    }
    for (const button of document.querySelectorAll(".skip")) button.hidden = digit === null;
    for (const stop of document.querySelectorAll(".play .stop")) {
      stop.textContent = digit === null ? "Close" : "Stop";
    }
    tick();
  }

  function tick() {
    let text = "";
    if (!game) {
      const best = readBest();
      if (best) text = `Best: ${inSeconds(best)}`;
    } else if (!isOver()) {
      text = `${game.done.length} of 10, ${inSeconds(total(game) + inTenths())}`;
      if (game.rival) text += `, your friend took ${inSeconds(game.rival)}`;
    }
    for (const clock of document.querySelectorAll(".clock")) clock.textContent = text;
  }

  // The clock runs from the first stroke on, while the page is shown and the browser can read.
  function setClock() {
    const runs = game?.isStarted && !isOver() && !document.hidden && flags.reader === "browser";
    if (runs && since === null) {
      since = performance.now();
      ticking = setInterval(tick, 100);
    } else if (!runs && since !== null) {
      if (game) game.seconds = elapsed();
      since = null;
      clearInterval(ticking);
    }
  }

  /** @param {HTMLElement | null} next */
  function lay(next) {
    panel?.remove();
    panel = next;
    if (panel) pad.append(panel);
  }

  // The card with the rules. It also greets who follows a link, and says what it waits for.
  function openCard() {
    const isReady = flags.reader === "browser";
    const disabled = isReady ? "" : " disabled";
    let greeting = "Today's ten: the same order for everyone.";
    if (friend) greeting = "A friend challenges you.";
    if (friend?.rival) greeting = `A friend did it in ${inSeconds(friend.rival)}. Can you?`;
    const other = friend ? 'name="today">Today\'s ten' : 'name="random">Random order';
    const card = document.createElement("div");
    card.className = "ten-card";
    card.innerHTML = isUnable
      ? "<p>The game Ten digits needs a newer browser, one that can read drawings itself.</p>" +
        '<div class="buttons"><button type="button" name="close">Draw a digit instead</button></div>'
      : `<p>${greeting}</p><ul><li>Draw each digit as it is asked for.</li>` +
        "<li>It counts when you lift the pen, if it is read with at least 90&nbsp;%.</li>" +
        `<li>The clock starts with your first stroke. Skipping costs ${PENALTY / 10}&nbsp;s.</li></ul>` +
        `<div class="buttons"><button type="button"${disabled} name="${friend ? "friend" : "today"}">` +
        `${isReady ? "Start" : "Loading…"}</button><button type="button"${disabled} ${other}</button></div>`;
    lay(card);
    show();
  }

  /**
   * Ask for the next digit, or show the result.
   * @param {TenDigits} game
   * @param {DrawnDigit} drawn
   */
  function next(game, drawn) {
    game.done.push(drawn);
    game.isStarted = true; // also where the first digit was skipped
    game.seconds = 0;
    rightAt = null;
    if (since !== null) since = performance.now();
    pad.restoreKept(); // a blank sheet, and no Undo of the digit before
    setClock();
    if (isOver()) {
      game.best = readBest();
      try {
        if (!game.best || total(game) < game.best) localStorage.setItem(BEST, String(total(game)));
      } catch {
        // The storage is switched off.
      }
      lay(makePanel(game));
    }
    save();
    show();
  }

  function accept() {
    if (!game) return;
    next(game, { strokes: pad.visible(), time: inTenths(), penalty: 0 });
    pad.classList.add("right");
    setTimeout(() => pad.classList.remove("right"), SIGN);
  }

  document.addEventListener("digitrec-read", ({ detail: { text, probability, isLast } }) => {
    if (asked() === null) return;
    const isRight = text === String(asked()) && probability >= SURE;
    rightAt = isRight ? (rightAt ?? elapsed()) : null; // a 4 may begin like a 1
    // After all listeners: the answer would otherwise be shown next to the paper that is blank again.
    if (isRight && isLast) queueMicrotask(accept);
  });
  document.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLButtonElement | null} */ (target.closest?.("button"));
    if (button?.matches(".play")) {
      if (isOn()) return close();
      openCard();
      panel?.querySelector("button").focus();
    }
    if (button?.matches(".skip") && game) next(game, { strokes: [], time: inTenths(), penalty: PENALTY });
    if (!button || !panel?.contains(button)) return;
    const { name } = button;
    if (name === "today" || name === "random" || name === "friend") begin(name);
    if (name === "again" && game) begin(game.kind);
    if (name === "close") close();
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && isOn()) close();
  });
  document.addEventListener("visibilitychange", () => {
    setClock();
    save();
  });
  window.addEventListener("pagehide", save);
  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "unable") isUnable = true;
    if (detail === "blank") rightAt = null;
    if (detail === "here" && isOn()) show(); // in the heading that has just been laid out
    if (detail !== "able" && detail !== "unable") return;
    setClock();
    if (isOn() && !isOver() && (isUnable || !game)) openCard();
  });
  customElements.whenDefined("digit-pad").then(() => {
    pad = document.querySelector("digit-pad");
    if (!pad) return;
    pad.addEventListener("begin", () => {
      if (game) game.isStarted = true;
      setClock();
    });
    pad.addEventListener("change", save);
    if (friend || address.get("ten") === "today") openCard();
    else if (!LINKS.some((name) => address.has(name))) resume();
  });
})();
