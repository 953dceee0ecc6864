"""Import a CSV or XLSX file, as the screens do."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import Refusal
from core.imports import batches, ending, running
from core.imports.report import Report
from core.management.base import LocalTimeCommand
from core.models import ImportBatch, ImportRow, Team, User

MOST_SHOWN = 50


class Command(LocalTimeCommand):
    help = "Import people, or assign groups to teams, from a CSV or XLSX file, with the rights of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--kind", choices=ImportBatch.Kind.values, default=ImportBatch.Kind.USERS)
        parser.add_argument("--as", dest="by", metavar="EMAIL", help="without: the first superuser")
        parser.add_argument("--validate-only", action="store_true", help="say what is wrong; change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="HEADER=FIELD",
            help="what a column means, where it is not guessed; FIELD empty: ignore it",
        )
        parser.add_argument("--sheet", default="", help="of an XLSX file; without: the first")
        parser.add_argument("--team", metavar="NAME", help="everybody joins this team too")
        parser.add_argument("--create-teams", action="store_true", help="make teams that are missing")
        parser.add_argument("--create-tags", action="store_true", help="make tags that are missing")
        parser.add_argument("--update", action="store_true", help="change names and roles of existing people")
        parser.add_argument(
            "--allow-emails", action="store_true", help="send welcome e-mails and invitations"
        )
        parser.add_argument("--prohibit-emails", action="store_true", help="send none; wins over the other")
        parser.add_argument(
            "--sync", action="store_true", help="of group matching: sync the matched groups at the end"
        )
        parser.add_argument("--not-in-thinkific", action="store_true", help="make no Thinkific accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            batch = self._upload(options)
            report = batches.validate(
                batch, mapping=self._mapping(batch, options["map"]), options=self._options(batch, options)
            )
            if not options["validate_only"] and report.valid:
                by = batch.created_by
                assert by is not None
                batches.start(batch, by=by, wake=False)
                running.carry_out_now(batch)
                batch.refresh_from_db()
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        done = batch.status not in batches.OPEN
        errors = _errors(batch) if done else _problems(report)
        if options["json"]:
            self.stdout.write(json.dumps(_counts(batch, report) | {"errors": errors}))
        else:
            self._say(batch, report, errors)
        if batch.status == ImportBatch.Status.FAILED or report.failed or batch.rows_failed:
            raise CommandError(
                ending.summary(batch) if done else f"{report.failed:,} lines cannot be imported."
            )

    def _upload(self, options: dict[str, Any]) -> ImportBatch:
        by = _account(options["by"])
        path = Path(options["file"])
        team = None
        if options["team"]:
            team = Team.named(options["team"]).filter(archived_at__isnull=True).first()
            if team is None:
                raise CommandError(f"There is no team “{options['team']}”.")
        try:
            with path.open("rb") as file:
                return batches.upload(file, name=path.name, kind=options["kind"], by=by, team=team)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None

    def _mapping(self, batch: ImportBatch, chosen: list[str]) -> dict[int, str]:
        mapping = batches.guess(batch.headers, user=None, kind=batch.kind)
        places = {header: index for index, header in reversed(list(enumerate(batch.headers)))}
        for one in chosen:
            header, _, field = one.rpartition("=")
            if header not in places:
                raise CommandError(f"The file has no column “{header}”. It has {', '.join(batch.headers)}.")
            mapping.pop(places[header], None)
            if field:
                mapping[places[header]] = field
        return mapping

    def _options(self, batch: ImportBatch, options: dict[str, Any]) -> Any:
        known = batches.options_of(batch)
        chosen = {
            "sheet": options["sheet"] or known.sheet,
            "create_teams": options["create_teams"],
            "create_tags": options["create_tags"],
            "existing": "update" if options["update"] else "leave",
            "allow_emails": options["allow_emails"],
            "prohibit_emails": options["prohibit_emails"],
            "in_thinkific": not options["not_in_thinkific"],
            "sync": options["sync"],
        }
        # Each kind has its own: what it does not ask is left.
        return type(known).read(known.stored() | chosen)

    def _say(self, batch: ImportBatch, report: Report, errors: list[dict[str, Any]]) -> None:
        self.stdout.write(f"{report.rows:,} lines, {report.valid:,} of them valid.")
        for need in report.seats:
            if need.missing:
                self.stdout.write(
                    f"{need.team} needs {need.needs:,} places for {need.product}; {need.free:,} are free."
                )
        for error in errors[:MOST_SHOWN]:
            where = f", {error['column']}" if error["column"] else ""
            self.stdout.write(f"Line {error['row']}{where}: {error['message']}")
        if batch.status not in batches.OPEN:
            self.stdout.write(ending.summary(batch))


def _account(email: str | None) -> User:
    if email:
        user = User.objects.of_address(email).filter(is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody has an account with {email} that is switched on.")
        return user
    user = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if user is None:
        raise CommandError("There is no superuser. Name an account with --as EMAIL.")
    return user


def _counts(batch: ImportBatch, report: Report) -> dict[str, int]:
    """`updated` counts all whose account was there and to whom something happened."""
    done = batch.status not in batches.OPEN
    return {
        "rows": report.rows,
        "valid": report.valid,
        "created": batch.rows_created,
        "updated": batch.rows_updated + batch.rows_joined + batch.rows_invited,
        "failed": batch.rows_failed if done else report.failed,
    }


def _problems(report: Report) -> list[dict[str, Any]]:
    return [{"row": one.line, "column": one.header, "message": one.message} for one in report.problems]


def _errors(batch: ImportBatch) -> list[dict[str, Any]]:
    rows = batch.rows.filter(status=ImportRow.Status.FAILED).order_by("number")
    return [
        {"row": number, "column": one.get("column", ""), "message": one["message"]}
        for number, errors in rows.values_list("number", "errors")
        for one in errors
    ]
