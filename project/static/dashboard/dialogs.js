/* Buttons that open dialogs: <button data-dialog="id">. A dialog marked data-open opens with the page, as
   it does after its form was answered with errors. */
"use strict";
{
  function open(dialog) {
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) open(document.getElementById(opener.dataset.dialog));
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    if (event.target.matches("dialog.d-dialog")) event.target.close(); // the backdrop
  });

  // A second click on a button that starts something would start it twice.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-once]");
    if (button) setTimeout(() => (button.disabled = true));
  });

  // Going back brings the page as it was left, with that button still off.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-once]:disabled").forEach((button) => (button.disabled = false));
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("dialog[data-open]").forEach(open);
  });
}
