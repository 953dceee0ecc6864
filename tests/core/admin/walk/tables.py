"""Says what each permission allows. Check these tables by reading them."""

# permission -> the lists that it opens
OPENS = {
    "users.view": {"user"},
    "teams.view": {"team"},
    "seats.view": {"seat"},
    "products.view": {"product", "quiz"},
    "enrollments.view": {"enrollment"},
    "groups.view": {"thinkificgroup"},
    "reports.view": {"quizresult", "certificate"},
    "reports.export": {"exportfile"},
    "tags.assign": {"tag"},
    "tools.csv": {"importbatch"},
    # People who may change something may also see it.
    "users.edit": {"user"},
    "teams.edit": {"team"},
    "seats.edit": {"seat"},
    "enrollments.extend": {"enrollment"},
    "groups.assign": {"thinkificgroup"},
    "tags.edit": {"tag"},
}
# The same for lists of the whole site, which open only for people who see everything.
OPENS_EVERYWHERE = {
    "organizations.view": {"organization"},
    "roles.view": {"role"},
    "settings.view": {"sitesettings", "emailtext", "syncschedule"},
    "tools.import": {"syncrun", "migration"},
    "sync.manage": {"syncrun", "syncconflict", "drift", "inboundevent", "outboxentry"},
    "tokens.manage": {"apitoken"},
    "webhooks.manage": {"webhookendpoint", "webhookdelivery"},
    "payments.manage": {"stripeevent"},
    "audit.view": {"impersonationsession", "thinkificopening"},
    "organizations.edit": {"organization"},
    "roles.edit": {"role"},
    "settings.edit": {"sitesettings", "emailtext", "syncschedule"},
}
# permission -> the dialogs and actions that it adds to a team role. Other permissions add none.
DOES = {
    "users.create": {"user:add"},
    "teams.assign": {
        "user:join-team",
        "user:change-role",
        "user:leave-team",
        "team:add-person",
        "team:change-role",
        "team:remove-person",
        "team:add-short-link",
        "team:revoke-short-link",
    },
    "teams.edit": {"team:edit", "team:overrides", "user:overrides"},
    "tags.assign": {"user:tags"},
    "notes.create": {"user:add-note", "user:edit-note", "user:delete-note"},  # the last two for own notes
    "enrollments.create": {"user:enroll"},
    "enrollments.extend": {"user:change-end", "enrollment:change-end"},
    "enrollments.delete": {"user:end-access", "enrollment:end-access"},
    "groups.assign": {
        "user:join-group",
        "team:attach-group",
        "team:change-direction",
        "team:set-direction",
        "team:unassign",
        "thinkificgroup:assign-team",
        "thinkificgroup:assign-another",
        "thinkificgroup:change-direction",
        "thinkificgroup:set-direction",
        "thinkificgroup:unassign",
        "thinkificgroup:add-member",
        "thinkificgroup:remove-member",
    },
    "reports.export": {
        "user:export",
        "team:export",
        "seat:export",
        "product:export",
        "thinkificgroup:export",
        "tag:export",
        "enrollment:export",
        "quizresult:export",
        "certificate:export",
    },
}
