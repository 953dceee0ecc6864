/* Dialogs that htmx shows over the page: sets up pickers, focuses the first field, handles Cancel. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");
  const box = () => Alpine.$data(modal()); // the page is updated a moment later
  const isOpen = () => modal() !== null && box().openModal;

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    if (!modal().querySelector("#dialog")) return; // the response is not a dialog
    // Open it here, not by the button's listener: live.js may have replaced the button in the meantime.
    box().openModal = true;
    const jquery = window.django && window.django.jQuery;
    if (jquery && jquery.fn.djangoAdminSelect2) jquery(event.target).find(".admin-autocomplete").djangoAdminSelect2();
    // The user may be typing in a field already; keep the focus there.
    if (modal().contains(document.activeElement)) return;
    const first = modal().querySelector(".errors :is(input, select, textarea):not([type=hidden])");
    (first || modal().querySelector("input:not([type=hidden]), select, textarea"))?.focus();
  });

  /* While a dialog is open, the page behind it can be neither reached by Tab nor read. Afterwards the focus
     returns to the button that opened it; live.js may have replaced that by one with the same address. */
  let opener = null;
  document.addEventListener("alpine:initialized", () => {
    Alpine.effect(() => {
      const page = document.getElementById("page");
      const open = modal() !== null && box().openModal;
      if (!page || page.inert === open) return;
      for (const behind of document.querySelectorAll("#page, .skip-link")) behind.inert = open;
      if (open || !opener) return;
      const address = opener.getAttribute("hx-get");
      const again = opener.isConnected ? opener : address && document.querySelector(`[hx-get="${CSS.escape(address)}"]`);
      setTimeout(() => again?.focus());
      opener = null;
    });
  });

  // Escape closes an open list of choices, and only then the dialog.
  let wasChoosing = false;
  const choosing = () => document.querySelector("#modal-content .select2-container--open") !== null;
  window.addEventListener("keydown", () => (wasChoosing = choosing()), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && wasChoosing && event.isTrusted) event.stopPropagation();
  });

  /* Ignore a second click, or a key held down, on the button of a dialog that is loading or open. It would show
     the dialog again, empty, or close it, as the button is outside the dialog. These listeners run first. */
  let isComing = false;
  let openedAt = 0;
  const isAnother = (event) =>
    event.target.closest?.("[hx-target='#modal-content']") && !modal().contains(event.target);

  window.addEventListener(
    "click",
    (event) => {
      const isOnlyOfFirst = event.detail > 1 && isOpen() && !modal().contains(event.target); // it hits the backdrop now
      if (!isOnlyOfFirst && !(isAnother(event) && (isComing || isOpen()))) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== modal() || modal().contains(event.detail.elt)) return;
    if (isComing || isOpen()) return event.preventDefault();
    isComing = true;
    opener = event.detail.elt;
  });

  // A dialog opens a moment after its response, when htmx has settled it. Other responses do not settle.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target === modal()) setTimeout(() => (isComing = false), 200);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    if (isComing) openedAt = Date.now();
    isComing = false;
  });

  // Enter that was meant for the button may arrive when a field has the focus: it would send an empty form.
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
