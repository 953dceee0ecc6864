/* Dialogs that htmx shows over the page: how they open and close. The focus is in modal_focus.js, and what all dialogs
   do in dialogs.js. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");
  const box = () => Alpine.$data(modal()); // the page is updated a moment later
  const isOpen = () => modal() !== null && box().openModal;
  const entries = () => {
    const form = modal().querySelector("form");
    return form ? new URLSearchParams(new FormData(form)).toString() : "";
  };
  let isComing = false; // a dialog was asked for, and is not here yet
  let openedAt = 0; // when it was drawn
  let entriesThen = "";
  let isDone = false; // it was carried out, and another page is coming

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal() || !modal().querySelector("#dialog")) return; // the response is not a dialog
    // Open it here, not by the button's listener: live.js may have replaced the button in the meantime.
    box().openModal = true;
    const jquery = window.django && window.django.jQuery;
    if (jquery && jquery.fn.djangoAdminSelect2) jquery(event.target).find(".admin-autocomplete").djangoAdminSelect2();
    if (isComing) entriesThen = entries();
    openedAt = Date.now();
    isComing = false;
  });

  /* Ctrl, Command or Shift and a click: the browser opens the dialog's page in a new tab or window. */
  window.addEventListener(
    "click",
    (event) => {
      const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
      if (isElsewhere && event.target.closest?.("a[href][hx-get]")) event.stopImmediatePropagation();
    },
    true,
  );

  /* Ignore a second click, or a key held down, on the button of a dialog that is loading or open. It would show
     the dialog again, empty, or close it, as the button is outside the dialog. Beside a dialog in which something
     was entered a click does nothing: only its buttons and Escape close it. These listeners run first. */
  const isAnother = (event) =>
    event.target.closest?.("[hx-target='#modal-content']") && !modal().contains(event.target);

  window.addEventListener(
    "click",
    (event) => {
      const isBeside = isOpen() && !modal().contains(event.target);
      const isOnlyOfFirst = event.detail > 1 && isBeside; // it hits the backdrop now
      const wouldLose = isBeside && event.target.contains(modal()) && entries() !== entriesThen;
      if (!isOnlyOfFirst && !wouldLose && !(isAnother(event) && (isComing || isOpen()))) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== modal()) return;
    if (modal().contains(event.detail.elt)) return;
    if (isComing || isOpen()) return event.preventDefault();
    isComing = true;
  });

  // A dialog opens a moment after its response, when htmx has settled it. Other responses do not settle.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target !== modal()) return;
    isDone = Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
    setTimeout(() => (isComing = false), event.detail.successful ? 200 : 0);
  });

  // The response is a file that the browser saves: the page stays, and the dialog has done its work.
  document.addEventListener("dashboard:download", () => {
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });

  // The browser's Back shows the page as it was left: a dialog that was carried out would stand there again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted || !isDone || !isOpen()) return;
    box().openModal = isDone = false;
    modal().replaceChildren();
  });

  // Enter that was meant for the button may arrive when the dialog has the focus: it would send an empty form.
  document.addEventListener("input", () => (openedAt = 0));
  document.addEventListener("keydown", (event) => {
    const isForButton = event.repeat || Date.now() - openedAt < 400;
    if (event.key === "Enter" && isForButton && event.target.matches("#modal-content :is(input, button, a)")) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#modal-content [data-cancel]")) return;
    event.preventDefault();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });
}
