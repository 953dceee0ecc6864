/* Keeps an open page up to date: shows notices, updates the progress of runs, and replaces what has changed.

   One request is polled for all three: every SLOW ms, every QUICK ms while something that the page shows is
   being sent or running, and not at all while the page is hidden. */
"use strict";
{
  const SLOW = 4000;
  const QUICK = 1500;

  let root = null;
  let timer = null;
  let activeRuns = null; // the ids of runs under way at the last poll; null before the first answer
  let newestRun = null;
  let failures = 0;
  let movedAt = Date.now(); // when the page was loaded, or last brought up to date

  const watched = () => document.querySelector("[data-watch]");
  const regions = () => [...document.querySelectorAll("[data-region]")];
  const showsRuns = () => regions().some((region) => !["page", "fields", "tab", "title"].includes(region.dataset.region));

  async function ask() {
    timer = null;
    if (document.hidden) return;
    const watch = watched();
    const address = watch ? `${root.dataset.live}?${watch.dataset.watch}` : root.dataset.live;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
      // The impersonation has ended: the page belongs to somebody else now.
      if (response.headers.has("X-Ended")) return void location.reload();
      if (!response.ok) throw new Error(response.statusText);
      const answer = await response.json();
      failures = 0;
      window.dashboardNotices.tell(answer.notices);
      const { any, ended } = runsMoved(answer);
      const stale = watch && watch.dataset.digest !== answer.page;
      if (stale || (watch && ended) || (any && showsRuns())) await refresh();
      answer.runs.forEach(showRun);
    } catch {
      failures += 1; // a restart, a lost connection, a session that ended: poll less often
    }
    plan((isBusy() ? QUICK : SLOW) * Math.min(2 ** failures, 16));
  }

  function plan(wait) {
    if (timer === null && !document.hidden) timer = setTimeout(ask, wait);
  }

  /* Most changes are sent within seconds; one that waits for more than a minute may wait for hours. */
  const isBusy = () =>
    document.querySelector("[data-region] [data-active]") !== null ||
    (document.querySelector("[data-waits]") !== null && Date.now() - movedAt < 60000);

  /* --- runs ----------------------------------------------------------------------------------------- */

  /* Whether a run began or ended since the last poll, including one that did both. */
  function runsMoved(answer) {
    const active = new Set(answer.runs.map((run) => run.id));
    const before = activeRuns ?? runsOnPage();
    const passed = newestRun !== null && answer.newest_run > newestRun && !active.has(answer.newest_run);
    const ended = passed || [...before].some((id) => !active.has(id));
    const began = [...active].some((id) => !before.has(id));
    activeRuns = active;
    newestRun = answer.newest_run;
    return { any: began || ended, ended };
  }

  function runsOnPage() {
    return new Set([...document.querySelectorAll("[data-run][data-active]")].map((el) => Number(el.dataset.run)));
  }

  function showRun(run) {
    for (const element of document.querySelectorAll(`[data-run="${run.id}"]`)) {
      const status = element.querySelector("[data-status]");
      if (status && status.dataset.status !== run.status) {
        status.className = `pill pill-${run.meaning} is-live`;
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

  /* --- what the page shows --------------------------------------------------------------------------- */

  /* Fetch the page again and replace its regions, which are about runs and the page's object. Nothing else
     changes. */
  async function refresh() {
    const response = await fetch(location.href, { headers: { Accept: "text/html", "X-Live": "1" } });
    if (!response.ok) return offer("This page is no longer what it was.");
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (watched() && !fresh.querySelector("[data-watch]")) return offer("This page is no longer what it was.");
    for (const region of regions()) {
      const replacement = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
      if (replacement && !region.querySelector("dialog[open], [name=_selected_action]:checked, [name=select_across]:checked, [data-in-place].is-open")) replace(region, replacement);
    }
    const list = document.querySelector("[data-list]");
    if (list) refreshList(list, fresh.querySelector("[data-list]"));
    movedAt = Date.now();
    if (window.renderCharts && document.querySelector("[data-region] canvas.chart")) window.renderCharts();
  }

  function replace(element, replacement) {
    if (element.innerHTML === replacement.innerHTML) return;
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    element.replaceChildren(...replacement.childNodes);
    if (window.htmx) window.htmx.process(element);
    document.dispatchEvent(new Event("dashboard:replaced"));
    const again = focused?.id ? `#${CSS.escape(focused.id)}` : `[href="${CSS.escape(focused?.getAttribute("href") ?? "")}"]`;
    if (focused) element.querySelector(again)?.focus();
  }

  /* With the same rows, replace the cells. Other rows could move just before a click, so only offer them. */
  function refreshList(list, fresh) {
    const same = fresh.dataset.list === list.dataset.list;
    list.dataset.digest = fresh.dataset.digest;
    if (!same) return offer("This list has changed.");
    const cells = (table) => [...table.querySelectorAll("tr.data-row > *")];
    const now = cells(fresh);
    cells(list).forEach((cell, place) => {
      if (now[place] && !cell.querySelector("input.action-select")) replace(cell, now[place]);
    });
  }

  function offer(text) {
    watched()?.removeAttribute("data-watch"); // offer it once only
    const bar = document.createElement("div");
    bar.className = "d-offer";
    bar.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "d-button";
    button.textContent = "Show it as it is now";
    button.addEventListener("click", () => location.reload());
    bar.append(text, button);
    document.querySelector("#content-main")?.prepend(bar);
  }

  document.addEventListener("DOMContentLoaded", () => {
    root = document.querySelector("[data-live]");
    if (!root) return; // not signed in
    window.dashboardNotices.start(root);
    plan(300);
    document.addEventListener("visibilitychange", () => plan(0));
  });
}
