// The result of a game of ten digits: a picture of the drawings with their times, and ways to keep it
// and to pass it on. Times are whole tenths of a second, so that what is shown adds up.
(() => {
  const DAY = 86_400_000; // milliseconds
  const CELL = 220; // pixels a side of the picture for each drawing; its time is below it
  const ROW = CELL + 64;
  const FOOT = 90;
  const EDGE = 0.08; // of the paper, around a drawing: half a pen, and some space
  const SMALLEST = 0.3; // of the paper; what is smaller is not enlarged further

  /** @param {number} tenths */
  const inSeconds = (tenths) => `${(tenths / 10).toFixed(1)} s`;

  /** @param {TenDigits} game */
  const total = ({ done }) => done.reduce((sum, { time, penalty }) => sum + time + penalty, 0);

  /** @param {TenDigits} game */
  function headline(game) {
    const skipped = game.done.filter(({ penalty }) => penalty).length;
    return `Ten digits in ${inSeconds(total(game))}${skipped ? `, ${skipped} skipped` : ""}`;
  }

  /** @param {TenDigits} game */
  function remark(game) {
    const { best, rival } = game;
    const time = total(game);
    const record = best && time < best ? "New best!" : `Best: ${inSeconds(best ? Math.min(best, time) : time)}.`;
    if (!rival) return record;
    const lead = inSeconds(Math.abs(rival - time));
    if (time < rival) return `${record} You beat your friend by ${lead}!`;
    return `${record} ${time > rival ? `Your friend was ${lead} faster.` : "Your friend was just as fast."}`;
  }

  /** @param {DrawnDigit} drawn */
  const label = ({ time, penalty }) => inSeconds(time) + (penalty ? ` + ${penalty / 10} s` : "");

  /**
   * Redraw strokes in the middle of a cell, as large as they fit.
   * @param {Context} context
   * @param {Stroke[]} strokes
   * @param {number} left
   * @param {number} top
   */
  function drawInCell(context, strokes, left, top) {
    const pad = document.querySelector("digit-pad");
    const points = strokes.filter(({ eraser }) => !eraser).flatMap((stroke) => stroke.points);
    // Only what lay on the paper was seen.
    const [across, down] = [0, 1].map((axis) => {
      const places = points.map((point) => Math.min(1, Math.max(0, point[axis])));
      const [first, last] = [Math.min(...places), Math.max(...places)];
      return { middle: (first + last) / 2, length: last - first };
    });
    const side = CELL / (Math.max(across.length, down.length, SMALLEST) + 2 * EDGE);
    context.save();
    context.beginPath();
    context.rect(left, top, CELL, CELL); // an eraser would reach into the next cell
    context.clip();
    context.translate(left + CELL / 2 - side * across.middle, top + CELL / 2 - side * down.middle);
    for (const stroke of strokes) pad.paint(context, side, stroke);
    context.restore();
  }

  /** @param {TenDigits} game */
  function toPicture(game) {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [5 * CELL, 2 * ROW + FOOT];
    const context = /** @type {Context} */ (picture.getContext("2d"));
    context.fillStyle = "#4338ca";
    context.fillRect(0, 0, picture.width, picture.height);
    context.font = "44px system-ui, sans-serif"; // 12 pixels on the narrowest phone
    game.done.forEach((drawn, place) => {
      const digit = game.order[place];
      const [left, top] = [(digit % 5) * CELL, Math.floor(digit / 5) * ROW];
      context.fillStyle = "#fff";
      context.fillRect(left + 4, top + 4, CELL - 8, CELL - 8);
      context.textAlign = "center";
      if (drawn.strokes.length) drawInCell(context, drawn.strokes, left, top);
      context.fillText(label(drawn), left + CELL / 2, top + CELL + 44, CELL - 8);
      context.fillStyle = "#575a7b";
      if (drawn.penalty) context.fillText("skipped", left + CELL / 2, top + CELL / 2 + 14);
    });
    context.fillStyle = "#fff";
    context.textAlign = "left";
    const words = `${headline(game)}   ${window.location.host}`;
    context.fillText(words, 24, 2 * ROW + 58, picture.width - 48);
    return picture;
  }

  /** @param {TenDigits} game */
  function toLink(game) {
    const link = new URL(window.location.origin + window.location.pathname);
    link.searchParams.set("ten", game.order.join(""));
    link.searchParams.set("time", (total(game) / 10).toFixed(1));
    return link.href;
  }

  /**
   * For chats: a square for each digit in the order asked for, green below 1 s and yellow below 2 s.
   * @param {TenDigits} game
   */
  function toText(game) {
    const squares = game.done.map(({ time, penalty }) => {
      if (penalty) return "⬜";
      return time < 10 ? "🟩" : time < 20 ? "🟨" : "🟥";
    });
    let [title, link] = ["digitrec ten digits", toLink(game)];
    if (game.kind === "today") {
      /** @type {Intl.DateTimeFormatOptions} */
      const options = { day: "numeric", month: "long", timeZone: "UTC" };
      title += `, ${new Date(game.day * DAY).toLocaleDateString("en-GB", options)}`;
      link = `${window.location.origin}${window.location.pathname}?ten=today`;
    }
    return `${title}: ${inSeconds(total(game))}\n${squares.join("")}\n${link}`;
  }

  /** @param {TenDigits} game */
  async function copyText(game) {
    try {
      await navigator.clipboard.writeText(toText(game));
      return true;
    } catch {
      window.prompt("Your result", toText(game)); // without permission to copy, the visitor does it
      return false;
    }
  }

  /** @param {TenDigits} game */
  function makePanel(game) {
    const panel = document.createElement("div");
    panel.className = "ten-result";
    panel.innerHTML =
      `<p>${remark(game)}</p><img alt=""><div class="buttons">` +
      '<button type="button" name="again">Again</button>' +
      '<button type="button" name="challenge">Challenge a friend</button>' +
      '<button type="button" name="copy">Copy result</button>' +
      '<button type="button" name="picture">Save picture</button>' +
      '<button type="button" name="share" hidden>Share picture</button></div>';
    const image = /** @type {HTMLImageElement} */ (panel.querySelector("img"));
    const times = [...game.done.keys()].map((place) => `${game.order[place]}: ${label(game.done[place])}`);
    image.alt = `Your ten digits. ${times.join(", ")}`;
    /** @type {File} */
    let file;
    toPicture(game).toBlob((blob) => {
      if (!blob) return;
      file = new File([blob], "ten-digits.png", { type: "image/png" });
      image.src = URL.createObjectURL(file);
      panel.querySelector("[name=share]").hidden = !navigator.canShare?.({ files: [file] });
    });
    panel.addEventListener("click", async ({ target }) => {
      const button = /** @type {HTMLButtonElement} */ (target);
      if (button.name === "copy" && (await copyText(game))) button.textContent = "Result copied";
      if (button.name === "share") navigator.share({ files: [file] }).catch(() => {}); // it was closed
      if (button.name === "picture") saveFile(image.src, file.name);
      if (button.name === "challenge") {
        const text = `${headline(game)}. Can you beat it?`;
        const isCopied = await shareLink(toLink(game), text, "The link to your challenge");
        if (isCopied) button.textContent = "Link copied";
      }
    });
    return panel;
  }

  window.tenDigits = { inSeconds, total, headline, makePanel };
})();
