/* Dialogs that htmx has put over the page: choices found by typing, the first field in focus, Cancel. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");
  const isOpen = () => modal().offsetParent !== null;

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    if (!modal().querySelector("#dialog")) return; // another page: nothing to open
    // Not told by its button: a live page may have put another in its place meanwhile (live.js).
    Alpine.$data(modal()).openModal = true;
    const jquery = window.django && window.django.jQuery;
    if (jquery && jquery.fn.djangoAdminSelect2) jquery(event.target).find(".admin-autocomplete").djangoAdminSelect2();
    // Whoever is quick writes already: what they write must not land in another field.
    if (modal().contains(document.activeElement)) return;
    const first = modal().querySelector(".errors :is(input, select, textarea):not([type=hidden])");
    (first || modal().querySelector("input:not([type=hidden]), select, textarea"))?.focus();
  });

  // A second click, or a key held down, while the dialog is there: it would be drawn again, empty.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== modal() || modal().contains(event.detail.elt)) return;
    if (isOpen()) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#modal-content [data-cancel]")) return;
    event.preventDefault();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });
}
