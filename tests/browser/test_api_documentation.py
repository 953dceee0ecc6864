"""The interactive documentation works in a browser, and a call can be tried from it."""

from core.services.api import tokens


def test_a_call_is_tried(page, live_server, alma):
    _, secret = tokens.issue(user=alma, name="Documentation")
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{live_server.url}/api/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").or_(page.locator("#auth-bearer-value")).fill(secret)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").click()
    operation = page.locator("#operations-Products-list_products")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert "200" in answer.inner_text()
    assert problems == []
