// What the page does before Gradio arrives, and next to it: colours, links, and a line that says
// what is being waited for. `globals.d.ts` lists the events and flags that all scripts share.
(() => {
  const root = document.documentElement;

  window.flags = /** @type {any} */ (root.dataset);
  window.tell = (detail) => document.dispatchEvent(new CustomEvent("digitrec", { detail }));

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const address = new URLSearchParams(window.location.search);
  const paintPage = () => {
    const asked = address.get("__theme");
    const own = dark.matches ? "dark" : "light";
    flags.theme = asked === "light" || asked === "dark" ? asked : own;
  };
  paintPage();
  dark.addEventListener("change", paintPage);

  const LOST = "The connection is lost. Your drawing is safe and will be read when it is back.";
  const WAITS = "The connection is lost. Drawings are read all the same; the rest waits until it is back.";
  const REFUSED = "The picture could not be sent. Is it larger than 32 MB?";
  const KEPT = "The connection is lost. The picture will be sent when it is back.";
  const GONE = "The page was loaded again before your picture was read. Choose it once more.";
  const BUSY = "Many people are drawing. Yours will be read soon.";
  const SOON = 300; // milliseconds until "Reading…": quicker answers need no word
  const LATE = 5000; // until the server is asked whether it is there
  const AGAIN = 2000; // until a lost server is asked again
  /** @type {number | undefined} */
  let timer;
  let waiting = false;
  let lost = false;
  let said = "";
  let question = 0; // counts up, so that what belongs to an earlier question can be told

  /** @param {string} text */
  function say(text) {
    said = text;
    for (const line of document.querySelectorAll(".status")) line.textContent = text;
  }

  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "here") return say(said); // into the line that has just been laid out
    if (detail === "why" || detail === "correct") return probe(); // these need the server
    if (detail === "refused") return probe(REFUSED);
    if (detail === "lost-picture") return say(GONE);
    if (detail === "answered" || detail === "blank") return end();
    if (detail !== "reading") return;
    clearTimeout(timer);
    question += 1;
    waiting = true;
    timer = setTimeout(() => {
      if (said !== BUSY) say(lost ? LOST : "Reading…");
      timer = setTimeout(() => probe(), LATE);
    }, SOON);
  });
  window.addEventListener("offline", () => probe());

  function end() {
    clearTimeout(timer);
    question += 1;
    waiting = lost = false;
    say("");
  }

  // Is the server there? If so, ask it again for what has not come, and otherwise say `otherwise`.
  async function probe(otherwise = "") {
    clearTimeout(timer);
    const about = question;
    let isThere = false;
    try {
      const signal = AbortSignal.timeout(LATE);
      isThere = (await fetch("gradio_api/app_id", { cache: "no-store", signal })).ok;
    } catch {
      // It is not.
    }
    if (about !== question) return;
    if (!isThere) {
      lost = true;
      flags.lost = "";
      const isPhoto = document.querySelector("digit-pad").isShowing;
      say(isPhoto ? KEPT : flags.reader === "browser" && !waiting ? WAITS : LOST);
      timer = setTimeout(() => probe(), AGAIN);
    } else if (!document.getElementById("answer")) {
      timer = setTimeout(() => probe(), LATE); // the page is still loading
    } else {
      const isBack = lost;
      lost = false;
      delete flags.lost;
      if (otherwise && !isBack) {
        end();
        return say(otherwise);
      }
      say(waiting && !isBack ? BUSY : "");
      if (waiting) tell("ask");
    }
  }

  // Give an element that covers a picture on the paper, with others in it at their boxes.
  window.coverPicture = ([width, height], boxes, makeOne) => {
    const cover = document.createElement("div");
    cover.style.cssText = `${width >= height ? "width" : "height"}:100%;aspect-ratio:${width}/${height}`;
    boxes.forEach(([left, top, right, bottom], place) => {
      const one = makeOne(place);
      one.style.cssText =
        `left:${(100 * left) / width}%;top:${(100 * top) / height}%;` +
        `width:${(100 * (right - left)) / width}%;height:${(100 * (bottom - top)) / height}%`;
      cover.append(one);
    });
    return cover;
  };

  // Fetch a script that the page does without until it is needed.
  window.fetchLater = async (name) => {
    const folder = document.querySelector("digit-pad").dataset.later;
    return import(new URL(`${folder}${name}.js`, document.baseURI).href);
  };

  window.saveFile = (href, download) => Object.assign(document.createElement("a"), { href, download }).click();

  // Hands a link to the phone's own sheet for sharing, or copies it; says whether it has copied it.
  window.shareLink = async (url, text, title) => {
    const shared = { title: "digitrec", text, url };
    if (window.matchMedia("(pointer: coarse)").matches && navigator.canShare?.(shared)) {
      await navigator.share(shared).catch(() => {}); // the sheet was closed
      return false;
    }
    try {
      await navigator.clipboard.writeText(url);
      return true;
    } catch {
      window.prompt(title, url); // without permission to copy, the visitor does it
      return false;
    }
  };

  /**
   * A link to a drawing has strokes in it, `?s=`; earlier ones had a picture, `?d=`.
   * @param {DigitPad} pad
   */
  function openLink(pad) {
    const [strokes, picture] = [address.get("s"), address.get("d")];
    const refuse = () =>
      say("This link holds no drawing that can be read. Ask for it again, or draw your own.");
    const greet = () => {
      root.classList.add("from-link");
      pad.classList.add("touched");
    };
    if (strokes !== null) {
      try {
        const linked = drawingCode.decode(strokes);
        greet();
        // After a reload the pad has the drawing already: its visitor has guessed.
        if (!pad.actions.length) {
          fetchLater("guess").then(({ ask }) => ask(linked)).catch(() => pad.setActions(linked));
        }
      } catch {
        refuse();
      }
    } else if (picture !== null) {
      const image = new Image();
      image.onload = () => {
        pad.setPaper(image);
        greet();
      };
      image.onerror = refuse;
      image.src = `data:image/png;base64,${picture.replaceAll("-", "+").replaceAll("_", "/")}`;
    }
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".own")) return;
    window.history.replaceState(null, "", window.location.pathname);
    root.classList.remove("from-link");
    document.querySelector("digit-pad").reset();
  });

  customElements.whenDefined("digit-pad").then(() => {
    const pad = document.querySelector("digit-pad");
    if (pad) openLink(pad);
    pad?.addEventListener("change", () => tell(pad.isEmpty ? "blank" : "reading"));
  });
})();
