"""The dialogs about users: one module for each subject, one class for each dialog."""

from core.admin.enrollments.dialogs import STUDENT_DIALOGS
from core.admin.users.dialogs.account import ACCOUNT_DIALOGS
from core.admin.users.dialogs.add_user import AddUser
from core.admin.users.dialogs.delete_user import DeleteUser
from core.admin.users.dialogs.export_person import ExportPerson
from core.admin.users.dialogs.impersonate import Impersonate
from core.admin.users.dialogs.memberships import MEMBERSHIP_DIALOGS
from core.admin.users.dialogs.moving import MoveToTeam
from core.admin.users.dialogs.notes import NOTE_DIALOGS
from core.admin.users.dialogs.single_sign_on import SSO_DIALOGS
from core.admin.users.dialogs.sync import SYNC_DIALOGS, SyncUser
from core.admin.users.dialogs.tags import USER_TAG_DIALOGS

USER_DIALOGS = (
    AddUser,
    Impersonate,
    *ACCOUNT_DIALOGS,
    *SSO_DIALOGS,
    *USER_TAG_DIALOGS,
    SyncUser,
    ExportPerson,
    DeleteUser,
    *STUDENT_DIALOGS,
    *MEMBERSHIP_DIALOGS,
    MoveToTeam,
    *NOTE_DIALOGS,
    *SYNC_DIALOGS,
)
