/* Dialogs that htmx has put over the page: choices found by typing, the first field in focus, Cancel. */
"use strict";
{
  const modal = () => document.getElementById("modal-content");

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== modal()) return;
    const jquery = window.django && window.django.jQuery;
    if (jquery && jquery.fn.djangoAdminSelect2) jquery(event.target).find(".admin-autocomplete").djangoAdminSelect2();
    event.target.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#modal-content [data-cancel]")) return;
    event.preventDefault();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  });
}
