/* The checkboxes of a tab: one for all rows of the page. It works on elements that live.js has replaced too. */
"use strict";
{
  const rows = () => [...document.querySelectorAll('input[form="tab-actions"][name="_selected_action"]')];

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("[data-check-all]")) rows().forEach((row) => (row.checked = box.checked));
    if (box.matches('[name="_selected_action"]')) {
      const all = document.querySelector("[data-check-all]");
      if (all) all.checked = rows().every((row) => row.checked);
    }
  });
}
