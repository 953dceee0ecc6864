"""The screens. Each has a folder or a module with its name; importing this package registers all of them."""

import core.admin.api.screen
import core.admin.certificates
import core.admin.emails.screen
import core.admin.enrollments.screen
import core.admin.exports.screen
import core.admin.groups.screen
import core.admin.impersonations.screen
import core.admin.imports.screen
import core.admin.migration.migrations
import core.admin.openings
import core.admin.organizations.screen
import core.admin.payments.screen
import core.admin.products.screen
import core.admin.quiz_results
import core.admin.roles.screen
import core.admin.seats.screen
import core.admin.settings.screen
import core.admin.tags.screen
import core.admin.teams.screen
import core.admin.users.screen
import core.admin.waiting_changes.screen
import core.admin.webhooks.screen  # noqa: F401
