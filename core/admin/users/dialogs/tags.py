"""Dialogs about the tags of users: on a user's page, and for users chosen in the list."""

from typing import Any

from core.admin.kit.counting import counted
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import picked
from core.admin.tags.dialogs import tag_name_field
from core.errors import names
from core.models import Tag, User, UserTag
from core.permissions import scope
from core.services import tags
from core.services.tags import BadName
from core.wording import listed, one_or_many, plural

MOST_TAGGED = 10_000  # people at once
NEW_TAG = "If there is a tag with this name already, that one is used."


def tags_field(label: str = "Tags", **options: Any) -> Any:
    errors = {"required": "Choose a tag.", "invalid_choice": "This tag is no longer there. Choose again."}
    return picked(UserTag.tag, label, multiple=True, errors=errors, **options)


class TagDialog(Dialog):
    code = "tags.assign"
    refused_at = {BadName: "new"}

    def chosen_tags(self) -> list[Tag]:
        """Returns the chosen tags, with the new one, which is made now."""
        found = list(self.cleaned_data["tags"])
        if name := self.cleaned_data["new"]:
            new = tags.find_or_create(name=name, by=self.viewer)
            found += [] if new in found else [new]
        return found


class EditTags(TagDialog):
    slug, label, submit, icon = "tags", "Edit Tags", "Save", "label"
    question = "Tags are labels for lists, filters and exports. Only people who may see this user see them."
    shows_stored = True
    tags = tags_field(required=False)
    new = tag_name_field("New tag", required=False, help_text=NEW_TAG)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = set(self.obj.tags.order_by().values_list("pk", flat=True))
        self.offer("tags", Tag.objects.visible_to(self.viewer))
        self.fields["tags"].initial = sorted(self.stored)
        self.suggest("new", "")

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        if obj is None:
            return scope.holds(viewer, cls.code)
        return scope.own_people_where(viewer, cls.code).filter(pk=obj.pk).exists()

    def carry_out(self) -> Done:
        chosen = self.chosen_tags()
        keys = {tag.pk for tag in chosen}
        gone = list(Tag.objects.filter(pk__in=self.stored - keys))
        tags.add_tags([self.obj], [tag for tag in chosen if tag.pk not in self.stored], by=self.viewer)
        tags.remove_tags([self.obj], gone, by=self.viewer)
        shown = listed(sorted(tag.name for tag in chosen))
        return Done(
            f"{self.obj} has the {one_or_many(len(chosen), 'tag', 'tags')} {shown} now."
            if chosen
            else f"{self.obj} has no tags now."
        )


class TagChosen(ChosenDialog, TagDialog):
    """For up to MOST_TAGGED chosen users. Those whom the viewer may not tag are left out, and named before
    and after: guests, whose tags belong to other teams, and members of teams where the viewer's role does not
    include it."""

    most = MOST_TAGGED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("tags", Tag.objects.visible_to(self.viewer))
        self.people, self.guests, self.others = self.chosen, [], []
        if not self.viewer.sees_everything and self.chosen:
            tagged = set(scope.own_people_where(self.viewer, self.code).values_list("pk", flat=True))
            own = set(User.objects.own_people_of(self.viewer).values_list("pk", flat=True))
            self.people = [user for user in self.chosen if user.pk in tagged]
            self.guests = [user for user in self.chosen if user.pk not in own]
            self.others = [user for user in self.chosen if user.pk in own - tagged]

    def text(self) -> str:
        said = f"{counted(self.people)}: {names(self.people)}." if self.people else "Nobody is left."
        return f"{said}{self.left_out('is', 'are')}"

    def left_out(self, one: str, many: str) -> str:
        """Returns who of the chosen gets no tag, and why; empty for nobody."""
        said = ""
        if self.guests:
            verb = one_or_many(len(self.guests), f"{one} left out: a guest's", f"{many} left out: guests'")
            said += f" {names(self.guests)} {verb} tags belong to other teams."
        if self.others:
            verb = one_or_many(len(self.others), one, many)
            said += f" {names(self.others)} {verb} left out: your role in their team does not change tags."
        return said

    def lines(self) -> dict[int, str]:
        people = {user.pk: f"{user}, {user.shown_email}" for user in self.people}
        return people | {user.pk: f"{user}: left out" for user in [*self.guests, *self.others]}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.people:
            self.add_error(None, "None of the chosen people is yours to tag. Choose others.")
        return values


class AddTagToChosen(TagChosen):
    slug, label, action = "add-tag", "Add Tag", "add_tag"
    tags = tags_field(required=False)
    new = tag_name_field("New tag", required=False, help_text=NEW_TAG)

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if "tags" in values and "new" in values and not values["tags"] and not values["new"]:
            self.add_error("tags", "Choose a tag, or enter the name of a new one.")
        return values

    def carry_out(self) -> Done:
        chosen = self.chosen_tags()
        added = tags.add_tags(self.people, chosen, by=self.viewer)
        said = _result(chosen, added, len(self.people), "added to", "had")
        return Done(f"{said}{self.left_out('was', 'were')}")


class RemoveTagFromChosen(TagChosen):
    slug, label, action = "remove-tag", "Remove Tag", "remove_tag"
    no_choice = {"tags": "There is no tag yet."}
    tags = tags_field()

    def carry_out(self) -> Done:
        chosen = list(self.cleaned_data["tags"])
        removed = tags.remove_tags(self.people, chosen, by=self.viewer)
        said = _result(chosen, removed, len(self.people), "removed from", "did not have")
        return Done(f"{said}{self.left_out('was', 'were')}")


def _result(chosen: list[Tag], count: int, people: int, done: str, others: str) -> str:
    """Returns the message: on how many people something changed, and for how many it did not."""
    if len(chosen) > 1:
        every = f"{plural(count, 'tag was', 'tags were')} {done} {plural(people, 'person', 'people')}"
        return f"{every}: {listed(sorted(tag.name for tag in chosen))}."
    verb = f"{others} it already" if others == "had" else f"{others} it"
    rest = f" {plural(people - count, 'person', 'people')} {verb}." if people > count else ""
    return f"The tag {chosen[0]} was {done} {plural(count, 'person', 'people')}.{rest}"


USER_TAG_DIALOGS = (EditTags,)
CHOSEN_TAG_DIALOGS = (AddTagToChosen, RemoveTagFromChosen)
