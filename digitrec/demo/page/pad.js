// The pad: a sheet of white paper that keeps a list of strokes. It needs nothing else of the page and
// runs before the rest has arrived, so that a visitor can draw while the network is slow.
(() => {
  if (customElements.get("digit-pad")) return;

  const SIDE = 400; // pixels a side of the picture that is read
  const PEN = 24 / SIDE; // for a digit 300 pixels high, as thick as MNIST's pen
  const ERASER = 56 / SIDE;
  const STORE = "digitrec-drawing";
  const LONGEST_CODE = 1900; // characters; all browsers and chat programs accept links of 2 KB

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
    openDigit = 0;
    /** @type {HTMLCanvasElement} */
    canvas;
    /** @type {Context} */
    context;
    /** @type {HTMLImageElement} */
    picture;
    /** @type {DOMRect} */
    box; // of the canvas
    pointer = 0; // of the stroke under way
    /** @type {HTMLCanvasElement | undefined} */
    copy;

    connectedCallback() {
      if (this.canvas) return; // it was moved within the page
      this.innerHTML = `
        <div class="sheet">
          <canvas role="img" aria-label="Paper to draw a digit on; it needs a mouse, a pen or a finger"></canvas>
          <img class="photo" alt="The picture that is read" hidden>
          <svg class="ghost" viewBox="0 0 100 100" aria-hidden="true">
            <path pathLength="1" d="M33 34 C36 20 64 19 64 36 C64 52 38 62 33 78 L68 78"/>
          </svg>
        </div>
        <div class="tools" role="group" aria-label="Drawing">
          <button type="button" name="undo">Undo</button>
          <button type="button" name="clear">Clear</button>
          <button type="button" name="eraser" aria-pressed="false">Eraser</button>
          <button type="button" name="back">Back to the drawing</button>
        </div>`;
      this.canvas = this.querySelector("canvas");
      this.context = /** @type {Context} */ (this.canvas.getContext("2d"));
      this.picture = this.querySelector(".photo");
      this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
      // On the window: a stroke continues outside the paper, and while the pad is moved.
      window.addEventListener("pointermove", (event) => this.move(event));
      window.addEventListener("pointerup", (event) => this.end(event));
      window.addEventListener("pointercancel", (event) => this.end(event));
      document.addEventListener("keydown", (event) => this.press(event));
      for (const button of this.querySelectorAll("button")) {
        const name = /** @type {"undo" | "clear" | "eraser" | "back"} */ (button.name);
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
      if (!event.isPrimary || event.button !== 0 || this.stroke) return;
      event.preventDefault();
      this.canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.box = this.canvas.getBoundingClientRect();
      this.stroke = { eraser: this.erasing, points: [this.place(event)] };
      this.paint(this.context, this.canvas.width, this.stroke);
      this.classList.add("touched");
      this.dispatchEvent(new Event("begin"));
    }

    /** @param {PointerEvent} event */
    move(event) {
      if (!this.stroke || event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents?.() ?? [];
      const { points } = this.stroke;
      const from = points.length - 1;
      for (const each of events.length ? events : [event]) points.push(this.place(each));
      this.paint(this.context, this.canvas.width, this.stroke, from);
      this.dispatchEvent(new Event("move"));
    }

    /** @param {PointerEvent} event */
    end(event) {
      if (!this.stroke || event.pointerId !== this.pointer) return;
      const stroke = this.stroke;
      this.stroke = null;
      this.act(stroke);
    }

    /** @param {PointerEvent} event @returns {Point} */
    place(event) {
      const { left, top, width, height } = this.box;
      return [(event.clientX - left) / width, (event.clientY - top) / height];
    }

    /** @param {KeyboardEvent} event */
    press(event) {
      const typing = event.target.closest?.("input, textarea, [contenteditable]");
      if (typing || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "z" && !event.shiftKey) this.undo();
      else if (key === "y" || key === "z") this.redo();
      else return;
      event.preventDefault();
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

    /**
     * Lay a picture that is to be read over the paper, until the visitor goes back to drawing.
     * @param {string} address
     */
    show(address) {
      this.dispatchEvent(new Event("begin"));
      this.picture.src = address;
      this.picture.hidden = false;
      this.classList.add("showing", "touched");
      this.draw();
    }

    back() {
      this.hide();
      this.dispatchEvent(new Event("change"));
    }

    hide() {
      this.picture.hidden = true;
      this.classList.remove("showing");
    }

    get isShowing() {
      return !this.picture.hidden;
    }

    /**
     * Lay a picture below all strokes, also those that were drawn while it loaded.
     * @param {HTMLImageElement} picture
     */
    setPaper(picture) {
      this.paper = picture;
      this.classList.add("touched");
      this.changed();
    }

    /** @param {(Stroke | Clear)[]} actions */
    setActions(actions) {
      [this.actions, this.undone] = [actions, []];
      this.changed();
    }

    reset() {
      [this.paper, this.actions, this.undone] = [null, [], []];
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
    paint(context, side, { eraser, points }, from = 0) {
      /** @type {(index: number) => Point} */
      const at = (index) => [points[index][0] * side, points[index][1] * side];
      /** @type {(index: number) => Point} */
      const middle = (index) => {
        const [[x, y], [u, v]] = [at(index), at(index + 1)];
        return [(x + u) / 2, (y + v) / 2];
      };
      context.strokeStyle = eraser ? "#fff" : "#000";
      context.lineWidth = side * (eraser ? ERASER : PEN);
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
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

    // The strokes as a part of a link: a byte for each stroke's number of points (and whether it
    // erases), then two bytes a point. "" where that is too long.
    toCode() {
      if (this.shownPaper()) return "";
      const bytes = [];
      for (const { eraser, points } of this.visible()) {
        const kept = simplify(points.map(([x, y]) => [toByte(x), toByte(y)]), 1);
        for (let start = 0; start < kept.length; start += 126) {
          const part = kept.slice(Math.max(0, start - 1), start + 126);
          bytes.push(2 * part.length + (eraser ? 1 : 0), ...part.flat());
        }
      }
      const code = btoa(String.fromCharCode(...bytes));
      const safe = code.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      return safe.length <= LONGEST_CODE ? safe : "";
    }

    /**
     * Show the strokes of a code, which anyone may have written.
     * @param {string} code
     * @throws {Error} where it is not a code of `toCode`'s kind; the drawing stays as it is
     */
    fromCode(code) {
      const text = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      const actions = [];
      for (let at = 0; at < bytes.length; ) {
        const count = bytes[at] >> 1;
        const eraser = bytes[at] % 2 === 1;
        const end = at + 1 + 2 * count;
        if (!count || end > bytes.length) throw new Error("it ends too soon");
        /** @type {Point[]} */
        const points = [];
        for (at += 1; at < end; at += 2) points.push([bytes[at] / 255, bytes[at + 1] / 255]);
        actions.push({ eraser, points: fill(points) });
      }
      if (!actions.length) throw new Error("it is empty");
      this.classList.add("touched");
      this.setActions(actions);
    }
  }

  /** @param {number} share */
  const toByte = (share) => Math.round(255 * Math.min(1, Math.max(0, share)));

  /**
   * Drop points that lie within `far` of the line without them. Source: Ramer, Douglas and Peucker.
   * @param {Point[]} points
   * @param {number} far
   * @returns {Point[]}
   */
  function simplify(points, far) {
    if (points.length < 3) return points;
    const [[ax, ay], [bx, by]] = [points[0], points[points.length - 1]];
    const length = Math.hypot(bx - ax, by - ay);
    let [worst, farthest] = [far, 0];
    for (let index = 1; index < points.length - 1; index++) {
      const [x, y] = points[index];
      const distance = length
        ? Math.abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length
        : Math.hypot(x - ax, y - ay);
      if (distance > worst) [worst, farthest] = [distance, index];
    }
    if (!farthest) return [points[0], points[points.length - 1]];
    const first = simplify(points.slice(0, farthest + 1), far);
    return [...first.slice(0, -1), ...simplify(points.slice(farthest), far)];
  }

  /**
   * Put points between those that are far apart, so that curves follow the line between them.
   * @param {Point[]} points
   * @returns {Point[]}
   */
  function fill(points) {
    return points.flatMap(([x, y], index) => {
      const [u, v] = points[index + 1] ?? [x, y];
      const steps = Math.ceil(Math.hypot(u - x, v - y) / 0.02) || 1;
      return Array.from({ length: steps }, (_, step) => [
        x + ((u - x) * step) / steps,
        y + ((v - y) * step) / steps,
      ]);
    });
  }

  customElements.define("digit-pad", Pad);
})();
