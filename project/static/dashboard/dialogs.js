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

  // Sent by htmx, the form is still there: for the next try. Not where the page is about to be left.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    event.detail.elt.querySelectorAll?.("[data-once]:disabled").forEach((button) => (button.disabled = false));
  });

  // An answer that is no dialog opens none: htmx goes to another page, or a notice says what was wrong. Told
  // before the button hears of it, whose own listener opens the box for whatever has come.
  document.addEventListener(
    "htmx:after-on-load",
    (event) => {
      const { xhr, requestConfig } = event.detail;
      const opens = requestConfig?.verb === "get" && event.detail.target?.id === "modal-content";
      if (opens && (xhr.status !== 200 || xhr.getResponseHeader("HX-Redirect"))) event.stopImmediatePropagation();
    },
    true,
  );

  // A form that was answered with errors stands where it stood, in its open dialog.
  document.addEventListener("htmx:afterSettle", (event) => {
    const form = event.target.closest?.("dialog.d-dialog form");
    if (!form) return;
    const jquery = window.django?.jQuery;
    if (jquery?.fn.djangoAdminSelect2) jquery(form).find(".admin-autocomplete").djangoAdminSelect2();
    form.querySelector(".errors :is(input, select, textarea):not([type=hidden])")?.focus();
  });

  /* Choices found by typing make room below their field (stylesheet). Select2 holds everything around an open
     list where it is, which would keep what is below the screen's edge out of reach. */
  document.addEventListener("DOMContentLoaded", () => {
    const jquery = window.django?.jQuery;
    let press = null; // while the pointer is down: where it went down
    let opening = null; // the press that opened a list
    document.addEventListener("mousedown", (event) => (press = event), true);
    document.addEventListener("mouseup", (event) => {
      const moved = opening && Math.hypot(event.clientX - opening.clientX, event.clientY - opening.clientY) > 5;
      if (opening && !moved && event.target.closest(".select2-results")) event.stopPropagation();
      press = opening = null;
    }, true);
    const whenLetGo = (work) =>
      press ? document.addEventListener("mouseup", () => setTimeout(work), { once: true, capture: true }) : setTimeout(work);
    /* Pressing a field opens its list, and its dialog grows around the middle: a choice comes to be under the
       pointer, and would be taken when the press ends, which was meant for the field. */
    jquery?.(document).on("select2:open", (event) => {
      opening = press;
      if (!event.target.closest(".dialog-card, .d-dialog")) return;
      setTimeout(() => jquery(event.target).parents().add(window).off("scroll.select2"));
      whenLetGo(() => document.querySelector(".select2-container--open > .select2-dropdown")?.scrollIntoView({ block: "nearest" }));
    });
    /* Pressing a button closes an open list. What is below moves up only when the press is over, too: the button
       would be elsewhere before it is let go, and the click lost. */
    jquery?.(document).on("select2:closing", (event) => {
      const field = event.target.parentElement;
      if (!press || !event.target.closest(".dialog-card, .d-dialog")) return;
      field.style.minHeight = `${field.offsetHeight}px`;
      whenLetGo(() => (field.style.minHeight = ""));
    });
  });

  /* What was refused is gone to, wherever on the page it stands: of a long form, and of a dialog that is a
     page of its own. What stands in front of a field that scripts have replaced is shown, not the field. */
  function goTo(field) {
    for (let around = field.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    (field.nextElementSibling?.matches(".select2-container") ? field.nextElementSibling : field).scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".errornote a[href^='#']");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    goTo(field);
  });

  window.addEventListener("load", () => {
    const link = document.querySelector(".errornote a[href^='#']");
    const refused = "#dialog .errors :is(input, select, textarea):not([type=hidden])";
    const field = link ? document.getElementById(link.hash.slice(1)) : document.querySelector(refused);
    if (field) goTo(field);
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("dialog[data-open]").forEach(open);
  });
}
