// A drawing as a part of a link. Each stroke is a byte, twice its number of points (and 1 more if it
// erases), then two bytes a point. Before that there may be a byte 1 with the stroke's rhythm: how long
// the pen paused before it and how long it took, a byte each; and before a thin stroke a byte 0.
(() => {
  const MOST_BYTES = 1425; // 1,900 characters; all browsers and chat programs accept links of 2 KB
  const TOLERANCES = [0.5, 1, 2, 4]; // of 255 a side; the finest that fits is used
  const STRAIGHT = 0.02; // share of the side between points on a straight line
  const CURVED = 0.04; // the same in a curve, where the pad rounds each point
  const TICK = 20; // milliseconds of a unit of the rhythm

  window.drawingCode = {
    encode(strokes) {
      for (const isTimed of [true, false]) {
        for (const tolerance of TOLERANCES) {
          const bytes = strokes.flatMap((stroke) => toBytes(stroke, tolerance, isTimed));
          if (bytes.length > MOST_BYTES) continue;
          const code = btoa(String.fromCharCode(...bytes));
          return code.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        }
      }
      return "";
    },

    decode(code) {
      const text = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      /** @type {Stroke[]} */
      const strokes = [];
      for (let at = 0; at < bytes.length; ) {
        /** @type {Partial<Stroke>} */
        const more = {};
        if (bytes[at] === 1) {
          [more.pause, more.time] = [TICK * bytes[at + 1], TICK * bytes[at + 2]];
          at += 3;
        }
        if (bytes[at] === 0) {
          more.thin = true;
          at += 1;
        }
        const count = bytes[at] >> 1;
        const eraser = bytes[at] % 2 === 1;
        const end = at + 1 + 2 * count;
        if (!count || end > bytes.length) throw new Error("it ends too soon");
        /** @type {Point[]} */
        const points = [];
        for (at += 1; at < end; at += 2) points.push([bytes[at] / 255, bytes[at + 1] / 255]);
        const isCurved = count > 2 && isSame(points[count - 1], points[count - 2]);
        strokes.push({ eraser, points: fill(points, isCurved ? CURVED : STRAIGHT), ...more });
      }
      if (!strokes.length) throw new Error("it is empty");
      return strokes;
    },
  };

  /**
   * The pad rounds the points of a curve. A point that is there twice stays a corner, and the last one
   * always is there twice: links from before there were curves have no such strokes.
   * @param {Stroke} stroke
   * @param {number} tolerance
   * @param {boolean} isTimed
   */
  function toBytes({ eraser, thin, points, pause = 0, time }, tolerance, isTimed) {
    const kept = simplify(points.map(([x, y]) => [toScale(x), toScale(y)]), tolerance)
      .map(([x, y]) => /** @type {Point} */ ([Math.round(x), Math.round(y)]))
      .filter((point, index, all) => index === 0 || !isSame(point, all[index - 1]));
    const inner = kept.slice(1, -1);
    const corners = inner.filter((point, index) => isCorner(kept[index], point, kept[index + 2]));
    const isCurved = corners.length < inner.length;
    const path = isCurved ? kept.flatMap((point) => (corners.includes(point) ? [point, point] : [point])) : kept;
    const bytes = [];
    for (let start = 0; start < path.length; start += 125) {
      const part = path.slice(Math.max(0, start - 1), start + 125);
      if (isCurved) part.push(part[part.length - 1]);
      if (isTimed && time !== undefined) {
        bytes.push(1, toTicks(start ? 0 : pause), toTicks((time * part.length) / path.length));
      }
      if (thin) bytes.push(0);
      bytes.push(2 * part.length + (eraser ? 1 : 0), ...part.flat());
    }
    return bytes;
  }

  /** @param {number} milliseconds */
  const toTicks = (milliseconds) => Math.min(255, Math.round(milliseconds / TICK));

  /** @param {number} share */
  const toScale = (share) => 255 * Math.min(1, Math.max(0, share));

  /** @param {Point} first @param {Point} second */
  const isSame = (first, second) => first[0] === second[0] && first[1] === second[1];

  /**
   * Whether a line turns by more than 60 degrees at its middle point.
   * @param {Point} before @param {Point} point @param {Point} after
   */
  function isCorner([ax, ay], [bx, by], [cx, cy]) {
    const lengths = Math.hypot(bx - ax, by - ay) * Math.hypot(cx - bx, cy - by);
    return (bx - ax) * (cx - bx) + (by - ay) * (cy - by) < 0.5 * lengths;
  }

  /**
   * Drop points that lie within `tolerance` of the line without them. Source: Ramer, Douglas and Peucker.
   * @param {Point[]} points
   * @param {number} tolerance
   * @returns {Point[]}
   */
  function simplify(points, tolerance) {
    if (points.length < 3) return points;
    const [[ax, ay], [bx, by]] = [points[0], points[points.length - 1]];
    const length = Math.hypot(bx - ax, by - ay);
    let [worst, farthest] = [tolerance, 0];
    for (let index = 1; index < points.length - 1; index++) {
      const [x, y] = points[index];
      const distance = length
        ? Math.abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length
        : Math.hypot(x - ax, y - ay);
      if (distance > worst) [worst, farthest] = [distance, index];
    }
    if (!farthest) return [points[0], points[points.length - 1]];
    const first = simplify(points.slice(0, farthest + 1), tolerance);
    return [...first.slice(0, -1), ...simplify(points.slice(farthest), tolerance)];
  }

  /**
   * Put points between those that are more than `far` apart, so that the pad does not round their line.
   * @param {Point[]} points
   * @param {number} far
   * @returns {Point[]}
   */
  function fill(points, far) {
    return points.flatMap(([x, y], index) => {
      const [u, v] = points[index + 1] ?? [x, y];
      const steps = Math.ceil(Math.hypot(u - x, v - y) / far) || 1;
      return Array.from({ length: steps }, (_, step) => [
        x + ((u - x) * step) / steps,
        y + ((v - y) * step) / steps,
      ]);
    });
  }
})();
