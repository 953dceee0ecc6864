/* Notices: one card at a time, which summarises several notices, and the list below the bell. */
"use strict";
{
  const STAYS = 12000;
  const WORST = ["success", "warning", "error"];

  let root = null;
  let shown = []; // the notices that the card is about
  const known = new Set();

  const token = () => root.querySelector("input[name=csrfmiddlewaretoken]").value;

  function tell(notices) {
    const fresh = notices.filter((notice) => !known.has(notice.id));
    if (!fresh.length) return;
    fresh.forEach((notice) => known.add(notice.id));
    markSeen(fresh.map((notice) => notice.id));
    if (!document.querySelector(".d-toast[data-notices]")) shown = [];
    shown.push(...fresh);
    root.querySelector("[data-unseen]").hidden = false;
    const card = shown.length === 1 ? toast(shown[0]) : toast(sumUp(shown));
    card.dataset.notices = "";
  }

  function sumUp(notices) {
    const level = WORST[Math.max(...notices.map((notice) => WORST.indexOf(notice.level)))];
    const wrong = notices.filter((notice) => notice.level !== "success").length;
    const problems = wrong ? `, ${wrong} of them with a problem` : "";
    return { level, text: `${notices.length} notices${problems}.`, url: root.dataset.notices, link: "See them" };
  }

  /* A new card replaces the one before, because several cards would cover the page. */
  function toast(notice) {
    let box = document.querySelector(".d-toasts");
    if (!box) {
      box = document.createElement("div");
      box.className = "d-toasts";
      box.setAttribute("role", "status");
      box.setAttribute("aria-live", "polite");
      document.body.append(box);
    }
    const card = document.createElement("div");
    card.className = `d-toast d-${notice.level}`;
    const text = document.createElement("div");
    text.className = "d-grow";
    const line = document.createElement("p");
    line.textContent = notice.text;
    text.append(line);
    if (/^\/(?!\/)/.test(notice.url)) {
      const link = document.createElement("a");
      link.href = notice.url;
      link.className = "d-link d-small";
      link.textContent = notice.link || "Look at it";
      text.append(link);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.innerHTML = '<span class="material-symbols-outlined">close</span>';
    close.addEventListener("click", () => card.remove());
    card.append(text, close);
    box.replaceChildren(card);
    keepClear();
    setTimeout(() => card.remove(), notice.level === "success" ? STAYS : STAYS * 3);
    return card;
  }

  /* The card stands at the bottom right, and above the buttons that it would cover there. Where no place is
     free on the whole height, it stays. */
  const BUTTONS = "[type=submit], #submit-row :is(a, button), :is(a, button)[class*=bg-primary]";

  function keepClear() {
    const box = document.querySelector(".d-toasts");
    if (!box) return;
    box.style.removeProperty("bottom");
    const first = box.getBoundingClientRect();
    const buttons = [...document.querySelectorAll(BUTTONS)].filter((one) => !box.contains(one) && one.checkVisibility());
    const places = buttons.map((one) => one.getBoundingClientRect());
    const inTheWay = ({ top, bottom }) =>
      places.find((it) => it.left < first.right && it.right > first.left && it.top < bottom && it.bottom > top);
    let { top, bottom } = first;
    for (let found = inTheWay({ top, bottom }); found; found = inTheWay({ top, bottom })) {
      bottom = found.top - 8;
      top = bottom - first.height;
    }
    if (bottom !== first.bottom && top > 0) box.style.bottom = `${window.innerHeight - bottom}px`;
  }
  for (const name of ["scroll", "resize"]) window.addEventListener(name, keepClear, { capture: true, passive: true });

  /* htmx shows nothing when a request fails, so show the error here. A dialog that is open shows it itself. */
  function saidBy(answer) {
    return (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain") ? answer.responseText : "";
  }

  document.addEventListener("htmx:responseError", (event) => {
    const text = saidBy(event.detail.xhr) || "That did not work. Load the page again and try once more.";
    toast({ level: "error", text });
  });
  document.addEventListener("htmx:timeout", () => {
    toast({ level: "error", text: "The dashboard did not answer for a minute. Load the page again and try once more." });
  });
  document.addEventListener("htmx:sendError", () => {
    toast({ level: "error", text: "The dashboard cannot be reached. Nothing was sent; try again in a minute." });
  });

  function markSeen(ids) {
    const body = new URLSearchParams(ids.map((id) => ["id", id]));
    fetch(root.dataset.seen, { method: "POST", body, headers: { "X-CSRFToken": token() }, keepalive: true }).catch(
      () => ids.forEach((id) => known.delete(id)),
    );
  }

  function start(bell) {
    root = bell;
    const button = root.querySelector("button");
    const list = root.querySelector(".d-bell-list");
    button.addEventListener("click", async () => {
      if (!list.hidden) return void (list.hidden = true);
      const response = await fetch(`${root.dataset.notices}?recent`);
      if (!response.ok) return;
      list.innerHTML = await response.text();
      list.hidden = false;
      root.querySelector("[data-unseen]").hidden = true;
    });
    document.addEventListener("click", (event) => {
      if (!root.contains(event.target)) list.hidden = true;
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") list.hidden = true;
    });
  }

  window.dashboardNotices = { start, tell, saidBy };
}
