// What the page does before and beside Gradio: colours, links, and a line that says what is
// waited for. It talks with the components by events of the document named "digitrec".
(() => {
  const root = document.documentElement;
  if (root.dataset.theme) return;

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const address = new URLSearchParams(window.location.search);
  const paintPage = () => {
    const asked = address.get("__theme");
    const own = dark.matches ? "dark" : "light";
    root.dataset.theme = ["light", "dark"].includes(asked) ? asked : own;
  };
  paintPage();
  dark.addEventListener("change", paintPage);

  const tell = (state) => document.dispatchEvent(new CustomEvent("digitrec", { detail: state }));

  const LOST = "The connection is lost. Your drawing is safe, and is read when it is back.";
  const WAITS = "The connection is lost. Drawings are read all the same; the rest waits until it is back.";
  const REFUSED = "The picture could not be sent. Is it larger than 16 MB?";
  const BUSY = "Many people are drawing. Yours is read soon.";
  const SOON = 300; // milliseconds: what takes no longer needs no word
  const LATE = 5000;
  const AGAIN = 2000;
  let timer = null;
  let waiting = false;
  let lost = false;
  let said = "";
  let question = 0; // grows with each, so that what belongs to an earlier one is told

  function say(text) {
    said = text;
    for (const line of document.querySelectorAll(".status")) line.textContent = text;
  }

  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "here") return say(said); // a line of its own has come
    if (detail === "why" || detail === "correct") return probe(); // what needs the server
    if (detail === "refused") {
      end();
      return probe(REFUSED);
    }
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
  const lostText = () => (root.dataset.reader === "browser" && !waiting ? WAITS : LOST);

  function end() {
    clearTimeout(timer);
    question += 1;
    waiting = lost = false;
    say("");
  }

  // Is the server there? If so, ask it once more for what has not come, or else say `otherwise`.
  async function probe(otherwise = "") {
    clearTimeout(timer);
    const about = question;
    let isThere = false;
    try {
      const options = { cache: "no-store", signal: AbortSignal.timeout(LATE) };
      isThere = (await fetch("gradio_api/app_id", options)).ok;
    } catch {
      // It is not.
    }
    if (about !== question) return;
    if (!isThere) {
      lost = true;
      root.dataset.lost = "";
      say(lostText());
      timer = setTimeout(() => probe(), AGAIN);
    } else if (!document.getElementById("answer")) {
      timer = setTimeout(() => probe(), LATE); // the page is still on its way
    } else {
      say(waiting && !lost ? BUSY : otherwise);
      lost = false;
      delete root.dataset.lost;
      if (waiting) tell("ask");
    }
  }

  // A link to a drawing: strokes, or a picture, as links had it before.
  function openLink(pad) {
    const [strokes, picture] = [address.get("s"), address.get("d")];
    if ((strokes ?? picture) === null) return;
    const refuse = () =>
      say("This link holds no drawing that can be read. Ask for it again, or draw your own.");
    const greet = () => root.classList.add("from-link");
    if (strokes === null) {
      const image = new Image();
      image.onload = () => {
        pad.setPaper(image);
        greet();
      };
      image.onerror = refuse;
      image.src = `data:image/png;base64,${picture.replaceAll("-", "+").replaceAll("_", "/")}`;
      return;
    }
    const drawnSince = pad.actions; // after a reload
    try {
      pad.fromCode(strokes);
      greet();
    } catch {
      refuse();
    }
    if (drawnSince.length) pad.setActions(drawnSince);
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
