import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import Refusal
from core.management.base import LocalTimeCommand
from integrations.thinkific.webhooks import subscriptions


class Command(LocalTimeCommand):
    help = (
        "Manage the webhook subscriptions at Thinkific. Safe to repeat: `register` makes the subscriptions "
        "that are missing and removes outdated ones of this dashboard. Those of others are not changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="register|list|remove")
        register = actions.add_parser("register", help="subscribe this dashboard to every topic it uses")
        register.add_argument(
            "--url", required=True, help="where Thinkific sends to: https://HOST/webhooks/thinkific/"
        )
        actions.add_parser("list", help="every subscription of the site")
        remove = actions.add_parser("remove", help="remove the subscriptions of this dashboard")
        remove.add_argument("--url", default="", help="remove also subscriptions to this address")
        for action in actions.choices.values():
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told, lines = getattr(self, f"_{options['action']}")(options)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(json.dumps(told) if options["json"] else "\n".join(lines))

    def _register(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        done = subscriptions.register(options["url"])
        lines = [
            f"{word}: {', '.join(topics)}"
            for word, topics in (("created", done.created), ("kept", done.kept), ("removed", done.removed))
            if topics
        ]
        lines += [f"not accepted by Thinkific: {topic} ({words})" for topic, words in done.rejected.items()]
        told = asdict(done) | {
            "rejected": [{"topic": topic, "message": words} for topic, words in done.rejected.items()]
        }
        if not done.created and not done.kept:
            raise CommandError("Thinkific accepted no topic at all:\n" + "\n".join(lines))
        return told, lines

    def _list(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        found = subscriptions.listed()
        lines = [
            f"{one.topic:<22} {one.target_url} ({one.status}{', ours' if one.ours else ''})" for one in found
        ]
        return {"subscriptions": [asdict(one) for one in found]}, lines or ["Nothing is subscribed."]

    def _remove(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        removed = subscriptions.remove(options["url"])
        lines = [f"removed: {one.topic} to {one.target_url}" for one in removed]
        return {"removed": [asdict(one) for one in removed]}, lines or ["Nothing of ours was subscribed."]
