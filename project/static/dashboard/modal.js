/* Dialogs that htmx shows over the page: opens and closes them, and says in them what went wrong. The focus is in
   modal_focus.js. */
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
    if (modal().contains(event.detail.elt)) return modal().querySelector(".dialog-failed")?.remove();
    if (isComing || isOpen()) return event.preventDefault();
    isComing = true;
  });

  // A dialog opens a moment after its response, when htmx has settled it. Other responses do not settle.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target !== modal()) return;
    isDone = Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
    setTimeout(() => (isComing = false), event.detail.successful ? 200 : 0);
  });

  // The browser's Back shows the page as it was left: a dialog that was carried out would stand there again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted || !isDone || !isOpen()) return;
    box().openModal = isDone = false;
    modal().replaceChildren();
  });

  function why(event) {
    const said = event.type === "htmx:responseError" && dashboardNotices.saidBy(event.detail.xhr);
    if (said) return said;
    if (event.type === "htmx:responseError") return "That did not work. What you entered is still here: try again in a minute.";
    return "No answer came from the dashboard. What you entered is still here. Look whether it was saved before you try again.";
  }

  // What a dialog could not do is said in it: what was entered is still there. Others say it in a notice.
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(
      name,
      (event) => {
        if (event.detail.target !== modal() || !isOpen()) return;
        event.stopImmediatePropagation();
        const line = document.createElement("p");
        line.className = "dialog-failed";
        line.setAttribute("role", "alert");
        line.textContent = why(event);
        modal().querySelector("footer").before(line);
      },
      true,
    );
  }

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
