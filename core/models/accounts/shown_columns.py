"""The optional columns that each user shows in a list."""

from django.conf import settings
from django.db import models


class ShownColumns(models.Model):
    """One user's choice for one list: the names of the optional columns to show. Without a row the list shows
    none of them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shown_columns")
    screen = models.CharField(max_length=100)  # the label of the list's model: "core.user"
    columns = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "screen"], name="one_choice_of_columns_per_list")
        ]

    def __str__(self) -> str:
        return f"Columns of {self.screen} for {self.user}"
