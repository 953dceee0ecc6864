"""The topics: the handler of each that is subscribed, and why the others are not needed."""

HANDLED = {
    "user.signup": "people",
    "user.updated": "people",
    "user.deleted": "people",
    "user.signin": "people",
    "enrollment.created": "enrollments",
    "enrollment.trial": "enrollments",
    "enrollment.progress": "enrollments",
    "enrollment.completed": "enrollments",
    "lesson.completed": "enrollments",
    "quiz.attempted": "results",
    "product.created": "catalog",
    "product.updated": "catalog",
    "product.deleted": "catalog",
    "course.created": "catalog",
    "course.updated": "catalog",
    "course.deleted": "catalog",
}
SUBSCRIBED = tuple(HANDLED)

_PAYMENTS = "Not needed: the dashboard keeps no orders; the enrollment they lead to has its own event."
NOT_NEEDED = {
    "order.created": _PAYMENTS,
    "order_transaction.succeeded": _PAYMENTS,
    "order_transaction.failed": _PAYMENTS,
    "order_transaction.refunded": _PAYMENTS,
    "subscription.cancelled": _PAYMENTS,
    "subscription.canceled": _PAYMENTS,
    "subscription.past_due": _PAYMENTS,
    "subscription.unpaid": _PAYMENTS,
    "lead.created": "Not needed: leads are no users yet.",
    "plan.updated": "Not needed: the site's plan is not kept here.",
    "app.uninstalled": "Not needed: the dashboard is not an app of Thinkific's store.",
}


def handled(topic: str) -> str | None:
    """Returns the name of the handler; None for topics that change nothing here."""
    return HANDLED.get(topic)
