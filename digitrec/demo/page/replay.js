// Replays a drawing stroke by stroke, in the rhythm in which it was drawn.

// Where a link has no times: sides of the paper that a pen moves in a second, and its pauses.
const SPEED = 1.6;
const PAUSE = 250; // milliseconds
const [SHORTEST, LONGEST_PAUSE] = [60, 1200]; // milliseconds, so that one sees each stroke and waits for none

/**
 * When each stroke begins and ends, in milliseconds.
 * @param {Stroke[]} strokes
 */
export function toSchedule(strokes) {
  let end = 0;
  return strokes.map((stroke, place) => {
    const begin = end + (place && Math.min(stroke.pause ?? usualPause(strokes[place - 1], stroke), LONGEST_PAUSE));
    end = begin + Math.max(stroke.time ?? usualTime(stroke), SHORTEST);
    return { begin, end };
  });
}

/**
 * A link splits a stroke of many points into several that touch.
 * @param {Stroke} before
 * @param {Stroke} stroke
 */
function usualPause({ points: before }, { points: [[x, y]] }) {
  const [u, v] = before[before.length - 1];
  return x === u && y === v ? 0 : PAUSE;
}

/** @param {Stroke} stroke */
function usualTime({ points }) {
  const lengths = points.slice(1).map(([x, y], place) => Math.hypot(x - points[place][0], y - points[place][1]));
  return (1000 * lengths.reduce((sum, length) => sum + length, 0)) / SPEED;
}

/**
 * What was drawn after a time. A link has more points where a stroke bends, so the pen slows down there.
 * @param {Stroke[]} strokes
 * @param {number} time milliseconds
 * @returns {Stroke[]}
 */
export function drawnAt(strokes, time) {
  const schedule = toSchedule(strokes);
  return strokes.flatMap((stroke, place) => {
    const { begin, end } = schedule[place];
    if (time >= end) return [stroke];
    return time < begin ? [] : [{ ...stroke, points: cut(stroke.points, (time - begin) / (end - begin)) }];
  });
}

/**
 * The first part of a stroke.
 * @param {Point[]} points
 * @param {number} share of them
 */
function cut(points, share) {
  const place = share * (points.length - 1);
  const last = Math.floor(place);
  const [[x, y], [u, v]] = [points[last], points[last + 1] ?? points[last]];
  /** @type {Point} */
  const end = [x + (u - x) * (place - last), y + (v - y) * (place - last)];
  return [...points.slice(0, last + 1), end];
}

// A sheet over the paper on which a drawing is replayed. One can draw through it.
export class Replay {
  /** @param {DigitPad} pad @param {Stroke[]} strokes */
  constructor(pad, strokes) {
    this.pad = pad;
    this.strokes = strokes;
    this.time = 0; // milliseconds from the start of the replay; infinite: the whole is shown
    this.canvas = document.createElement("canvas");
    this.canvas.className = "replay";
    pad.querySelector(".sheet").append(this.canvas);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.canvas);
  }

  fit() {
    this.canvas.width = this.canvas.height = Math.round(this.canvas.clientWidth * window.devicePixelRatio);
    this.paint();
  }

  paint() {
    const { canvas, pad, strokes, time } = this;
    const context = /** @type {Context} */ (canvas.getContext("2d"));
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const stroke of drawnAt(strokes, time)) pad.paint(context, canvas.width, stroke);
  }

  show() {
    this.time = Infinity;
    this.paint();
  }

  play() {
    const until = toSchedule(this.strokes).at(-1)?.end ?? 0;
    /** @type {number | undefined} */
    let start;
    this.time = 0;
    const step = (/** @type {number} */ now) => {
      start ??= now;
      this.time = now - start < until ? now - start : Infinity;
      this.paint();
      if (this.time < until) this.frame = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.frame ?? 0);
    this.frame = requestAnimationFrame(step);
  }

  remove() {
    cancelAnimationFrame(this.frame ?? 0);
    this.observer.disconnect();
    this.canvas.remove();
  }
}
