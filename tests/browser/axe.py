"""Checks of pages for accessibility with axe-core: labels, names, headings, contrast."""

import re
from importlib.resources import files

from playwright.sync_api import Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SERIOUS = {"serious", "critical"}
# Without `preload` axe does not read all style sheets again: of the rules that run, only one for sounds
# needs it.
RUN = """async (only) => {
  const options = {resultTypes: ['violations'], elementRef: false, preload: false};
  if (only) options.runOnly = {type: 'rule', values: only};
  const found = await axe.run(document, options);
  return found.violations.map((one) => [one.id, one.impact, one.help,
    one.nodes.map((node) => [node.target.join(' '), node.html.slice(0, 300), node.failureSummary])]);
}"""


def in_every_page(page: Page) -> None:
    """Every page that is opened from now on has axe, which is otherwise sent to each anew."""
    page.add_init_script(AXE)


def problems(page: Page, *, only: list[str] | None = None) -> list[str]:
    """Returns the serious and critical findings on the page as it is shown."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE + "\n;null")
    return [
        f"{rule}: {html} {why.splitlines()[-1].strip()} ({target})"
        for rule, impact, _, nodes in page.evaluate(RUN, only)
        if impact in SERIOUS
        for target, html, why in nodes
    ]


def in_both_schemes(page: Page) -> list[str]:
    """Returns the findings in light, and those that only dark has: the colours are all that differs."""
    found = problems(page)
    page.emulate_media(color_scheme="dark")
    # The theme follows the system when a page is loaded.
    page.evaluate("document.documentElement.classList.add('dark')")
    found += [f"dark: {one}" for one in problems(page, only=["color-contrast"])]
    page.emulate_media(color_scheme="light")
    return found


def told(found: dict[str, list[str]]) -> str:
    """Returns the findings of several pages in a form to read: those alike once, with the first page."""
    once: dict[str, str] = {}
    for address, problems_there in found.items():
        for one in problems_there:
            once.setdefault(re.sub(r"\d{2,}|nth-child\(\d+\)", "…", one), f"{address} {one}")
    return "\n".join(once.values())
