/* Names for screen readers. Select2 makes its own fields for pickers and gives them no name; an icon is a word in a
   font of pictures ("person"), which would be read out. */
"use strict";
{
  function nameOf(select) {
    const label = select.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    const text = label ? label.textContent : select.getAttribute("aria-label") || select.title || select.dataset.placeholder;
    return (text || "Choose").replace("*", "").trim();
  }

  function name(container) {
    const select = container.previousElementSibling;
    if (!select?.matches?.("select")) return;
    const box = container.querySelector(".select2-selection");
    if (!box) return; // the open list has the same class
    const chosen = box.querySelector(".select2-selection__rendered");
    const search = box.querySelector(".select2-search__field");
    const said = nameOf(select);
    if (search) search.setAttribute("aria-label", said);
    for (const about of ["aria-describedby", "aria-invalid"]) {
      const value = select.getAttribute(about);
      if (value) (search ?? box).setAttribute(about, value);
    }
    if (chosen.tagName === "UL") {
      chosen.setAttribute("role", "presentation"); // it has more children than list items
      return;
    }
    // The name of the field, and then what is chosen, which is no field of its own.
    chosen.removeAttribute("role");
    chosen.removeAttribute("aria-readonly");
    const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    if (label) label.id ||= `${select.id}-label`;
    box.setAttribute("aria-label", said);
    box.setAttribute("aria-labelledby", label ? `${label.id} ${chosen.id}` : chosen.id);
    if (!label) box.removeAttribute("aria-labelledby");
  }

  function each(root) {
    for (const icon of root.querySelectorAll(".material-symbols-outlined")) icon.setAttribute("aria-hidden", "true");
    for (const container of root.querySelectorAll(".select2-container")) name(container);
    if (root.matches(".material-symbols-outlined")) root.setAttribute("aria-hidden", "true");
    if (root.matches(".select2-container")) name(root);
  }

  // What Unfold draws as an icon alone.
  const NAMES = {
    "#nav-sidebar-inner a:has(> .material-symbols-outlined:only-child)": "Overview",
    "#searchbar-submit": "Search",
  };

  const added = new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        each(node);
      }
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    each(document.body);
    for (const [selector, said] of Object.entries(NAMES)) {
      for (const icon of document.querySelectorAll(selector)) icon.setAttribute("aria-label", said);
    }
    const content = document.getElementById("content");
    content?.setAttribute("role", "main");
    content?.setAttribute("tabindex", "-1"); // for the skip link
    added.observe(document.body, { childList: true, subtree: true });
    // The field for typing in an open list: it gets the focus, which Select2 forgets when a key opened the list.
    window.django?.jQuery?.(document).on("select2:open", (event) => {
      const field = document.querySelector(".select2-container--open .select2-search--dropdown .select2-search__field");
      field?.setAttribute("aria-label", `Search: ${nameOf(event.target)}`);
      field?.focus();
    });
  });
}
