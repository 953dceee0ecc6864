/* The search by name: Ctrl+K or its button opens it, the arrow keys move through the results. */
"use strict";
{
  const dialog = () => document.getElementById("find");
  const links = () => [...dialog().querySelectorAll("#found a")];

  function open() {
    if (!dialog() || dialog().open) return;
    dialog().showModal();
    dialog().querySelector("input").select();
  }

  function move(step) {
    const all = links();
    const at = all.findIndex((link) => link.classList.contains("is-active"));
    all[at]?.classList.remove("is-active");
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.classList.add("is-active");
    next?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key?.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      open();
    }
    if (!dialog()?.open) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      links().find((link) => link.classList.contains("is-active"))?.click();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-find]")) open();
    else if (event.target === dialog()) dialog().close(); // the backdrop
  });

  // Enter opens the first result.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "found") links()[0]?.classList.add("is-active");
  });
}
