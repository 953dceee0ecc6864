/* Keeps an open page alive: shows notices wherever their reader is, and moves the progress of runs.

   One request answers both. It is asked slowly for notices alone, quicker while a run that the page shows
   is under way, and not at all while nobody looks at the page. */
"use strict";
{
  const SLOW = 4000;
  const QUICK = 1500;
  const TOAST_STAYS = 12000;

  const shownNotices = new Set();
  let root = null;
  let timer = null;
  let activeRuns = null; // the ids under way when we last asked; null before the first answer
  let failures = 0;

  const token = () => root.querySelector("input[name=csrfmiddlewaretoken]").value;
  const regions = () => [...document.querySelectorAll("[data-region]")];

  async function ask() {
    timer = null;
    if (document.hidden) return;
    try {
      const response = await fetch(root.dataset.live, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!response.ok) throw new Error(response.statusText);
      const answer = await response.json();
      failures = 0;
      answer.notices.forEach(showNotice);
      await showRuns(answer.runs);
    } catch {
      failures += 1; // a restart, a lost connection, a session that ended: less and less often
    }
    const watching = regions().length > 0 && activeRuns !== null && activeRuns.size > 0;
    plan((watching ? QUICK : SLOW) * Math.min(2 ** failures, 16));
  }

  function plan(wait) {
    if (timer === null && !document.hidden) timer = setTimeout(ask, wait);
  }

  /* --- runs ----------------------------------------------------------------------------------------- */

  async function showRuns(runs) {
    const active = new Set(runs.map((run) => run.id));
    const before = activeRuns === null ? runsOnPage() : activeRuns;
    activeRuns = active;
    if (!regions().length) return;
    const changed = active.size !== before.size || [...active].some((id) => !before.has(id));
    if (changed) await refreshRegions();
    runs.forEach(showRun);
  }

  function runsOnPage() {
    return new Set([...document.querySelectorAll("[data-run][data-active]")].map((el) => Number(el.dataset.run)));
  }

  function showRun(run) {
    for (const element of document.querySelectorAll(`[data-run="${run.id}"]`)) {
      const status = element.querySelector("[data-status]");
      if (status && status.dataset.status !== run.status) {
        status.className = `d-pill d-${run.tone}`;
        status.dataset.status = run.status;
        status.textContent = run.status_label;
      }
      const bar = element.querySelector(".d-bar");
      if (bar) {
        bar.classList.toggle("d-unknown", run.percent === null);
        bar.firstElementChild.style.width = `${run.percent ?? 0}%`;
        bar.setAttribute("aria-valuenow", run.percent ?? 0);
      }
      for (const field of element.querySelectorAll("[data-field]")) {
        const name = field.dataset.field;
        const value = name in run.counts ? run.counts[name] : name === "percent" ? percentText(run) : run[name];
        if (value !== undefined && field.textContent !== String(value)) field.textContent = value;
      }
    }
  }

  const percentText = (run) => (run.percent === null ? "" : `${run.percent} %`);

  /* A run began or ended: everything that the page says about runs is fetched again, nothing else moves. */
  async function refreshRegions() {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const region of regions()) {
      const replacement = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
      if (!replacement || region.querySelector("dialog[open]")) continue;
      region.replaceChildren(...replacement.childNodes);
    }
    if (window.renderCharts && document.querySelector("[data-region] canvas.chart")) window.renderCharts();
  }

  /* --- notices -------------------------------------------------------------------------------------- */

  function showNotice(notice) {
    if (shownNotices.has(notice.id)) return;
    shownNotices.add(notice.id);
    toast(notice);
    markSeen([notice.id]);
  }

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
      link.textContent = "Look at it";
      text.append(link);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.innerHTML = '<span class="material-symbols-outlined">close</span>';
    close.addEventListener("click", () => card.remove());
    card.append(text, close);
    box.append(card);
    setTimeout(() => card.remove(), notice.level === "success" ? TOAST_STAYS : TOAST_STAYS * 3);
  }

  /* htmx shows nothing where a request failed: the button would seem dead. */
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    const plain = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    const text = plain ? answer.responseText : "That did not work. Load the page again and try once more.";
    toast({ level: "error", text });
  });
  document.addEventListener("htmx:sendError", () => {
    toast({ level: "error", text: "The dashboard cannot be reached. Nothing was sent; try again in a minute." });
  });

  function markSeen(ids) {
    const body = new URLSearchParams(ids.map((id) => ["id", id]));
    fetch(root.dataset.seen, { method: "POST", body, headers: { "X-CSRFToken": token() }, keepalive: true }).catch(
      () => ids.forEach((id) => shownNotices.delete(id)),
    );
  }

  function startBell() {
    const button = root.querySelector("button");
    const list = root.querySelector(".d-bell-list");
    button.addEventListener("click", async () => {
      if (!list.hidden) return void (list.hidden = true);
      const response = await fetch(root.dataset.recent);
      if (!response.ok) return;
      list.innerHTML = await response.text();
      list.hidden = false;
    });
    document.addEventListener("click", (event) => {
      if (!root.contains(event.target)) list.hidden = true;
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") list.hidden = true;
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    root = document.querySelector("[data-live]");
    if (!root) return; // not signed in
    startBell();
    plan(300);
    document.addEventListener("visibilitychange", () => plan(0));
  });
}
