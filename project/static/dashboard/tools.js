/* The modals of Tools: how many people or changes a choice is about, and what both toggles together mean. */
"use strict";
{
  const asked = new WeakMap(); // form -> the choices that it last asked about

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
    if (asked.get(form) !== query) return; // something else was chosen meanwhile
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
    // By jQuery: fields whose choices are found by typing tell nobody else.
    window.django.jQuery(document).on("change", ".d-dialog form", (event) => show(event.currentTarget));
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-dialog]");
      if (opener) show(document.getElementById(opener.dataset.dialog)?.querySelector("form"));
    });
    document.querySelectorAll(".d-dialog form").forEach(showToggles);
  });
}
