"""Base of screens about the whole site, for users who see all teams. Roles in a team do not open them."""

from django.db.models import Model
from django.http import HttpRequest

from core.admin.kit.base import DashboardAdmin
from core.models import User
from core.permissions import scope


def sees_site(request: HttpRequest, permission: str) -> bool:
    return isinstance(request.user, User) and scope.holds_for_the_site(request.user, permission)


class SitewideAdmin(DashboardAdmin):
    """Requires that the viewer sees everything, besides the `view_` or `change_` permission."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.sees(request, "view")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.sees(request, "view")

    def sees(self, request: HttpRequest, verb: str) -> bool:
        return sees_site(request, f"{self.opts.app_label}.{verb}_{self.opts.model_name}")
