"""Limiting the web requests that wait for Thinkific."""

from django.db import models


class WebTurn(models.Model):
    """Permission for one web request to call Thinkific.

    There are only a few. So if Thinkific does not answer, it cannot occupy all threads of the web server. A
    slot is free again after `until`, even if its holder has not given it back.
    """

    slot = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=40)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slot"], name="one_holder_per_web_turn")]

    def __str__(self) -> str:
        return f"turn {self.slot}"
