"""Dialogs about tags themselves: adding, renaming, merging and deleting one."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.kit import cells
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import picked
from core.admin.kit.open_pages import list_url
from core.models import Tag, User, UserTag
from core.models.tags_and_notes import TAG_NAME_LENGTH
from core.services import tags
from core.services.tags import BadName
from core.wording import one_or_many, plural


def tag_name_field(label: str = "Name", **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=TAG_NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        error_messages={"required": "A tag needs a name."},
        **options,
    )


class AddTag(Dialog):
    slug, label, icon, about_new = "add", "Add Tag", "new_label", True
    permission = "core.add_tag"
    question = "A tag is a label for people. Everybody who may tag people can use it for their own people."
    refused_at = {BadName: "name"}
    name = tag_name_field()

    def carry_out(self) -> Done:
        tag = tags.create(name=self.cleaned_data["name"], by=self.viewer)
        return Done(f"The tag {tag} is made. Nobody has it yet.", cells.detail_url(tag))


class RenameTag(Dialog):
    slug, label, submit, icon = "rename", "Rename", "Save", "edit"
    permission = "core.change_tag"
    question = "The name changes for everybody who has the tag."
    shows_stored = True
    refused_at = {BadName: "name"}
    name = tag_name_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.obj.name

    def carry_out(self) -> Done:
        before = self.obj.name
        tag = tags.rename(self.obj, name=self.cleaned_data["name"], by=self.viewer)
        return Done(f"The tag {before} is called {tag} now.")


class MergeTag(Dialog):
    slug, label, icon = "merge", "Merge into Another", "merge"
    permission = "core.delete_tag"
    no_choice = {"into": "There is no other tag. Rename {obj}, or add the tag that shall stay."}
    into = picked(
        UserTag.tag,
        "Tag that stays",
        errors={"required": "Choose a tag.", "invalid_choice": "This tag is no longer there."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("into", Tag.objects.visible_to(self.viewer).exclude(pk=self.obj.pk))

    def text(self) -> str:
        return f"{who_have(self.obj)} The tag that you choose replaces it, and {self.obj} is deleted."

    def carry_out(self) -> Done:
        into = self.cleaned_data["into"]
        added = tags.merge(self.obj, into=into, by=self.viewer)
        verb = one_or_many(added, "gets", "get")
        return Done(
            f"{self.obj} is merged into {into}. {counted(added)} {verb} {into} by this.",
            cells.detail_url(into),
        )


class DeleteTag(Dialog):
    slug, label, icon, danger = "delete", "Delete Tag", "delete", True
    permission = "core.delete_tag"

    def text(self) -> str:
        return f"{who_have(self.obj)} It is removed from all of them. Nothing else about them changes."

    def carry_out(self) -> Done:
        removed = tags.delete(self.obj, by=self.viewer)
        gone = f" It is removed from {plural(removed, 'person', 'people')}." if removed else ""
        return Done(f"The tag {self.obj} is deleted.{gone}", list_url(Tag))


def who_have(tag: Tag) -> str:
    """Returns a sentence with the number of people and seats that have the tag."""
    people, seats = UserTag.objects.filter(tag=tag).count(), tag.seats.count()
    also = f" and {plural(seats, 'seat')}" if seats else ""
    verb = "has" if people + seats <= 1 else "have"
    return f"{counted(people)}{also} {verb} the tag {tag}."


def people_with(tag: Tag) -> str:
    """Returns the address of the list of users with this tag."""
    return list_url(User, f"tag={tag.pk}")


TAG_DIALOGS = (AddTag, RenameTag, MergeTag, DeleteTag)
