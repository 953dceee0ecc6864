"use strict";
// The dialog of an e-mail's text shows what is typed with example values, and marks what is no placeholder.
// Nothing is sent: the server checks the text when it is saved (core/services/site/email_texts.py).
document.addEventListener("input", (event) => {
  const part = event.target.dataset && event.target.dataset.email;
  const card = part && event.target.closest("#dialog");
  if (!card) return;
  const examples = new Map(
    [...card.querySelectorAll("[data-placeholder]")].map((row) => [row.dataset.placeholder, row.dataset.example]),
  );
  const shown = card.querySelector(`[data-preview=${part}]`);
  shown.replaceChildren(
    ...event.target.value.split(/(\{[^{}\n]*\}|[{}])/).map((piece, place) => {
      if (place % 2 === 0) return piece;
      const name = piece.slice(1, -1);
      if (piece.length > 2 && examples.has(name)) return examples.get(name);
      const wrong = document.createElement("mark");
      wrong.textContent = piece;
      wrong.title = "No placeholder of this e-mail";
      return wrong;
    }),
  );
});
