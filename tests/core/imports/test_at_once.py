"""Two imports at the same moment, and files of any content."""

import io
import threading
from collections import Counter

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import Refusal
from core.imports import batches, running
from core.models import ImportBatch, ImportRow, Membership, User
from tests.core.imports.conftest import carried_out, validated


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_people_at_once(root, alma, acme, globex):
    def text(team: str, numbers: range) -> str:
        return "Email,Team\n" + "".join(f"p{number}@new.example,{team}\n" for number in numbers)

    first, _ = validated(root, text("Acme", range(300)))
    second, _ = validated(alma, text("Globex", range(299, -1, -1)))
    for batch, by in ((first, root), (second, alma)):
        batches.start(batch, by=by)

    def work() -> None:
        running.run_due()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    running.run_due()  # what had to wait for the other
    assert set(ImportBatch.objects.values_list("status", flat=True)) == {"succeeded"}
    statuses = Counter(ImportRow.objects.values_list("status", flat=True))
    assert statuses == {"created": 300, "joined": 300}
    assert User.objects.filter(email__endswith="@new.example").count() == 300
    assert Membership.objects.filter(user__email__endswith="@new.example").count() == 600


CELLS = st.sampled_from(
    [
        "",
        "ana@acme.example",
        "A@B.example",
        "x",
        "Acme",
        "acme;Globex;;",
        "Student",
        "owner",
        "=1+1",
        '"',
        "'",
        "\x00",
        "a" * 300,
        "ü@münchen.example",
        "1.234E+11",
        "Accounting 101",
        "99999999999999999999",
        "course 0",
        "\u202e",
        "😀@x.example",
    ]
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(CELLS, max_size=9), max_size=6),
    create=st.booleans(),
    existing=st.sampled_from(["update", "leave"]),
)
@example(rows=[["a@b.example", "\x00", "Acme", "", "\x00", "", "\x00"]], create=True, existing="update")
def test_any_cells_end_in_a_refusal_or_a_whole_import(root, acme, acme_seat, ana, rows, create, existing):
    lines = ["Email,Name,Team,Role,Tags,Group,Enrollments"]
    lines += [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    with transaction.atomic():
        try:
            batch, report = validated(
                root, "\n".join(lines), create_teams=create, create_tags=create, existing=existing
            )
            if report.valid:
                batch = carried_out(batch)
                assert batch.rows_done == report.rows
                assert batch.rows_failed == report.failed
                list(batches.failures(batch))
        except Refusal:
            pass
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_any_bytes_end_in_a_refusal_or_a_file(root, data):
    try:
        batch = batches.upload(io.BytesIO(data), name="people.csv", by=root)
        batches.validate(
            batch, mapping=batches.mapping_of(batch) or {0: "email"}, options=batches.options_of(batch)
        )
    except Refusal:
        pass
