/* Forms with permissions: shows those that match the search and the category. Without scripts all are shown. */
"use strict";
{
  function show(box) {
    const words = box.querySelector("[data-permissions-search]").value.toLowerCase().split(/\s+/).filter(Boolean);
    const category = box.querySelector("[data-permissions-category]").value;
    let found = 0;
    for (const group of box.querySelectorAll("fieldset")) {
      const isChosen = !category || group.dataset.category === category;
      let here = 0;
      for (const row of group.querySelectorAll("[data-words]")) {
        const text = `${group.dataset.category} ${row.dataset.words}`.toLowerCase();
        row.hidden = !(isChosen && words.every((word) => text.includes(word)));
        here += row.hidden ? 0 : 1;
      }
      group.hidden = here === 0;
      found += here;
    }
    box.querySelector(".permissions-none").hidden = found > 0;
  }

  const begin = () => document.querySelectorAll(".permissions-find[hidden]").forEach((bar) => (bar.hidden = false));

  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:afterSettle", begin);
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.closest(".permissions-find")) show(event.target.closest("[data-permissions]"));
    });
  }
  // Enter in the search must not send the form.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest(".permissions-find")) event.preventDefault();
  });
}
