"""Events link nobody who has rights or a password by the e-mail address alone, as in pulls."""

from core.models import Enrollment, QuizResult, User
from integrations.models import InboundEvent, SyncConflict

MAL = {"first_name": "Mal", "last_name": "Ory"}


def test_a_sign_up_with_an_administrator_s_address_links_nobody(
    connected, in_step, happened, deliver, work, alma
):
    user = connected.site.write("create_user", fields={**MAL, "email": "ALMA@academy.example"})

    deliver(happened)
    assert work() == {"ignored": 1}

    alma.refresh_from_db()
    assert alma.thinkific_id is None
    assert "see Conflicts" in InboundEvent.objects.get().outcome
    assert SyncConflict.objects.get().thinkific_id == user.id


def test_what_they_study_is_not_stored_and_fails_nothing(connected, in_step, happened, deliver, work, alma):
    user = connected.site.write("create_user", fields={**MAL, "email": alma.email})
    enrollment = connected.site.write("enroll", user_id=user.id, course_id=3001, dates={})
    connected.site.write("move_progress", enrollment_id=enrollment.id, percent=50)

    deliver(happened)

    assert set(work()) == {"ignored"}
    assert not Enrollment.objects.filter(user=alma).exists()
    assert not QuizResult.objects.filter(user=alma).exists()
    assert SyncConflict.objects.count() == 1


def test_an_update_moves_no_login_of_somebody_with_a_password(connected, in_step, happened, deliver, work):
    user = User.objects.filter(thinkific_id__isnull=False).first()
    user.set_password("quiet-harbour-lights-7")
    user.save()
    before = user.email
    fields = {"email": "his@evil.example", "first_name": "Renamed"}
    connected.site.write("update_user", user_id=user.thinkific_id, fields=fields)

    deliver(happened)
    assert work() == {"processed": 1}

    user.refresh_from_db()
    assert (user.email, user.first_name) == (before, "Renamed")
    assert SyncConflict.objects.get().theirs == "his@evil.example"
