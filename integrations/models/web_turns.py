"""Who asks Thinkific while somebody's browser waits for it."""

from django.db import models


class WebTurn(models.Model):
    """Leave to ask Thinkific within a web request. There are few, so that a Thinkific which does not answer
    cannot hold all threads of the web server; `until` is when it comes free although nobody gave it back."""

    slot = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=40)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slot"], name="one_holder_per_web_turn")]

    def __str__(self) -> str:
        return f"turn {self.slot}"
