"""Who may import files, into which teams, and who may open which import."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from core import acting
from core.admin.imports.ways import Way
from core.admin.kit.viewer import viewer_of
from core.admin.tools.dialogs import Tool
from core.imports import batches
from core.imports.kinds import may_import
from core.imports.people.names import NEEDED
from core.models import ImportBatch, Team, User
from core.permissions import scope

IN_OWN_NAME = "An import goes on when the impersonation has ended."
UNDONE_IN_OWN_NAME = "Undoing an import goes on when the impersonation has ended."
Kind = ImportBatch.Kind


def check_may_import(request: HttpRequest, kind: str = Kind.USERS) -> User:
    """Returns the viewer. Raises PermissionDenied for whoever may not import files of the kind."""
    viewer = viewer_of(request)
    if not may_import(viewer, kind):
        raise PermissionDenied
    return viewer


def check_may_use(request: HttpRequest, way: Way) -> User:
    """Returns the viewer. Raises PermissionDenied for whoever may not import files in this way."""
    viewer = check_may_import(request, way.kind)
    if way.in_tools and not Tool.may(viewer, None):
        raise PermissionDenied
    return viewer


def teams_for(viewer: User) -> QuerySet[Team]:
    """Returns the teams that the viewer may import people into."""
    teams = Team.objects.visible_to(viewer).filter(archived_at__isnull=True)
    for code in NEEDED:
        teams = teams.filter(pk__in=scope.teams_where(viewer, code).values("pk"))
    return teams


def may_import_into(viewer: User, team: Team) -> bool:
    return may_import(viewer) and teams_for(viewer).filter(pk=team.pk).exists()


def visible(rows: QuerySet[ImportBatch], viewer: User) -> QuerySet[ImportBatch]:
    """Returns the imports that the viewer may see: team managers see those that they uploaded themselves."""
    return rows if viewer.sees_everything else rows.filter(created_by=viewer)


def may_change(viewer: User, batch: ImportBatch) -> bool:
    """Whether the viewer may cancel or undo the import."""
    return may_import(viewer) and (viewer.sees_everything or batch.created_by_id == viewer.pk)


def own_import(request: HttpRequest, key: str, kind: str) -> ImportBatch:
    """Returns an import of the kind that the viewer uploaded. Raises Http404 for another's: only its uploader
    may prepare and start it, as it is carried out with their rights."""
    viewer = check_may_import(request, kind)
    found = ImportBatch.objects.filter(pk=key, created_by=viewer, kind=kind)
    batch = found.defer("content").first()
    if batch is None:
        raise Http404
    return batch


def is_open(batch: ImportBatch) -> bool:
    """Whether it has not been started yet."""
    return batch.status in batches.OPEN


def obstacle() -> str:
    """Returns why nothing can be imported now: somebody acts as the viewer. Empty when it can."""
    return acting.obstacle(IN_OWN_NAME)
