// The pad: a sheet of white paper that keeps a list of strokes. It needs nothing else of the page and
// runs before the rest has arrived, so that a visitor can draw while the network is slow.
(() => {
  const SIDE = 400; // pixels a side of the picture that is read
  const PEN = 24 / SIDE; // for a digit 300 pixels high, as thick as MNIST's pen
  const THIN_PEN = PEN / 2; // for numbers of many digits
  const ERASER = 56 / SIDE;
  const BESIDE = 32; // CSS pixels around the paper in which a stroke may begin
  const TAP = { time: 300, reach: 0.02 }; // at most: milliseconds, and the share of the side it moves
  const PINCH = { time: 400, reach: 0.05 }; // the same of the first finger, when the second one comes
  const FAINT = 128; // grey from which nothing is seen of what was rubbed out
  const STORE = "digitrec-drawing";

  // Name, word, key and icon of each button.
  const TOOLS = [
    ["undo", "Undo", "Ctrl+Z", "M8 5 4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3"],
    ["redo", "Redo", "Ctrl+Shift+Z", "m16 5 4 4-4 4M20 9H10a5 5 0 0 0 0 10h3"],
    ["clear", "Clear", "Delete", "M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5"],
    ["eraser", "Eraser", "E", "m4 15 9-10 7 6-8 9H8zM9 10l7 6M12 20h8"],
    ["thin", "Thin pen", "T", "m5 19 1-5L16 4l4 4L10 18zM14 6l4 4"],
    // While a photo is shown.
    ["back", "Drawing", "", "M11 6 5 12l6 6M5 12h14"],
    ["turn", "Turn", "", "M19 5v5h-5M19 10a7.5 7.5 0 1 0 .5 5"],
  ];
  const OF_PHOTOS = ["back", "turn"];
  const KEYS = /** @type {Record<string, string>} */ ({
    "ctrl+z": "undo", "ctrl+shift+z": "redo", "ctrl+y": "redo",
    delete: "clear", backspace: "clear", e: "eraser", t: "thin",
  });

  /** @implements {DigitPad} */
  class Pad extends HTMLElement {
    /** @type {(Stroke | Clear)[]} */
    actions = [];
    /** @type {(Stroke | Clear)[]} */
    undone = [];
    /** @type {HTMLImageElement | null} */
    paper = null; // the picture of an earlier kind of link, below the strokes
    /** @type {Stroke | null} */
    stroke = null; // the one under way
    erasing = false;
    isThin = false; // the pen
    isShowing = false; // a photo, over the paper
    /** @type {HTMLCanvasElement} */
    canvas;
    /** @type {Context} */
    context;
    /** @type {HTMLImageElement} */
    picture;
    /** @type {DOMRect} */
    box; // of the canvas
    /** @type {PointerEvent} */
    down; // what the last stroke began with
    lifted = 0; // when the last stroke ended, milliseconds
    /** @type {HTMLCanvasElement | undefined} */
    copy;

    connectedCallback() {
      if (this.canvas) return; // it was moved within the page
      this.innerHTML = `
        <div class="sheet">
          <canvas role="img" aria-label="Paper to draw a digit on; it needs a mouse, a pen or a finger"></canvas>
          <img class="photo" alt="The picture that is read" hidden>
          <p class="unseen" hidden>Your browser cannot show this kind of picture. The server reads it all the same.</p>
          <svg class="ghost" viewBox="0 0 100 100" aria-hidden="true">
            <path pathLength="1" d="M33 34 C36 20 64 19 64 36 C64 52 38 62 33 78 L68 78"/>
          </svg>
        </div>
        <div class="tools" role="group" aria-label="Drawing">
          ${TOOLS.map(toButton).join("")}
        </div>`;
      this.canvas = this.querySelector("canvas");
      this.context = /** @type {Context} */ (this.canvas.getContext("2d"));
      this.picture = this.querySelector(".photo");
      this.picture.addEventListener("error", () => this.setSeen(false));
      document.addEventListener("pointerdown", (event) => this.begin(event));
      // On the window: a stroke continues outside the paper, and while the pad is moved.
      window.addEventListener("pointermove", (event) => this.move(event));
      window.addEventListener("pointerup", (event) => this.end(event));
      window.addEventListener("pointercancel", (event) => this.end(event));
      // A stroke that begins beside the paper must not scroll, select text or drag a picture.
      for (const name of ["touchstart", "selectstart", "dragstart"]) {
        document.addEventListener(name, (event) => this.stroke && event.preventDefault(), { passive: false });
      }
      document.addEventListener("keydown", (event) => this.press(event));
      for (const button of this.querySelectorAll("button")) {
        const name = /** @type {"undo" | "redo" | "clear" | "eraser" | "thin" | "back" | "turn"} */ (button.name);
        button.addEventListener("click", () => this[name]());
      }
      new ResizeObserver(() => this.fit()).observe(this.canvas);
      this.restore();
      this.fit();
    }

    get isEmpty() {
      return this.visible().length === 0 && !this.shownPaper();
    }

    // Empty, and no stroke is under way.
    get isBlank() {
      return this.isEmpty && !this.stroke;
    }

    // The strokes since the last "clear".
    visible() {
      const first = this.actions.findLastIndex((action) => action.clear) + 1;
      return /** @type {Stroke[]} */ (this.actions.slice(first));
    }

    shownPaper() {
      return this.actions.some((action) => action.clear) ? null : this.paper;
    }

    /** @param {PointerEvent} event */
    begin(event) {
      if (this.stroke) return this.pinch(event, this.stroke);
      if (!event.isPrimary || event.button !== 0 || !this.isAimedAt(event)) return;
      event.preventDefault();
      this.canvas.setPointerCapture(event.pointerId);
      this.down = event;
      this.box = this.canvas.getBoundingClientRect();
      const pause = Math.round(event.timeStamp - this.lifted);
      this.stroke = { eraser: this.erasing, points: [this.place(event)], pause };
      if (this.isThin && !this.erasing) this.stroke.thin = true;
      this.paint(this.context, this.canvas.width, this.stroke);
      this.classList.add("touched");
      document.documentElement.classList.add("drawing");
      this.dispatchEvent(new Event("begin"));
    }

    /**
     * Whether a press is on the paper, or beside it with nothing in the way.
     * @param {PointerEvent} event
     */
    isAimedAt({ target, clientX: x, clientY: y }) {
      if (target === this.canvas) return true;
      if (target.closest(".sheet, a, button, input, label, select, summary, textarea")) return false;
      const { left, top, right, bottom } = this.canvas.getBoundingClientRect();
      const isNear = x > left - BESIDE && x < right + BESIDE && y > top - BESIDE && y < bottom + BESIDE;
      // A photo or a game's result may lie over the paper. The paper's corners are round.
      /** @type {(value: number, low: number, high: number) => number} */
      const within = (value, low, high) => Math.max(low + BESIDE, Math.min(value, high - BESIDE));
      const entered = () => document.elementFromPoint(within(x, left, right), within(y, top, bottom));
      return isNear && entered() === this.canvas;
    }

    /**
     * Drop a stroke that was the first finger of a pinch. Later fingers change nothing.
     * @param {PointerEvent} event
     * @param {Stroke} stroke
     */
    pinch(event, stroke) {
      const isFinger = !event.isPrimary && event.pointerType === this.down.pointerType;
      if (!isFinger || !this.isBrief(stroke, event, PINCH)) return;
      this.stroke = null;
      this.changed();
    }

    /**
     * Whether a stroke is short, and began shortly before an event.
     * @param {Stroke} stroke
     * @param {PointerEvent} event
     * @param {{ time: number, reach: number }} most
     */
    isBrief({ points }, event, { time, reach }) {
      const [[x, y]] = points;
      return event.timeStamp - this.down.timeStamp <= time && points.every(([u, v]) => Math.hypot(u - x, v - y) < reach);
    }

    /** @param {PointerEvent} event */
    move(event) {
      if (!this.stroke || event.pointerId !== this.down.pointerId) return;
      const events = event.getCoalescedEvents?.() ?? [];
      const { points } = this.stroke;
      const from = points.length - 1;
      for (const each of events.length ? events : [event]) points.push(this.place(each));
      this.paint(this.context, this.canvas.width, this.stroke, from);
      this.dispatchEvent(new Event("move"));
    }

    /** @param {PointerEvent} event */
    end(event) {
      if (event.pointerId !== this.down?.pointerId) return;
      document.documentElement.classList.remove("drawing");
      const { stroke } = this;
      if (!stroke) return;
      stroke.time = Math.round(event.timeStamp - this.down.timeStamp);
      this.lifted = event.timeStamp;
      const isRubbedOut = stroke.eraser && this.toPixels().data.every((value) => value >= FAINT);
      this.stroke = null;
      if (!isSeen(stroke) || this.isTaken(stroke, event)) this.changed();
      else this.act(isRubbedOut ? { clear: true } : stroke);
    }

    /**
     * Whether a stroke is a tap that another script takes for its own.
     * @param {Stroke} stroke
     * @param {PointerEvent} event
     */
    isTaken(stroke, event) {
      if (event.type !== "pointerup" || stroke.eraser || !this.isBrief(stroke, event, TAP)) return false;
      const detail = { point: stroke.points[0] };
      return !this.dispatchEvent(new CustomEvent("tap", { cancelable: true, detail }));
    }

    /** @param {PointerEvent} event @returns {Point} */
    place(event) {
      const { left, top, width, height } = this.box;
      return [(event.clientX - left) / width, (event.clientY - top) / height];
    }

    /** @param {KeyboardEvent} event */
    press(event) {
      const held = (event.ctrlKey || event.metaKey ? "ctrl+" : "") + (event.shiftKey ? "shift+" : "");
      const name = KEYS[held + event.key.toLowerCase()];
      const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
      if (!name || isTyping || event.altKey || this.isShowing) return;
      event.preventDefault();
      this.querySelector(`[name=${name}]`).click(); // which does nothing where it is disabled
    }

    /** @param {Stroke | Clear} action */
    act(action) {
      this.actions.push(action);
      this.undone = [];
      this.changed();
    }

    undo() {
      if (!this.actions.length || this.stroke) return;
      this.undone.push(...this.actions.splice(-1));
      this.changed();
    }

    redo() {
      if (!this.undone.length || this.stroke) return;
      this.actions.push(...this.undone.splice(-1));
      this.changed();
    }

    clear() {
      if (this.isEmpty || this.stroke) return;
      this.act({ clear: true });
    }

    eraser(erasing = !this.erasing) {
      this.erasing = erasing;
      this.querySelector("[name=eraser]").setAttribute("aria-pressed", String(erasing));
    }

    thin(isThin = !this.isThin) {
      this.isThin = isThin;
      this.querySelector("[name=thin]").setAttribute("aria-pressed", String(isThin));
      this.eraser(false);
    }

    /**
     * Lay a picture that is to be read over the paper, until the visitor goes back to drawing.
     * @param {string} address
     */
    show(address) {
      this.dispatchEvent(new Event("begin"));
      this.hide();
      this.picture.src = address;
      this.setSeen(true);
      this.isShowing = true;
      this.classList.add("showing", "touched");
      this.draw();
    }

    /** @param {boolean} isSeen whether the browser can show the picture */
    setSeen(isSeen) {
      this.picture.hidden = !isSeen;
      this.querySelector(".unseen").hidden = isSeen;
      this.querySelector("[name=turn]").toggleAttribute("disabled", !isSeen);
    }

    // Ask for the same picture, turned.
    turn() {
      this.dispatchEvent(new Event("turn"));
    }

    back() {
      this.hide();
      this.dispatchEvent(new Event("change"));
    }

    hide() {
      if (!this.isShowing) return;
      URL.revokeObjectURL(this.picture.src);
      this.isShowing = false;
      this.setSeen(true);
      this.picture.hidden = true;
      this.classList.remove("showing");
    }

    // The pen's width in the drawing, as a share of the paper's side.
    get pen() {
      return width({ thin: this.visible().every(({ eraser, thin }) => eraser || thin) });
    }

    /**
     * Lay a picture below all strokes, also those that were drawn while it loaded.
     * @param {HTMLImageElement} picture
     */
    setPaper(picture) {
      this.paper = picture;
      this.changed();
    }

    /**
     * Begin another drawing; Undo brings the present one back.
     * @param {(Stroke | Clear)[]} actions
     */
    setActions(actions) {
      /** @type {Clear[]} */
      const clear = this.isEmpty ? [] : [{ clear: true }];
      this.actions = [...this.actions, ...clear, ...actions];
      this.undone = [];
      this.changed();
    }

    reset() {
      this.setActions([]);
    }

    // All that a visitor has drawn, for `restoreKept`.
    keep() {
      return { actions: [...this.actions], undone: [...this.undone], paper: this.paper };
    }

    /**
     * Bring back what was kept, or a blank sheet. Undo does not undo it.
     * @param {Kept} kept
     */
    restoreKept({ actions, undone, paper } = { actions: [], undone: [], paper: null }) {
      this.stroke = null;
      [this.actions, this.undone, this.paper] = [[...actions], [...undone], paper];
      this.changed();
    }

    changed() {
      this.hide();
      if (this.isEmpty) this.eraser(false);
      this.draw();
      this.store();
      this.dispatchEvent(new Event("change"));
    }

    // Give the canvas as many pixels as the screen has.
    fit() {
      const { width } = this.canvas.getBoundingClientRect();
      const side = Math.round(width * window.devicePixelRatio);
      if (side && side !== this.canvas.width) this.canvas.width = this.canvas.height = side;
      this.draw();
    }

    draw() {
      this.box = this.canvas.getBoundingClientRect();
      this.drawOn(this.context, this.canvas.width);
      if (this.stroke) this.paint(this.context, this.canvas.width, this.stroke);
      /** @type {(name: string, isDisabled: boolean) => void} */
      const disable = (name, isDisabled) =>
        this.querySelector(`[name=${name}]`).toggleAttribute("disabled", isDisabled);
      disable("undo", !this.actions.length);
      disable("redo", !this.undone.length);
      disable("clear", this.isEmpty);
      disable("eraser", this.isEmpty);
    }

    /**
     * Draw the paper and all strokes but one under way.
     * @param {Context} context
     * @param {number} side
     */
    drawOn(context, side) {
      context.fillStyle = "#fff";
      context.fillRect(0, 0, side, side);
      const paper = this.shownPaper();
      if (paper) context.drawImage(paper, 0, 0, side, side);
      for (const stroke of this.visible()) this.paint(context, side, stroke);
    }

    /**
     * Draw a stroke, or what follows its point `from`. The curve goes through the middles between
     * points, so that it has no corners.
     * @param {Context} context
     * @param {number} side
     * @param {Stroke} stroke
     */
    paint(context, side, stroke, from = 0) {
      const { eraser, points } = stroke;
      /** @type {(index: number) => Point} */
      const at = (index) => [points[index][0] * side, points[index][1] * side];
      /** @type {(index: number) => Point} */
      const middle = (index) => {
        const [[x, y], [u, v]] = [at(index), at(index + 1)];
        return [(x + u) / 2, (y + v) / 2];
      };
      context.fillStyle = context.strokeStyle = eraser ? "#fff" : "#000";
      context.lineWidth = side * width(stroke);
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      if (points.every(([x, y]) => x === points[0][0] && y === points[0][1])) {
        context.arc(...at(0), context.lineWidth / 2, 0, 2 * Math.PI); // a line without length is not drawn
        return context.fill();
      }
      context.moveTo(...(from > 0 ? middle(from - 1) : at(0)));
      for (let index = Math.max(from, 1); index < points.length - 1; index++) {
        context.quadraticCurveTo(...at(index), ...middle(index));
      }
      context.lineTo(...at(points.length - 1));
      context.stroke();
    }

    // The drawing as a PNG, SIDE pixels a side on every screen.
    toDataURL() {
      return this.toCanvas().toDataURL("image/png");
    }

    toCanvas() {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = SIDE;
      this.drawOn(/** @type {Context} */ (canvas.getContext("2d")), SIDE);
      return canvas;
    }

    // The same picture as RGBA pixels, with the stroke under way.
    toPixels() {
      this.copy ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      const options = { willReadFrequently: true };
      const context = /** @type {Context} */ (this.copy.getContext("2d", options));
      this.drawOn(context, SIDE);
      if (this.stroke) this.paint(context, SIDE, this.stroke);
      return context.getImageData(0, 0, SIDE, SIDE);
    }

    store() {
      try {
        const actions = this.actions.map(({ points, ...rest }) => ({
          ...rest,
          points: points?.map((point) => point.map((share) => Math.round(1e4 * share) / 1e4)),
        }));
        const link = window.location.search;
        sessionStorage.setItem(STORE, JSON.stringify({ link, actions }));
      } catch {
        // The storage is full or switched off: only a reload loses the drawing then.
      }
    }

    restore() {
      try {
        const stored = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
        if (stored?.link !== window.location.search) return;
        this.actions = stored.actions;
        this.toCanvas(); // throws where something else was stored
        if (!this.isEmpty) this.classList.add("touched");
      } catch {
        this.actions = [];
      }
    }

    // The strokes as a part of a link; "" where that is too long.
    toCode() {
      return this.shownPaper() ? "" : drawingCode.encode(this.visible());
    }
  }

  /** @param {string[]} tool */
  function toButton([name, word, key, path]) {
    const pressed = name === "eraser" || name === "thin" ? ' aria-pressed="false"' : "";
    return `
          <button type="button" name="${name}" class="of-${OF_PHOTOS.includes(name) ? "photo" : "drawing"}"
            title="${key ? `${word} (${key})` : word}"${pressed}>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>
            ${word}
          </button>`;
  }

  // As a share of the side.
  /** @param {{ eraser?: boolean, thin?: boolean }} stroke */
  const width = ({ eraser, thin }) => (eraser ? ERASER : thin ? THIN_PEN : PEN);

  /**
   * Whether some of a stroke lies on the paper, and not all beside it.
   * @param {Stroke} stroke
   */
  function isSeen(stroke) {
    const radius = width(stroke) / 2;
    return [0, 1].every((axis) => {
      const places = stroke.points.map((point) => point[axis]);
      return Math.min(...places) < 1 + radius && Math.max(...places) > -radius;
    });
  }

  customElements.define("digit-pad", Pad);
})();
