/* A choice in a row of a table that is saved at once: <form data-in-place="key"> with one <select>. In a list,
   which is a form itself and may hold no other, it is a <span> with the address as data-url.

   The mouse saves what it chooses. The arrow keys of a closed list step through all choices, and each would be
   saved: so with the keyboard Enter saves, or leaving the field, and Escape returns to the stored value. */
"use strict";
{
  const said = new Map(); // what is written beside the rows, by the form's key: live.js replaces the rows
  const FAILED = "Not saved: the dashboard did not answer. Try again.";
  const SIGNED_OUT = "Not saved. Reload the page, and sign in if you are asked to.";
  let byKey = false;

  const choice = (form) => form.querySelector("select");
  const shown = (form) => form.querySelector(`[name="initial-${choice(form).name}"]`);
  const label = (form, value) => [...choice(form).options].find((option) => option.value === value)?.text ?? value;

  /* One region for all rows, which stays when rows are replaced: screen readers read it when its text changes. */
  function announce(text) {
    let region = document.getElementById("in-place-said");
    if (!region) {
      region = document.createElement("div");
      region.id = "in-place-said";
      region.className = "in-place-announced";
      region.setAttribute("role", "status");
      region.setAttribute("aria-live", "polite");
      document.body.append(region);
    }
    region.textContent = "";
    setTimeout(() => (region.textContent = text), 50);
  }

  function write(form, text, tone) {
    said.set(form.dataset.inPlace, { text, tone });
    put(form);
    announce(text);
  }

  function put(form) {
    const { text, tone } = said.get(form.dataset.inPlace) ?? { text: "" };
    let line = form.querySelector(".in-place-said");
    if (!line) {
      line = document.createElement("span");
      line.className = "in-place-said";
      line.id = `said-${choice(form).id}`;
      form.append(line);
      choice(form).setAttribute("aria-describedby", line.id);
    }
    line.textContent = text;
    line.classList.toggle("is-error", tone === "error");
    choice(form).setAttribute("aria-invalid", String(tone === "error"));
  }

  async function save(form) {
    const field = choice(form);
    if (form.classList.contains("is-open") && field.value === shown(form).value) write(form, "Nothing was changed.", "");
    form.classList.remove("is-open");
    if (field.value === shown(form).value || form.ariaBusy === "true") return;
    const sent = field.value;
    form.ariaBusy = "true";
    write(form, "Saving …", "");
    try {
      const fields = [...form.querySelectorAll("input, select")].map(({ name, value }) => [name, value]);
      const answer = await fetch(form.dataset.url ?? form.action, {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: { Accept: "application/json" },
        redirect: "manual",
      });
      const found = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : null;
      if (found?.said !== undefined) {
        shown(form).value = sent;
        write(form, found.said, "");
      } else {
        shown(form).value = found?.now?.[field.name] ?? shown(form).value;
        write(form, found?.error || (answer.status >= 500 ? FAILED : SIGNED_OUT), "error");
        field.value = shown(form).value;
      }
    } catch {
      field.value = shown(form).value;
      write(form, FAILED, "error");
    }
    form.ariaBusy = null;
    if (field.value !== shown(form).value) save(form); // another choice was made meanwhile
  }

  const formOf = (event) => event.target.closest?.("[data-in-place]");

  document.addEventListener("pointerdown", () => (byKey = false), true);
  document.addEventListener("keydown", (event) => {
    byKey = true;
    const form = formOf(event);
    if (!form?.classList.contains("is-open")) return;
    if (event.key === "Enter") {
      event.preventDefault();
      save(form);
    }
    if (event.key === "Escape") {
      choice(form).value = shown(form).value;
      form.classList.remove("is-open");
      write(form, "Nothing was changed.", "");
    }
  }, true);

  document.addEventListener("change", (event) => {
    const form = formOf(event);
    if (!form) return;
    if (!byKey) return void save(form);
    form.classList.add("is-open");
    write(form, `Enter saves, Escape returns to “${label(form, shown(form).value)}”.`, "");
  });

  document.addEventListener("focusout", (event) => {
    const form = formOf(event);
    if (form?.classList.contains("is-open")) save(form);
  });

  document.addEventListener("dashboard:replaced", () => {
    for (const form of document.querySelectorAll("[data-in-place]")) if (said.has(form.dataset.inPlace)) put(form);
  });
}
