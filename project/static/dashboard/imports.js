/* Uploading and reviewing a file. Everything works without this script too. */
"use strict";
{
  const LARGEST = 50000000; // bytes, as core/imports/reading/lines.py has it

  /* A file that is too large is named at once: the server would refuse it only after it has arrived. */
  const tooLarge = (file) =>
    `“${file.name.slice(0, 80)}” has ${Math.ceil(file.size / 1000000)} MB; files must be smaller than ` +
    `${LARGEST / 1000000} MB. Split it into several files.`;

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  // Unfold's own listener looks for the text field of its file widget, which is not here.
  document.addEventListener("change", fileChosen, true);

  function fileChosen(event) {
    const input = event.target;
    if (!input.matches("input[type=file].import-file")) return;
    event.stopImmediatePropagation();
    const [file] = input.files;
    const text = file && file.size >= LARGEST ? tooLarge(file) : "";
    const place = input.form.querySelector("[data-file-error]");
    place.textContent = text;
    place.hidden = !text;
    if (text) input.value = "";
  }

  /* What was changed but not validated must not be lost, and is not what would be imported. */
  const form = document.querySelector("[data-validates]");
  if (form) {
    const values = () => new URLSearchParams(new FormData(form)).toString();
    const before = values();
    let leaves = false;
    const isChanged = () => values() !== before;

    document.addEventListener("input", (event) => {
      if (event.target.form !== form) return;
      const start = document.querySelector("[data-import]");
      if (!start) return;
      start.querySelector("[data-stale]").hidden = !isChanged();
      start.querySelector("button").disabled = isChanged() || start.dataset.import === "off";
    });
    document.addEventListener("submit", (event) => (leaves = event.target.method === "post"));
    window.addEventListener("beforeunload", (event) => {
      if (!leaves && isChanged()) event.preventDefault();
    });
  }
}
