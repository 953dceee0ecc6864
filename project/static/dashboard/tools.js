/* The dialogs of Tools: show how many people or changes a choice affects, and what both toggles mean together. */
"use strict";
{
  const asked = new WeakMap(); // form -> its choices at the last request

  async function showNumbers(form) {
    const line = form?.querySelector("[data-numbers]");
    if (!line) return;
    const chosen = new URLSearchParams(new FormData(form));
    chosen.delete("csrfmiddlewaretoken");
    const query = chosen.toString();
    if (asked.get(form) === query) return;
    asked.set(form, query);
    const response = await fetch(`${line.dataset.numbers}?${query}`).catch(() => null);
    const text = response?.ok ? await response.text() : "";
    if (asked.get(form) !== query) return; // the choices have changed since the request
    line.textContent = text;
    line.hidden = !text;
  }

  function showToggles(form) {
    const hint = form?.querySelector("[data-both-toggles]");
    if (hint) hint.hidden = !(form.elements.allow_emails.checked && form.elements.prohibit_emails.checked);
  }

  function show(form) {
    showNumbers(form);
    showToggles(form);
  }

  document.addEventListener("DOMContentLoaded", () => {
    // With jQuery, because Select2 fields send their change event to jQuery only.
    window.django.jQuery(document).on("change", ".d-dialog form", (event) => show(event.currentTarget));
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-dialog]");
      if (opener) show(document.getElementById(opener.dataset.dialog)?.querySelector("form"));
    });
    document.querySelectorAll(".d-dialog form").forEach(showToggles);
  });
}
