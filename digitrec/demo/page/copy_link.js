// The `js` of the button that copies a link to the drawing on the pad; gives its new label.
async () => {
  const code = document.querySelector("#answer [data-code]")?.dataset.code;
  if (code === undefined) return "Nothing to link to yet";
  if (code === "") return "Too detailed for a link";
  const link = new URL(window.location.origin + window.location.pathname);
  link.searchParams.set("d", code);
  try {
    await navigator.clipboard.writeText(link.href);
    return "Link copied";
  } catch {
    // Without permission to write to the clipboard: to be copied by hand.
    window.prompt("The link to this drawing", link.href);
    return "Copy link";
  }
}
