// As much of a browser as the early scripts need, to run them in Node.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const FOLDER = new URL("../../digitrec/demo/page/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8");

// An element that has every child that it is asked for.
class Element extends EventTarget {
  dataset = {};
  children = [];
  innerHTML = "";
  #found = {};
  #classes = new Set();
  classList = {
    add: (...names) => names.forEach((name) => this.#classes.add(name)),
    remove: (...names) => names.forEach((name) => this.#classes.delete(name)),
    contains: (name) => this.#classes.has(name),
  };

  get textContent() {
    return this.innerHTML;
  }

  set textContent(text) {
    this.innerHTML = text;
  }

  querySelector(selector) {
    return (this.#found[selector] ??= new Element());
  }

  querySelectorAll(selector) {
    return [this.querySelector(selector)];
  }

  append(child) {
    this.children.push(child);
    child.parent = this;
  }

  remove() {
    this.parent?.children.splice(this.parent.children.indexOf(this), 1);
  }

  contains(button) {
    return button.parent === this;
  }

  getContext() {
    return new Proxy({}, { get: () => () => {}, set: () => true }); // draws nothing
  }

  toBlob(give) {
    give(new Blob(["a picture"]));
  }

  getBoundingClientRect() {
    return { left: 0, top: 0, right: 100, bottom: 100, width: 100, height: 100 };
  }

  toDataURL() {
    return "data:image/png;base64,";
  }

  focus() {}
  setAttribute() {}
  setPointerCapture() {}
  toggleAttribute() {}
}

// Open the page at an address, in a visitor's browser. `copied`, `shared`, `prompted` and `saved` hold
// what the page has handed out, `images` the pictures that it loads; `seconds` is the time of its clock.
export async function openPage(address = "https://example.org/", visitor = {}) {
  const { storage = new Map(), isPhone = false, canShare = false, canCopy = true } = visitor;
  const page = { copied: [], shared: [], prompted: [], saved: [], images: [], seconds: 0 };
  const document = new Element();
  const find = document.querySelector.bind(document);
  document.querySelector = (selector) => (selector === "digit-pad" ? page.pad : find(selector));
  document.documentElement = new Element();
  document.createElement = () => {
    page.created = new Element();
    page.created.click = function () {
      page.saved.push(this.download);
    };
    return page.created;
  };
  document.getElementById = () => null;
  const Image = class extends Element {
    constructor() {
      super();
      page.images.push(this);
    }
  };
  const customElements = {
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
  const store = (kept) => ({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  });
  const location = new URL(address);
  const ofWindow = new EventTarget();
  const window = createContext({
    ...{ document, customElements, navigator, CustomEvent, Event, Image },
    ...{ URL, URLSearchParams, File, queueMicrotask, atob, btoa },
    HTMLElement: Element,
    ResizeObserver: class { observe() {} },
    sessionStorage: store(storage),
    localStorage: store(visitor.longStorage ?? new Map()),
    location,
    history: {
      replaceState(_state, _title, target) {
        location.href = new URL(target, location.href).href;
      },
    },
    devicePixelRatio: 1,
    performance: { now: () => 1000 * page.seconds },
    matchMedia: () => ({ matches: isPhone, addEventListener() {} }),
    addEventListener: ofWindow.addEventListener.bind(ofWindow),
    setInterval: (tick) => Object.assign(page, { tick }),
    prompt: (title, text) => page.prompted.push(text),
    ...{ setTimeout() {}, clearTimeout() {}, clearInterval() {} },
  });
  window.window = window;
  if (visitor.date) runInContext(`Date.now = () => ${Date.parse(visitor.date)}`, window);
  for (const name of ["page.js", "link.js", "pad.js", "actions.js", "ten_digits_result.js", "ten_digits.js"]) {
    runInContext(read(name), window, { filename: name });
  }
  await new Promise(setImmediate); // the link is opened
  document.elementFromPoint = () => page.covered ?? page.pad.canvas;
  const share = Object.assign(new Element(), { name: "share" });
  const press = async (element) => {
    element.dispatchEvent(new Event("click"));
    await new Promise(setImmediate);
  };
  return Object.assign(page, {
    flags: window.flags,
    tell: window.tell,
    drawingCode: window.drawingCode,
    search: () => location.search,
    hide(hidden = true) {
      document.hidden = hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    },
    leave: () => ofWindow.dispatchEvent(new Event("pagehide")), // as before a reload
    // Click on a button within an element of the page, whose listeners get it before the document's.
    async click(button, parent) {
      Object.assign(button, { parent, closest: (tag) => (tag === "button" ? button : null) });
      button.matches ??= () => false;
      for (const target of [parent, document]) {
        target?.dispatchEvent(Object.defineProperty(new Event("click"), "target", { value: button }));
      }
      await new Promise(setImmediate);
      return button;
    },
    keydown: (key) =>
      document.dispatchEvent(Object.assign(new Event("keydown"), { key })),
    greets: () => document.documentElement.classList.contains("from-link"),
    status: () => find(".status").textContent,
    find,
    press,
    async pressShare() {
      const target = { closest: (selector) => (selector === ".actions button" ? share : null) };
      document.dispatchEvent(Object.defineProperty(new Event("click"), "target", { value: target }));
      await new Promise(setImmediate);
    },
    shareLabel: () => share.querySelector("span").textContent,
    async answer(text, probability, isLast = true) {
      const detail = { text, probability, isLast };
      document.dispatchEvent(new CustomEvent("digitrec-read", { detail }));
      await new Promise(setImmediate);
    },
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
