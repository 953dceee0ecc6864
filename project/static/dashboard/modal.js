/* Dialogs that htmx has put over the page: choices found by typing, the first field in focus, Cancel. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");
  const box = () => Alpine.$data(modal()); // what draws it follows a moment later
  const isOpen = () => modal() !== null && box().openModal;

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    if (!modal().querySelector("#dialog")) return; // another page: nothing to open
    // Not told by its button: a live page may have put another in its place meanwhile (live.js).
    box().openModal = true;
    const jquery = window.django && window.django.jQuery;
    if (jquery && jquery.fn.djangoAdminSelect2) jquery(event.target).find(".admin-autocomplete").djangoAdminSelect2();
    // Whoever is quick writes already: what they write must not land in another field.
    if (modal().contains(document.activeElement)) return;
    const first = modal().querySelector(".errors :is(input, select, textarea):not([type=hidden])");
    (first || modal().querySelector("input:not([type=hidden]), select, textarea"))?.focus();
  });

  /* A second click, or a key held down, on the button of a dialog that is on its way or there: it would be drawn
     again, empty, or closed, since the button stands outside of it. Told before htmx and the box hear of it. */
  let isComing = false;
  let openedAt = 0;
  const isAnother = (event) =>
    event.target.closest?.("[hx-target='#modal-content']") && !modal().contains(event.target);

  window.addEventListener(
    "click",
    (event) => {
      const isOnlyOfFirst = event.detail > 1 && isOpen() && !modal().contains(event.target); // on the backdrop by now
      if (!isOnlyOfFirst && !(isAnother(event) && (isComing || isOpen()))) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== modal() || modal().contains(event.detail.elt)) return;
    if (isComing || isOpen()) event.preventDefault();
    else isComing = true;
  });

  // The box opens when what came has settled, a moment after its answer; what is no dialog settles nothing.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target === modal()) setTimeout(() => (isComing = false), 200);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    if (isComing) openedAt = Date.now();
    isComing = false;
  });

  // Enter pressed for the button, that comes when a field has the focus already: an empty form would be sent.
  document.addEventListener("input", () => (openedAt = 0));
  document.addEventListener("keydown", (event) => {
    const isForButton = event.repeat || Date.now() - openedAt < 400;
    if (event.key === "Enter" && isForButton && event.target.matches("#modal-content input")) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#modal-content [data-cancel]")) return;
    event.preventDefault();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });
}
