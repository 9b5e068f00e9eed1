// The `js` of the button that copies a link to the drawing on the pad.
async () => {
  const code = document.querySelector("#answer [data-code]")?.dataset.code;
  const link = new URL(window.location.origin + window.location.pathname);
  if (code) link.searchParams.set("d", code);
  try {
    await navigator.clipboard.writeText(link.href);
    return "Link copied";
  } catch {
    // Without permission to write to the clipboard: to be copied by hand.
    window.prompt("The link to this drawing", link.href);
    return "Copy link";
  }
}
