/* Buttons that open dialogs: <button data-dialog="id">. A dialog with data-open opens with the page, for example
   when its form came back with errors. */
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

  // The button is disabled after the first click: a second one would start the action twice.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-once]");
    if (button) setTimeout(() => (button.disabled = true));
  });

  // The browser's Back shows the page as it was left, with the button still disabled.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-once]:disabled").forEach((button) => (button.disabled = false));
  });

  // After a request by htmx the form is still there, so enable the button again; not when another page follows.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    event.detail.elt.querySelectorAll?.("[data-once]:disabled").forEach((button) => (button.disabled = false));
  });

  // Do not open the dialog when the response is not one: htmx goes to another page, or a notice shows the error.
  // The listener runs first (capture), because the button's own listener opens the dialog for any response.
  document.addEventListener(
    "htmx:after-on-load",
    (event) => {
      const { xhr, requestConfig } = event.detail;
      const opens = requestConfig?.verb === "get" && event.detail.target?.id === "modal-content";
      if (opens && (xhr.status !== 200 || xhr.getResponseHeader("HX-Redirect"))) event.stopImmediatePropagation();
    },
    true,
  );

  // A form that came back with errors stays in its open dialog.
  document.addEventListener("htmx:afterSettle", (event) => {
    const form = event.target.closest?.("dialog.d-dialog form");
    if (!form) return;
    const jquery = window.django?.jQuery;
    if (jquery?.fn.djangoAdminSelect2) jquery(form).find(".admin-autocomplete").djangoAdminSelect2();
    form.querySelector(".errors :is(input, select, textarea):not([type=hidden])")?.focus();
  });

  /* What an open dialog could not do is said in it: a notice would lie behind it. What was entered is still there. */
  const openDialog = (event) => {
    const dialog = event.detail.target?.closest?.("dialog[open], #modal-content");
    return dialog?.getClientRects().length ? dialog : null;
  };

  function why(event) {
    if (event.type !== "htmx:responseError") {
      return "No answer came from the dashboard. What you entered is still here. Look whether it was saved before you try again.";
    }
    const said = window.dashboardNotices?.saidBy(event.detail.xhr);
    if (!said && event.detail.xhr.status === 403) return "You may no longer do this. Load the page again.";
    return said || "That did not work. What you entered is still here: try again in a minute.";
  }

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(
      name,
      (event) => {
        const footer = openDialog(event)?.querySelector("footer");
        if (!footer) return;
        event.stopImmediatePropagation();
        const line = document.createElement("p");
        line.className = "dialog-failed";
        line.setAttribute("role", "alert");
        line.textContent = why(event);
        footer.before(line);
      },
      true,
    );
  }
  document.addEventListener("htmx:beforeRequest", (event) => openDialog(event)?.querySelector(".dialog-failed")?.remove());

  /* The list of choices opens below its field and moves the rest down (stylesheet). Select2 blocks scrolling
     around an open list, so choices below the edge of the screen could not be reached. */
  document.addEventListener("DOMContentLoaded", () => {
    const jquery = window.django?.jQuery;
    let press = null; // the mousedown event, while the button is down
    let opening = null; // the mousedown event that opened a list
    document.addEventListener("mousedown", (event) => (press = event), true);
    document.addEventListener("mouseup", (event) => {
      const moved = opening && Math.hypot(event.clientX - opening.clientX, event.clientY - opening.clientY) > 5;
      if (opening && !moved && event.target.closest(".select2-results")) event.stopPropagation();
      press = opening = null;
    }, true);
    const whenLetGo = (work) =>
      press ? document.addEventListener("mouseup", () => setTimeout(work), { once: true, capture: true }) : setTimeout(work);
    /* A press on a field opens its list, and the centred dialog grows. A choice may move under the pointer then,
       and would be selected when the button is released, although the press was meant for the field. */
    jquery?.(document).on("select2:open", (event) => {
      opening = press;
      if (!event.target.closest(".dialog-card, .d-dialog")) return;
      setTimeout(() => jquery(event.target).parents().add(window).off("scroll.select2"));
      whenLetGo(() => document.querySelector(".select2-container--open > .select2-dropdown")?.scrollIntoView({ block: "nearest" }));
    });
    /* A press on a button closes an open list. Content below moves up only after the release: otherwise the
       button would move away first, and the click would be lost. */
    jquery?.(document).on("select2:closing", (event) => {
      const field = event.target.parentElement;
      if (!press || !event.target.closest(".dialog-card, .d-dialog")) return;
      field.style.minHeight = `${field.offsetHeight}px`;
      whenLetGo(() => (field.style.minHeight = ""));
    });
  });

  /* Scroll to a field with an error, in a long form or in a dialog that is a page. For a field that Select2 has
     replaced, scroll to the replacement. */
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
