"""All changes of a site, by name. The journal stores the names and the arguments."""

from collections.abc import Callable
from typing import Any

from integrations.thinkific.sandbox.writes import (
    catalog,
    enrollments,
    groups,
    later,
    people,
    progress,
    raw_rows,
    shop,
    subscriptions,
)

WRITES: dict[str, Callable[..., Any]] = {
    "create_user": people.create_user,
    "update_user": people.update_user,
    "delete_user": people.delete_user,
    "delete_users": people.delete_users,
    "sign_in": people.sign_in,
    "sign_in_by_token": people.sign_in_by_token,
    "enroll": enrollments.enroll,
    "set_dates": enrollments.set_dates,
    "hold_bundle": enrollments.hold_bundle,
    "set_bundle_dates": enrollments.set_bundle_dates,
    "move_progress": progress.move_progress,
    "complete_lesson": progress.complete_lesson,
    "attempt_quiz": progress.attempt_quiz,
    "touch_enrollments": progress.touch_enrollments,
    "create_group": groups.create_group,
    "delete_group": groups.delete_group,
    "add_to_groups": groups.add_to_groups,
    "add_members": groups.add_members,
    "remove_from_groups": groups.remove_from_groups,
    "assign_analysts": groups.assign_analysts,
    "remove_analyst": groups.remove_analyst,
    "add_course": catalog.add_course,
    "rename_course": catalog.rename_course,
    "delete_course": catalog.delete_course,
    "add_to_collection": shop.add_to_collection,
    "remove_from_collection": shop.remove_from_collection,
    "review_assignment": shop.review_assignment,
    "subscribe": subscriptions.subscribe,
    "change_subscription": subscriptions.change_subscription,
    "unsubscribe": subscriptions.unsubscribe,
    "postpone": later.postpone,
    "settle": later.carry_out_pending,
    "put": raw_rows.put,
    "remove": raw_rows.remove,
    "shift": raw_rows.shift,
}
