"""Addresses of the admin's screens that are not about one model. Their names begin with `admin:`."""

from django.contrib import admin
from django.urls import path

from core.admin import history
from core.admin.autocomplete import PickerSearch
from core.admin.imports import first_page, one_page, upload, ways
from core.admin.imports import steps as import_steps
from core.admin.migration import screen as migration
from core.admin.tools import screen as tools
from core.admin.tools import teams as tools_teams
from integrations.admin.connection import test_connection
from project.pages import (
    email_changes,
    help_pages,
    impersonation,
    invitations,
    live,
    opening,
    passwords,
    sign_in_links,
    sign_ups,
)
from project.pages.find import find

page = admin.site.admin_view

# Links in mails. Some programs leave out the slash at the end of an address in a text.
LINKS = {
    "password_reset_confirm": ("password/new/<uidb64>/<token>", passwords.SetPassword.as_view()),
    "invitation": ("invitation/<uidb64>/<token>", invitations.AnswerInvitation.as_view()),
    "confirm_sign_up": ("join/confirm/<uidb64>/<token>", sign_ups.Confirm.as_view()),
    "sign_up": ("join/<uidb64>/<token>", sign_ups.AskToJoin.as_view()),
    "sign_in_link": ("sign-in/<uidb64>/<token>", sign_in_links.UseLink.as_view()),
    "email_change": ("email-change/<uidb64>/<token>", email_changes.Confirm.as_view()),
}

urlpatterns = [
    # Replaces Django's view, which can search any model through its foreign keys.
    path("autocomplete/", page(PickerSearch.as_view(admin_site=admin.site)), name="autocomplete"),
    path("search/", page(find), name="search"),
    path("live/", page(live.live), name="live"),
    path("live/seen/", page(live.seen), name="live_seen"),
    path("notices/", page(live.notices), name="notices"),
    path("help/", page(help_pages.guide), name="help"),
    path("history/", page(history.history), name="history"),
    path("tools/", page(tools.page), name="tools"),
    path("tools/teams/", page(tools_teams.page), name="tools_teams"),
    path("tools/csv/", page(first_page.page), {"way": ways.BY_TOOLS}, name="tools_csv"),
    path(
        "tools/csv/<key:batch_id>/", page(one_page.about_file), {"way": ways.BY_TOOLS}, name="tools_csv_file"
    ),
    path("tools/group-matching/", page(first_page.page), {"way": ways.BY_GROUPS}, name="group_matching"),
    path(
        "tools/group-matching/<key:batch_id>/",
        page(one_page.about_file),
        {"way": ways.BY_GROUPS},
        name="group_matching_file",
    ),
    path(
        "tools/group-matching/template.<slug:ending>",
        page(upload.template),
        {"kind": ways.BY_GROUPS.kind},
        name="group_matching_template",
    ),
    path("tools/migration/", page(migration.page), name="tools_migration"),
    path("tools/migration/export/<slug:form>/", page(migration.export_file), name="export_everything"),
    path("tools/migration/export-everything/", page(migration.order), name="order_everything"),
    path("tools/migration/template/", page(migration.template), name="migration_template"),
    path("tools/migration/<int:migration_id>/ids/", page(migration.ids), name="migration_ids"),
    path("tools/migration/<int:migration_id>/problems/", page(migration.problems), name="migration_problems"),
    path("tools/sync-now/", page(tools.sync_now), name="sync_now"),
    path("tools/<slug:card>/", page(tools.start), name="tools_start"),
    path("tools/<slug:card>/numbers/", page(tools.numbers), name="tools_numbers"),
    path("imports/new/", page(first_page.new), name="import_new"),
    # The only address that takes large files: project/serving/limits.py names it.
    path("imports/upload/", page(upload.upload), name="import_upload"),
    path("imports/template.<slug:ending>", page(upload.template), name="import_template"),
    path("imports/<key:batch_id>/columns/", page(import_steps.columns), name="import_columns"),
    path("imports/<key:batch_id>/review/", page(import_steps.review), name="import_review"),
    path("imports/<key:batch_id>/start/", page(import_steps.start), name="import_start"),
    path("impersonation/leave/", impersonation.leave, name="leave_impersonation"),
    path("thinkific/open/", opening.OpenInThinkific.as_view(), name="open_in_thinkific"),
    path("thinkific/not-opened/", opening.NotOpened.as_view(), name="thinkific_not_opened"),
    path("connection/test/", page(test_connection), name="test_connection"),
    # For visitors who are not signed in.
    path("password/forgotten/", passwords.AskForMail.as_view(), name="forgotten_password"),
    path("password/forgotten/sent/", passwords.MailIsSent.as_view(), name="password_reset_sent"),
    path("password/new/done/", passwords.PasswordIsSet.as_view(), name="password_set"),
    path("sign-in/by-mail/", sign_in_links.AskForLink.as_view(), name="ask_for_sign_in_link"),
    path("sign-in/by-mail/sent/", sign_in_links.LinkIsSent.as_view(), name="sign_in_link_sent"),
    *(path(f"{route}/", view, name=name) for name, (route, view) in LINKS.items()),
    *(path(route, view) for route, view in LINKS.values()),
]
