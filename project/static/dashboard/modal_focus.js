/* The focus in dialogs that htmx shows over the page. While one is open, the page behind it can be neither reached by
   Tab nor read; afterwards the focus returns to the button that opened it. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");
  const isOpen = () => modal() !== null && Alpine.$data(modal()).openModal;
  const isShown = (element) => element.getClientRects().length > 0;
  const FIELDS = ":is(input, select, textarea):not([type=hidden]):not(:disabled)";

  // What Select2 draws for a field has the focus instead of it.
  function reach(field) {
    const drawn = field.nextElementSibling?.matches(".select2-container") ? field.nextElementSibling : null;
    (drawn?.querySelector(".select2-search__field, .select2-selection") ?? field).focus();
  }

  const shownField = (around) => [...modal().querySelectorAll(`${around} ${FIELDS}`)].find(isShown);

  /* The first field with an error, or the first field. A dialog that destroys something begins at Cancel, and one that
     asks to confirm at its button. */
  function begin() {
    const find = (one) => modal().querySelector(one);
    const refused = shownField(".errors");
    if (refused) return reach(refused);
    find("[data-refused]")?.scrollIntoView({ block: "nearest" });
    if (find("footer .d-danger")) return find("footer [data-cancel]").focus();
    find("#dialog-confirm")?.scrollIntoView({ block: "nearest" });
    const field = !find("#dialog-confirm") && shownField(".dialog-body");
    if (field) return reach(field);
    (find("footer [type=submit]") ?? find("footer .d-primary") ?? find("a[href]"))?.focus();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal() || !modal().querySelector("#dialog")) return;
    const dialog = modal().querySelector("#dialog");
    let tries = 100;
    (function whenShown() {
      if (!dialog.isConnected || !tries--) return;
      if (!isShown(dialog)) return void setTimeout(whenShown, 10); // Alpine shows it a moment later
      // The user may be typing in a field already; keep the focus there. After errors htmx gives it back to the field
      // where it was.
      const focused = document.activeElement;
      if (!modal().contains(focused) || (shownField(".errors") && !focused.closest(".errors"))) begin();
    })();
  });

  // Tab goes round in the dialog.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.defaultPrevented || !isOpen()) return;
    const all = modal().querySelectorAll(`a[href], button:not(:disabled), summary, [tabindex], ${FIELDS}`);
    const stops = [...all].filter((one) => one.tabIndex >= 0 && isShown(one));
    const [first, last] = [stops[0], stops.at(-1)];
    if (!first) return;
    const now = document.activeElement;
    const isInside = modal().contains(now);
    if (isInside && now !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  });

  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target, elt } = event.detail;
    if (target === modal() && !modal().contains(elt) && !event.defaultPrevented) opener = elt;
  });

  // live.js may have replaced the button by one with the same address; without any, the page's heading gets the focus.
  function giveBack(button) {
    const address = button.getAttribute("hx-get");
    const again = button.isConnected ? button : address && document.querySelector(`[hx-get="${CSS.escape(address)}"]`);
    again?.focus();
    if (again && document.activeElement === again) return;
    const heading = document.querySelector("[data-region=title]")?.closest("h1, h2, div") ?? document.getElementById("content");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus();
  }

  document.addEventListener("alpine:initialized", () => {
    Alpine.effect(() => {
      const page = document.getElementById("page");
      const open = isOpen();
      if (!page || page.inert === open) return;
      for (const behind of document.querySelectorAll("#page, .skip-link")) behind.inert = open;
      if (open || !opener) return;
      const button = opener;
      setTimeout(() => giveBack(button));
      opener = null;
    });
  });

  // Escape closes an open list of choices, and only then the dialog.
  let wasChoosing = false;
  const choosing = () => document.querySelector("#modal-content .select2-container--open") !== null;
  window.addEventListener(
    "keydown",
    (event) => {
      wasChoosing = choosing();
      // A field of several choices keeps its keys to itself, so Escape would not reach the dialog.
      const isInField = event.key === "Escape" && event.target.closest?.("#modal-content .select2-search");
      if (!isInField || wasChoosing) return;
      event.stopImmediatePropagation();
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    },
    true,
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && wasChoosing && event.isTrusted) event.stopPropagation();
  });
}
