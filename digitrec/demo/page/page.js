// What the page does before and beside Gradio: colours, links, and a line that says what is
// waited for. It talks with the components by events of the document named "digitrec".
(() => {
  const root = document.documentElement;
  if (root.dataset.theme) return;

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const address = new URLSearchParams(window.location.search);
  const paintPage = () => {
    root.dataset.theme = address.get("__theme") ?? (dark.matches ? "dark" : "light");
  };
  paintPage();
  dark.addEventListener("change", paintPage);

  const tell = (state) => document.dispatchEvent(new CustomEvent("digitrec", { detail: state }));

  const LOST = "The connection is lost. Your drawing is safe, and is read when it is back.";
  const BUSY = "Many people are drawing. Yours is read soon.";
  const SOON = 300; // milliseconds: what takes no longer needs no word
  const LATE = 5000;
  const AGAIN = 2000;
  let timer = null;
  let lost = false;
  let said = "";

  function say(text) {
    said = text;
    for (const line of document.querySelectorAll(".status")) line.textContent = text;
  }

  document.addEventListener("digitrec", ({ detail }) => {
    if (detail === "here") return say(said); // a line of its own has come
    clearTimeout(timer);
    if (detail === "reading") {
      timer = setTimeout(() => {
        if (said !== BUSY) say(lost ? LOST : "Reading…");
        timer = setTimeout(probe, LATE);
      }, SOON);
    } else if (detail === "answered" || detail === "blank") {
      lost = false;
      say("");
    } else if (detail === "refused") say("The picture could not be sent. Is it larger than 16 MB?");
  });
  window.addEventListener("offline", probe);

  // Is the server there? If so, ask it once more.
  async function probe() {
    clearTimeout(timer);
    try {
      const response = await fetch("gradio_api/app_id", { cache: "no-store" });
      if (!response.ok) throw new Error(response.statusText);
      if (!document.getElementById("answer")) {
        timer = setTimeout(probe, LATE); // the page is still on its way
        return;
      }
      say(lost ? "" : BUSY);
      lost = false;
      tell("ask"); // what was asked may be lost
    } catch {
      lost = true;
      say(LOST);
      timer = setTimeout(probe, AGAIN);
    }
  }

  // A link to a drawing: strokes, or a picture, as links had it before.
  function openLink(pad) {
    const [strokes, picture] = [address.get("s"), address.get("d")];
    if ((strokes ?? picture) === null) return;
    root.classList.add("from-link");
    if (pad.actions.length) return; // reloaded: what has been drawn on it since is there
    const refuse = () => {
      root.classList.remove("from-link");
      say("This link holds no drawing that can be read. Ask for it again, or draw your own.");
    };
    try {
      if (strokes !== null) return pad.fromCode(strokes);
      const image = new Image();
      image.onload = () => pad.setPaper(image);
      image.onerror = refuse;
      image.src = `data:image/png;base64,${picture.replaceAll("-", "+").replaceAll("_", "/")}`;
    } catch {
      refuse();
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
