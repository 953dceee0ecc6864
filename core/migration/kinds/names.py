"""Organizations and tags: found by their names, which are unique."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model

from core.folding import fold
from core.migration.kinds.kind import Kind, differences
from core.migration.rows import Row, Run
from core.models import MigrationRow, Organization, SeatTag, Tag, UserTag
from core.services.storage import bulk


class Named(Kind):
    columns: tuple[str, ...] = ("name",)

    def find(self, rows: Sequence[Row], run: Run) -> None:
        earlier = run.earlier(self.name, [row.ref for row in rows])
        model: Any = self.model
        names = {fold(row.values["name"]) for row in rows}
        by_name = {o.folded: o for o in model.objects.filter(bulk.among("folded", names))}
        by_key = model.objects.in_bulk(list(earlier.values()))
        for row in rows:
            found = by_key.get(earlier.get(row.ref)) or by_name.get(fold(row.values["name"]))
            if found is not None:
                pairs = [(f"the {name}", getattr(found, name), row.values[name]) for name in self.columns]
                row.is_there(found.pk, differences(pairs))

    def write(self, rows: Sequence[Row], run: Run) -> None:
        values = [tuple(row.values[name] for name in self.columns) for row in rows]
        for row, key in zip(rows, self.insert(self.model, self.columns, values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        rows = self.model._base_manager.order_by("pk").values_list("pk", *self.columns)
        yield from rows.iterator(chunk_size=2000)


class Organizations(Named):
    name, model = "organizations", Organization
    code, undo_code = "organizations.create", "organizations.delete"
    columns = ("name", "description")


class Tags(Named):
    name, model = "tags", Tag
    code, undo_code = "tags.assign", "tags.delete"

    def may_cascade(self) -> set[type[Model]]:
        return {SeatTag}

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        """A seat that goes was looked at before, and its tags go with it."""
        seats = MigrationRow.objects.filter(migration=run.migration, kind="seats", goes=True).order_by()
        on = SeatTag.objects.filter(bulk.among("tag_id", [row.object_id for row in rows]))
        on = on.exclude(seat__in=seats.values("object_id"))
        return dict.fromkeys(on.values_list("tag", flat=True), "a seat has it")


class PersonTags(Kind):
    name, model, code = "person_tags", UserTag, "tags.assign"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        pairs = {(row.keys["person"], row.keys["tag"]) for row in rows}
        there = (
            UserTag.objects.filter(bulk.Among("user_id", "tag_id", rows=pairs))
            if pairs
            else UserTag.objects.none()
        )
        found = {(user, tag): pk for pk, user, tag in there.order_by().values_list("pk", "user", "tag")}
        for row in rows:
            if key := found.get((row.keys["person"], row.keys["tag"])):
                row.is_there(key)

    def write(self, rows: Sequence[Row], run: Run) -> None:
        values = [(row.keys["person"], row.keys["tag"]) for row in rows]
        for row, key in zip(rows, self.insert(UserTag, ["user_id", "tag_id"], values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        yield from UserTag.objects.order_by("pk").values_list("user", "tag").iterator(chunk_size=2000)
