// <digit-answer>: what is read in the drawing or the photo. Every part of it has its place from the
// start, so that nothing moves while one draws. Nothing else on the page knows how an answer looks.
(() => {
  const SURE = 0.8; // below this probability the answer is grey
  const SMALL = 0.15; // of the paper's side; smaller ink is hard to read
  const THICK = 0.2; // of the digits' height; a thicker pen fills them
  const REST = 600; // milliseconds that the pen rests before something is said not to be a digit
  const DIGITS = [..."0123456789"];
  const ICONS = {
    share: "M12 15V4M8 7.5 12 4l4 3.5M6 11v9h12v-9",
    save: "M12 4v11M8 11.5l4 3.5 4-3.5M5 20h14",
    inside: "M3 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0M15 5.5a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M15 18.5a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M8.4 10.2l7-3.4M8.4 13.8l7 3.4",
    why: "M9.5 9a2.6 2.6 0 1 1 4 2.2c-1 .7-1.5 1.3-1.5 2.6M12 17.5v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  };
  /** @type {(name: keyof typeof ICONS, word: string, more?: string) => string} */
  const action = (name, word, more = "") =>
    `<button type="button" name="${name}" disabled${more}><svg class="icon" viewBox="0 0 24 24" aria-hidden="true">` +
    `<path d="${ICONS[name]}"/></svg><span>${word}</span></button>`;

  /** @implements {DigitAnswer} */
  class AnswerElement extends HTMLElement {
    /** @type {Answer | null} */
    answer = null; // null: the paper is blank
    openDigit = 0;
    tapped = 0; // the digit of the drawing that was tapped, from 0
    isSettled = true; // false while the pen is moving
    isPhoto = false;
    isRead = false; // by the browser: what the server answers belongs to an earlier drawing
    /** @type {number | undefined} */
    timer;
    /** @type {HTMLElement | undefined} */
    boxes; // the frames over a photo's digits
    /** @type {DigitAnswer["remark"]} */
    remark = (words) => words;

    connectedCallback() {
      if (this.firstChild) return; // it was moved within the page
      const bars = DIGITS.map(() => '<li><span class="bar"><span></span></span><b></b></li>');
      this.innerHTML = `
        <div class="answer blank">
          <div class="numeral"></div>
          <div class="verdict">
            <p class="status" role="status"></p><p class="said"></p><p class="hint"></p>
          </div>
          <ol class="bars" aria-hidden="true">${bars.join("")}</ol>
          <ol class="best" aria-hidden="true"></ol>
          <figure class="seen">
            <canvas width="28" height="28"></canvas><figcaption>What the network sees</figcaption>
          </figure>
          <p class="spoken" aria-live="polite"></p>
        </div>
        <div class="actions">
          ${action("share", "Share")}
          ${action("save", "Save")}
          ${action("why", "Show why", ' aria-pressed="false"')}
          ${action("inside", "Look inside", ' aria-pressed="false"')}
        </div>`;
      this.addEventListener("click", ({ target }) => {
        const chosen = target.closest(".numeral button");
        if (chosen?.parentElement) this.open([...chosen.parentElement.children].indexOf(chosen));
      });
      document.addEventListener("digitrec", ({ detail }) => {
        if (detail === "ask") this.isRead = false;
        // The answer to the drawing goes as soon as a photo is shown.
        if (detail === "blank" || (detail === "reading" && this.pad.isShowing)) this.show(null);
      });
      // While the pen moves, "not last", nothing is announced and nothing is refused.
      document.addEventListener("digitrec-read", ({ detail: { isLast, ...answer } }) => {
        this.isRead = true;
        this.show(answer, isLast);
        if (isLast) tell("answered");
      });
      customElements.whenDefined("digit-pad").then(() => {
        this.pad?.addEventListener("tap", (event) => this.tap(/** @type {CustomEvent} */ (event)));
      });
      this.show(null);
    }

    // What the network tells apart; the page's head says it of models with other classes than digits.
    /** @type {string[]} */
    classes = JSON.parse(document.querySelector("meta[name=classes]")?.getAttribute("content") ?? "null") ?? DIGITS;

    get pad() {
      return document.querySelector("digit-pad");
    }

    /**
     * Take an answer of the server, unless it belongs to something that is no longer shown.
     * @param {Answer | null} answer
     * @param {boolean} isPhoto
     */
    take(answer, isPhoto) {
      if (isPhoto !== this.pad.isShowing || (!isPhoto && (this.isRead || this.pad.isBlank))) return;
      this.show(answer, true);
    }

    /**
     * @param {Answer | null} answer null where there is nothing to read
     * @param {boolean} isLast whether it is the answer to all that is drawn
     */
    show(answer, isLast = true) {
      clearTimeout(this.timer);
      this.isPhoto = Boolean(this.pad?.isShowing);
      this.openDigit = this.tapped < (answer?.digits.length ?? 0) ? this.tapped : 0;
      if (isLast) this.tapped = 0;
      this.isSettled = isLast;
      this.answer = answer?.reason === "blank" && !this.isPhoto ? null : answer;
      this.layOut();
      // A drawing that is not a digit may still become one.
      const isClear = this.isPhoto || !this.answer || this.answer.is_number;
      this.say(isClear);
      if (!isLast) return;
      if (!isClear) this.timer = setTimeout(() => this.say(true), REST);
      tell("open");
    }

    /** @param {boolean} isClear whether there is something to say already */
    say(isClear) {
      const [said, hint, spoken] = this.answer && isClear ? this.remark(this.words, this.answer) : ["", "", ""];
      const texts = { said, hint, ...(this.isSettled && { spoken }) };
      for (const [name, text] of Object.entries(texts)) {
        const place = this.querySelector(`.${name}`);
        if (place.textContent !== text) place.textContent = text;
      }
    }

    /** @returns {Words} */
    get words() {
      return this.answer ? words(this.answer, this.isPhoto, this.classes) : ["", "", ""];
    }

    layOut() {
      const { answer } = this;
      const isNumber = Boolean(answer?.is_number);
      const kinds = ["answer"];
      if (!answer) kinds.push("blank");
      else if (!isNumber) kinds.push("none");
      else if (answer.probability < SURE) kinds.push("unsure");
      this.querySelector(".answer").className = kinds.join(" ");
      this.querySelector(".said").classList.toggle("long", Boolean(answer?.message));
      const text = answer?.text ?? "";
      const numeral = this.querySelector(".numeral");
      numeral.style.setProperty("--count", String(text.length || 1));
      const digits = answer?.digits ?? [];
      const shown = text && digits.length > 1 ? digits.map(button).join("") : '<span aria-hidden="true"></span>';
      if (numeral.innerHTML !== shown) numeral.innerHTML = shown;
      if (digits.length < 2 || !text) numeral.children[0].textContent = text || "?";
      this.showDigit();
      for (const name of ["share", "save", "why"]) {
        const isOff = name === "why" ? !isNumber : !answer;
        this.querySelector(`[name=${name}]`).toggleAttribute("disabled", isOff);
      }
      this.frame();
    }

    /** @param {number} place of the digit to show, from 0 */
    open(place) {
      this.openDigit = place;
      this.showDigit();
      tell("open");
    }

    // Of several digits, one shows its bars and what the network saw of it.
    showDigit() {
      const { answer, openDigit: place } = this;
      const digit = answer?.digits[place];
      const { classes } = this;
      const probabilities = digit?.probabilities ?? classes.map(() => 0);
      const best = digit ? top(digit) : [];
      // Ten bars: all classes, or of many the most probable.
      const shown = classes.length > DIGITS.length && digit ? top(digit, DIGITS.length) : [...classes.keys()];
      this.querySelectorAll(".bars li").forEach((bar, place) => {
        const at = shown[place] ?? -1;
        bar.hidden = at < 0;
        bar.style.setProperty("--share", (probabilities[at] ?? 0).toFixed(4));
        bar.classList.toggle("first", at === best[0]);
        bar.querySelector("b").textContent = classes[at] ?? "";
      });
      const lines = answer?.is_number ? best : [];
      this.querySelector(".best").replaceChildren(...lines.map((at) => {
        const [line, name] = [document.createElement("li"), document.createElement("b")];
        name.textContent = classes[at];
        line.append(name, ` ${percent(probabilities[at])}`);
        return line;
      }));
      paint(this.querySelector("canvas"), digit?.image);
      this.querySelectorAll(".numeral button").forEach((one, at) => { one.ariaPressed = String(at === place); });
      this.boxes?.querySelectorAll("span").forEach((one, at) => one.classList.toggle("open", at === place));
    }

    // A tap on a digit of one's own number opens it, and leaves no dot.
    /** @param {CustomEvent<{ point: Point }>} event */
    tap(event) {
      const { answer, isPhoto } = this;
      if (!answer?.is_number || isPhoto || answer.digits.length < 2) return;
      const [x, y] = event.detail.point.map((share, axis) => share * answer.size[axis]);
      const place = answer.digits.findIndex(
        ({ box: [left, top, right, bottom] }) => left <= x && x <= right && top <= y && y <= bottom,
      );
      if (place < 0) return;
      event.preventDefault();
      this.tapped = place; // the pad has the drawing read again, without the dot
      this.open(place);
    }

    // Put a frame over each digit of a photo.
    frame() {
      this.boxes?.remove();
      this.boxes = undefined;
      const { answer, isPhoto, pad } = this;
      if (!isPhoto || !answer?.is_number) return;
      const places = answer.digits.map(({ box }) => box);
      const boxes = coverPicture(answer.size, places, () => document.createElement("span"));
      boxes.className = "boxes";
      boxes.ariaHidden = "true";
      boxes.addEventListener("click", ({ target }) => {
        const place = [...boxes.children].indexOf(target);
        if (place >= 0) this.open(place);
      });
      pad.querySelector(".sheet").append(boxes);
      this.boxes = boxes;
      boxes.children[this.openDigit]?.classList.add("open");
    }
  }

  /**
   * A tenth of a per cent, rounded down: shares add up to 100 at most, and nothing is certain.
   * @param {number} probability
   */
  function percent(probability) {
    const tenths = Math.min(999, Math.floor(1000 * probability + 1e-6));
    return tenths ? `${(tenths / 10).toFixed(1)} %` : "less than 0.1 %";
  }

  /** @param {number} probability */
  const aloud = (probability) => percent(probability).replace(" %", " per cent");

  /** @param {string | number} digit */
  const article = (digit) => (String(digit) === "8" ? "an 8" : `a ${digit}`);

  Object.assign(window, { percent, article, paintDigit: paint }); // for what is fetched later

  /** @type {(digit: AnswerDigit, place: number, digits: AnswerDigit[]) => string} */
  const button = ({ digit, probabilities }, place, digits) =>
    `<button type="button" aria-pressed="${!place}" aria-label="Digit ${place + 1} of ${digits.length}: ` +
    `${digit}, ${aloud(Math.max(...probabilities))}">${digit}</button>`;

  /**
   * Say an answer: a sentence, what to do or to know beside, and both for screen readers.
   * @param {Answer} answer
   * @param {boolean} isPhoto
   * @param {string[]} classes
   * @returns {Words}
   */
  function words(answer, isPhoto, classes) {
    const { text, digits, probability, readings } = answer;
    const isDigits = classes.join() === DIGITS.join();
    /** @type {(digit: AnswerDigit) => string[]} */
    const names = (digit) => top(digit).map((at) => classes[at]);
    /** @type {(said: string, hint?: string) => Words} */
    const both = (said, hint = "") => [said, hint, hint ? `${said}. ${hint}.` : said];
    if (answer.message) return both(answer.message);
    if (answer.is_number) {
      const word = probability < SURE ? "Perhaps" : "Looks like";
      if (digits.length === 1) {
        const others = names(digits[0]).slice(1).join(", ");
        const what = isDigits ? article(text) : text;
        return [`${word} ${what}`, "", `${word} ${what}, ${aloud(probability)}; then ${others}`];
      }
      const whole = "for the whole number";
      return [
        `${word} ${text}`,
        `${percent(probability)} ${whole}`,
        `${word} ${[...text].join(" ")}, ${aloud(probability)} ${whole}`,
      ];
    }
    switch (answer.reason) {
      case "blank":
        return both(isDigits ? "No digit found" : "Nothing found");
      case "several_rows": {
        const rows = `${readings.length === 2 ? "Two" : "Several"} rows of digits`;
        const each = `Row by row: ${readings.join(", ")}`;
        return both(rows, isPhoto ? each : `${each}. Write one row at a time`);
      }
      case "too_many_digits":
        return both("More than twelve digits", `Closest: ${answer.best_reading}`);
      case "not_a_digit": {
        const closest = `Closest: ${names(digits[0]).join(", ")}`;
        if (isPhoto) return both(isDigits ? "No digit found" : "Nothing found", closest);
        const known = isDigits ? "a digit" : "anything it learned";
        return both(`That does not look like ${known}`, advice(answer) ?? closest);
      }
      default:
        return both(
          "That does not look like a number",
          (isPhoto ? null : advice(answer)) ?? `Closest: ${answer.best_reading}`,
        );
    }
  }

  /** @type {(digit: AnswerDigit, count?: number) => number[]} */
  const top = ({ probabilities }, count = 3) =>
    [...probabilities.keys()].sort((one, other) => probabilities[other] - probabilities[one]).slice(0, count);

  /**
   * What a visitor could do so that a drawing is read.
   * @param {Answer} answer
   */
  function advice({ digits, size: [side] }) {
    const [lefts, tops, rights, bottoms] = [0, 1, 2, 3].map((edge) => digits.map(({ box }) => box[edge]));
    const width = Math.max(...rights) - Math.min(...lefts);
    const height = Math.max(...bottoms) - Math.min(...tops);
    if (Math.max(width, height) < SMALL * side) return "Draw larger";
    const isThick = document.querySelector("digit-pad").pen * side > THICK * height;
    return isThick && width > 2 * height ? "Try the thin pen" : null;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number[][] | undefined} image 28x28 greys
   */
  function paint(canvas, image) {
    const context = /** @type {Context} */ (canvas.getContext("2d"));
    const pixels = context.createImageData(28, 28);
    const greys = new Uint32Array(pixels.data.buffer);
    if (image) greys.set(image.flat().map((grey) => 0xff000000 + grey * 0x010101));
    context.putImageData(pixels, 0, 0);
  }

  customElements.define("digit-answer", AnswerElement);
})();
