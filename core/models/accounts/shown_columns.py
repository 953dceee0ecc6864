"""Which columns somebody shows in a list, where there is a choice."""

from django.conf import settings
from django.db import models


class ShownColumns(models.Model):
    """One person's choice for one list: the optional columns, by name, that it shows to them. It is the same
    on every machine that they sign in from; without a row the list shows none of them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shown_columns")
    screen = models.CharField(max_length=100)  # of which model, "core.user"
    columns = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "screen"], name="one_choice_of_columns_per_list")
        ]

    def __str__(self) -> str:
        return f"Columns of {self.screen} for {self.user}"
