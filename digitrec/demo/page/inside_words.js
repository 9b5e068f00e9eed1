// What the section "Look inside" says in words.

/** @typedef {import("./reading/inside.js").Block} Block */
/** @typedef {import("./reading/inside.js").Activity} Activity */
/** @typedef {import("./reading/inside.js").Contrast} Contrast */
/** @typedef {import("./reading/convolution.js").Images} Images */

/** @type {(block: Block, at: number, blocks: Block[]) => string} */
export function blockWords({ filters, size }, at, blocks) {
  const area = `${size}×${size} pixels`;
  if (!at) return `Each of its ${filters} filters looks for one small pattern in ${area}: a short stroke, an edge, an empty place.`;
  if (at < blocks.length - 1) return `Its ${filters} filters combine those into pieces of ${area}, such as bends, ends and crossings.`;
  return `Its ${filters} filters see ${area}, most of a digit. What one of them stands for is seldom easy to name.`;
}

/** @type {(name: string, map: Images, isOff: boolean) => string} */
export function mapWords(name, map, isOff) {
  if (isOff) return `${name} is off: it gives 0 everywhere.`;
  const active = map.data.filter((value) => value > 0).length;
  if (!active) return `${name} finds nothing here.`;
  return `${name} is strongest ${placeName(map)}; ${active} of its ${map.data.length} places are active.`;
}

/** @param {number} block @param {number} inputs @param {number} size */
export const captions = (block, inputs, size) => [
  "Its map",
  "Over the digit",
  block ? `Its weight for each of ${inputs} maps of the layer before` : "Its weights: orange wants ink, blue wants none",
  `What excites it most in your digit: ${size}×${size} pixels`,
];

/** @param {Activity} activity @param {number} count of the filters that are off */
export function outcomeWords({ whole, probabilities }, count) {
  const [before, after] = [indexOfMost(whole), indexOfMost(probabilities)];
  const first = `${before}: ${percent(whole[before])}`;
  if (!count) return first;
  return `${first} becomes ${before === after ? "" : `${after}: `}${percent(probabilities[after])} with ${count} filter${count > 1 ? "s" : ""} off`;
}

/** @param {Contrast} contrast */
export function contrastWords({ best, other, count, most }) {
  const enough = count
    ? `Changing the ${count} strongest at once is enough for the network, though not for a person.`
    : `Changing even the ${most} strongest at once is not enough.`;
  return `The network would rather read ${article(other)} than ${article(best)} with ink at the <b class="ink">orange</b> pixels and none ` +
    `at the <b class="erase">blue</b> ones. ${enough}`;
}

/** @param {Activity} activity @param {boolean} isWhole @param {(maps: Images, filter: number) => Images} channel */
export function tableHtml({ maps, probabilities, whole }, isWhole, channel) {
  /** @type {(head: string, text: string) => string} */
  const row = (head, text) => `<tr><th scope="row">${head}</th><td>${text}</td></tr>`;
  const outputs = whole.map((share, digit) =>
    row(`Output ${digit}`, percent(share) + (isWhole ? "" : `, with filters off ${percent(probabilities[digit])}`)));
  const blocks = maps.map((images, at) => {
    const filter = mostActive(images);
    return row(`Block ${at + 1}`, `filter ${filter + 1} is the most active, strongest ${placeName(channel(images, filter))}`);
  });
  return [...outputs, ...blocks].join("");
}

/** @param {ArrayLike<number>} values */
export function indexOfMost(values) {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
  return best;
}

// The one with the highest sum.
/** @param {Images} maps */
export function mostActive({ data, channels }) {
  const sums = new Float32Array(channels);
  data.forEach((value, at) => { sums[at % channels] += value; });
  return indexOfMost(sums);
}

/** @param {Images} map */
function placeName({ data, side }) {
  const at = indexOfMost(data);
  const [down, across] = [Math.floor(at / side), at % side].map((place) => Math.floor((3 * place) / side));
  const name = `${["top ", "", "bottom "][down]}${["left", "", "right"][across]}`.trim();
  return name ? `at the ${name}` : "in the middle";
}
