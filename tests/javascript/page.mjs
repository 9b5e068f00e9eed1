// As much of a browser as page.js, link.js, pad.js, ten_digits.js and actions.js need, to run them in Node.
import { readFileSync } from "node:fs";
import { createContext, compileFunction, runInContext } from "node:vm";

const FOLDER = new URL("../../digitrec/demo/page/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8");

// An element that has every child that it is asked for.
class Element extends EventTarget {
  dataset = {};
  children = [];
  textContent = "";
  #found = {};
  #classes = new Set();
  classList = {
    add: (...names) => names.forEach((name) => this.#classes.add(name)),
    remove: (...names) => names.forEach((name) => this.#classes.delete(name)),
    contains: (name) => this.#classes.has(name),
  };

  querySelector(selector) {
    return (this.#found[selector] ??= new Element());
  }

  querySelectorAll(selector) {
    return [this.querySelector(selector)];
  }

  append(child) {
    this.children.push(child);
  }

  getContext() {
    return new Proxy({}, { get: () => () => {}, set: () => true }); // draws nothing
  }

  getBoundingClientRect() {
    return { left: 0, top: 0, right: 100, bottom: 100, width: 100, height: 100 };
  }

  toDataURL() {
    return "data:image/png;base64,";
  }

  before() {}
  remove() {}
  setAttribute() {}
  setPointerCapture() {}
  toggleAttribute() {}
}

// Open the page at an address, in a visitor's browser. `copied`, `shared` and `prompted` hold what the
// page has handed out, `images` the pictures that it loads; `seconds` is the time.
export async function openPage(address = "https://example.org/", visitor = {}) {
  const { storage = new Map(), isPhone = false, canShare = false, canCopy = true } = visitor;
  const page = { copied: [], shared: [], prompted: [], images: [], seconds: 0 };
  const document = new Element();
  const find = document.querySelector.bind(document);
  document.querySelector = (selector) => (selector === "digit-pad" ? page.pad : find(selector));
  document.documentElement = new Element();
  document.createElement = () => (page.created = new Element());
  document.getElementById = () => null;
  const Image = class extends Element {
    constructor() {
      super();
      page.images.push(this);
    }
  };
  const customElements = {
    get: () => page.pad?.constructor,
    define(_name, Pad) {
      page.pad = new Pad();
      page.pad.connectedCallback();
    },
    whenDefined: async () => {},
  };
  class CustomEvent extends Event {
    constructor(name, { detail, ...options }) {
      super(name, options);
      this.detail = detail;
    }
  }
  const navigator = {
    canShare: canShare ? () => true : undefined,
    share: async (what) => page.shared.push(what),
    clipboard: {
      async writeText(text) {
        if (!canCopy) throw new Error("not allowed");
        page.copied.push(text);
      },
    },
  };
  const window = createContext({
    ...{ document, customElements, navigator, CustomEvent, Event, Image },
    ...{ URL, URLSearchParams, atob, btoa },
    HTMLElement: Element,
    ResizeObserver: class { observe() {} },
    sessionStorage: {
      getItem: (key) => storage.get(key) ?? null,
      setItem: (key, value) => storage.set(key, value),
    },
    location: new URL(address),
    history: { replaceState() {} },
    devicePixelRatio: 1,
    performance: { now: () => 1000 * page.seconds },
    matchMedia: () => ({ matches: isPhone, addEventListener() {} }),
    addEventListener() {},
    prompt: (title, text) => page.prompted.push(text),
    ...{ setTimeout() {}, clearTimeout() {}, setInterval() {}, clearInterval() {} },
  });
  window.window = window;
  for (const name of ["page.js", "link.js", "pad.js", "ten_digits.js"]) {
    runInContext(read(name), window, { filename: name });
  }
  await new Promise(setImmediate); // the link is opened
  document.elementFromPoint = () => page.covered ?? page.pad.canvas;
  const actions = new Element();
  compileFunction(read("actions.js"), ["element"], { parsingContext: window })(actions);
  const press = async (element) => {
    element.dispatchEvent(new Event("click"));
    await new Promise(setImmediate);
  };
  return Object.assign(page, {
    flags: window.flags,
    tell: window.tell,
    greets: () => document.documentElement.classList.contains("from-link"),
    status: () => find(".status").textContent,
    find,
    press,
    pressShare: () => press(actions.querySelector("[name=share]")),
    shareLabel: () => actions.querySelector("[name=share]").textContent,
    answer: (text, probability) =>
      document.dispatchEvent(new CustomEvent("digitrec-read", { detail: { text, probability } })),
  });
}

// What the pad paints of a stroke, as points on the middle of the line.
export function curveOf(pad, stroke) {
  const curve = [];
  const lineTo = (x, y) => bend(x, y, x, y);
  const bend = (a, b, x, y) => {
    const [u, v] = curve.at(-1);
    for (const share of [0.25, 0.5, 0.75, 1]) {
      const [start, middle, end] = [(1 - share) ** 2, 2 * share * (1 - share), share ** 2];
      curve.push([start * u + middle * a + end * x, start * v + middle * b + end * y]);
    }
  };
  const moveTo = (x, y) => curve.push([x, y]);
  const nothing = () => {};
  const context = { moveTo, lineTo, quadraticCurveTo: bend, arc: moveTo, beginPath: nothing, stroke: nothing, fill: nothing };
  pad.paint(context, 1, stroke);
  return curve;
}
