"""POST users, PUT users/{id}, POST users/upsert: what is made and changed, and by whom."""

import json

import pytest
from django_q.models import OrmQ

from core.models import EmailChange, Membership, OutboxEntry, SiteSettings, User
from core.services.accounts import access
from core.services.api import personal_team
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db
PASSWORD = "a-horse-and-4-staples"
JOHN = {"name": "John Doe", "email": "j.doe@www.wooninja.io", "password": PASSWORD, "max_seats": 100}


def errors_of(answer):
    assert answer.status_code == 422, answer.content
    return set(answer.json().get("errors", {}))


@pytest.fixture
def john(alma, api):
    return User.objects.get(pk=api(alma).post("users", JOHN).json()["data"]["id"])


def test_a_user_is_made_with_a_personal_team(alma, api):
    answer = api(alma).post("users", JOHN)
    assert answer.status_code == 201
    made = answer.json()["data"]
    assert (made["name"], made["email"], made["max_seats"], made["used_seats"]) == (
        "John Doe",
        "j.doe@www.wooninja.io",
        100,
        0,
    )
    user = User.objects.get(pk=made["id"])
    team = user.owned_teams.get()
    assert user.is_dashboard_user
    assert (team.is_personal, team.max_members, user.primary_team, user.home_team) == (True, 100, team, team)
    assert not (user.is_staff or user.is_superuser or user.global_role)
    assert user.check_password(PASSWORD)
    assert access.may_use_the_dashboard(User.objects.filter(pk=user.pk)).exists()
    assert PASSWORD not in user.password
    assert user.history.first().history_user == alma
    assert answer["ETag"] == api(alma).get(f"users/{user.pk}")["ETag"]
    assert OutboxEntry.objects.filter(entity="user", object_id=user.pk).count() == 1


def test_the_published_password_is_refused_by_the_rules(alma, api):
    assert errors_of(api(alma).post("users", JOHN | {"password": "********"})) == {"password"}
    assert not User.objects.filter(email=JOHN["email"]).exists()


@pytest.mark.parametrize(
    "password", ["password", "1234567890", "j.doe@www.wooninja.io", "short", "", 5, None]
)
def test_weak_passwords_are_refused(alma, api, password):
    assert errors_of(api(alma).post("users", JOHN | {"password": password})) == {"password"}
    assert not User.objects.filter(email=JOHN["email"]).exists()


@pytest.mark.parametrize("missing", ["name", "email", "password"])
def test_name_email_and_password_are_required(alma, api, missing):
    body = {name: value for name, value in JOHN.items() if name != missing}
    assert errors_of(api(alma).post("users", body)) == {missing}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", ""),
        ("name", 5),
        ("name", "x" * 600),
        ("name", "x" * 300),
        ("email", "nonsense"),
        ("email", "a@b"),
        ("email", None),
        ("email", "x" * 300 + "@a.example"),
        ("max_seats", -1),
        ("max_seats", 1_000_001),
        ("max_seats", 2**70),
        ("max_seats", "many"),
        ("max_seats", 1.5),
        ("max_seats", True),
    ],
)
def test_wrong_values_name_their_field(alma, api, field, value):
    assert errors_of(api(alma).post("users", JOHN | {field: value})) == {field}
    assert not User.objects.filter(first_name="John").exists()


@pytest.mark.parametrize(("given", "stored"), [({}, 25), ({"max_seats": None}, None), ({"max_seats": 0}, 0)])
def test_without_max_seats_the_settings_count(alma, api, given, stored):
    SiteSettings.load()
    SiteSettings.objects.update(default_max_members=25)
    body = {name: JOHN[name] for name in ("name", "email", "password")}
    assert api(alma).post("users", body | given).json()["data"]["max_seats"] == stored


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Prince", ("Prince", "")),
        ("Mary Ann  van Dyk", ("Mary", "Ann van Dyk")),
        (" José  Núñez ", ("José", "Núñez")),
    ],
)
def test_the_first_word_is_the_first_name(alma, api, name, parts):
    made = api(alma).post("users", JOHN | {"name": name}).json()["data"]
    user = User.objects.get(pk=made["id"])
    assert (user.first_name, user.last_name) == parts
    assert made["name"] == " ".join(parts).strip()


def test_a_taken_address_is_refused_whoever_has_it(alma, api, ana, owen):
    for email in (ana.email, owen.email.upper(), UserFactory(from_thinkific=True).email):
        assert errors_of(api(alma).post("users", JOHN | {"email": email})) == {"email"}
    ana.refresh_from_db()
    assert not ana.is_dashboard_user


def test_nothing_but_the_documented_fields_is_taken(alma, api):
    extra = {"is_superuser": True, "is_staff": True, "global_role": 1, "id": 1, "thinkific_id": 5}
    made = api(alma).post("users", JOHN | extra).json()["data"]
    user = User.objects.get(pk=made["id"])
    assert not (user.is_superuser or user.is_staff or user.global_role or user.thinkific_id)


@pytest.mark.parametrize("path", ["users", "users/upsert"])
def test_a_manager_makes_no_users_and_learns_of_nobody(mara, owen, api, gwen, otto, path):
    for issuer in (mara, owen):
        said = set()
        for email in ("new@acme.example", gwen.email, otto.email):
            answer = api(issuer).post(path, JOHN | {"email": email})
            said.add((answer.status_code, answer.content))
        assert len(said) == 1
        assert said.pop()[0] == 403
    assert not User.objects.filter(email="new@acme.example").exists()


def test_a_role_needs_the_rights_to_make_users_and_teams(api):
    for codes in (["users.view", "users.create"], ["users.view", "teams.create"]):
        role = RoleFactory(is_global=True, permissions=codes)
        issuer = UserFactory(is_dashboard_user=True, global_role=role, is_staff=True)
        assert api(issuer).post("users", JOHN).status_code == 403
    assert not User.objects.filter(email=JOHN["email"]).exists()


def test_an_update_changes_what_was_sent(alma, api, john):
    answer = api(alma).put(
        f"users/{john.pk}", {"name": "Jay Doe", "email": "doe.jay@www.wooninja.io", "max_seats": 35}
    )
    assert answer.status_code == 200
    shown = answer.json()["data"]
    assert (shown["name"], shown["email"], shown["max_seats"]) == ("Jay Doe", "doe.jay@www.wooninja.io", 35)
    assert EmailChange.objects.get(user=john).way == EmailChange.Way.AT_ONCE
    again = api(alma).put(f"users/{john.pk}", {"max_seats": None}).json()["data"]
    assert (again["name"], again["max_seats"]) == ("Jay Doe", None)
    assert api(alma).put(f"users/{john.pk}", {}).json()["data"] == again


def test_what_was_read_can_be_written_back(alma, api):
    user = UserFactory(first_name="Mary Ann", last_name="Smith", is_dashboard_user=True)
    client = api(alma)
    shown = client.get(f"users/{user.pk}").json()["data"]
    before = user.history.count()
    assert client.put(f"users/{user.pk}", shown).json()["data"] == shown
    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.history.count()) == ("Mary Ann", "Smith", before)


def test_a_taken_address_and_wrong_values_change_nothing(alma, api, john, owen):
    client = api(alma)
    assert errors_of(client.put(f"users/{john.pk}", {"name": "Jay", "email": owen.email})) == {"email"}
    assert errors_of(client.put(f"users/{john.pk}", {"name": "Jay", "password": "short"})) == {"password"}
    assert errors_of(client.put(f"users/{john.pk}", {"name": "Jay", "max_seats": -5})) == {"max_seats"}
    john.refresh_from_db()
    assert john.first_name == "John"


def test_the_address_may_stay_in_another_case(alma, api, john):
    assert api(alma).put(f"users/{john.pk}", {"email": john.email.upper()}).status_code == 200
    assert not EmailChange.objects.exists()


def test_a_new_password_ends_sessions(alma, api, john, client):
    client.force_login(john)
    new = "another-horse-5-staples"
    assert api(alma).put(f"users/{john.pk}", {"password": new}).status_code == 200
    john.refresh_from_db()
    assert john.check_password(new)
    stored = john.password
    assert api(alma).put(f"users/{john.pk}", {"password": new}).status_code == 200
    john.refresh_from_db()
    assert john.password == stored


def test_two_writers_do_not_overwrite_each_other(alma, api, john):
    client = api(alma)
    tag = client.get(f"users/{john.pk}")["ETag"]
    first = client.put(f"users/{john.pk}", {"max_seats": 5}, If_Match=tag)
    assert first.status_code == 200
    second = client.put(f"users/{john.pk}", {"max_seats": 7}, If_Match=tag)
    assert second.status_code == 412
    assert client.put(f"users/{john.pk}", {"max_seats": 7}, If_Match=first["ETag"]).status_code == 200
    assert client.put(f"users/{john.pk}", {"max_seats": 8}, If_Match="*").status_code == 200


@pytest.mark.parametrize("change", [{"email": "x@evil.example"}, {"password": PASSWORD}])
@pytest.mark.parametrize("whom", ["root", "other", "support"])
def test_no_token_takes_over_somebody_with_rights_everywhere(alma, root, api, change, whom):
    role = RoleFactory(is_global=True, permissions=["users.view", "users.edit"])
    person = {
        "root": root,
        "other": UserFactory(administrator=True),
        "support": UserFactory(is_dashboard_user=True, is_staff=True, global_role=role),
    }[whom]
    before = (person.email, person.password)
    for issuer in (alma, root, UserFactory(global_role=role, is_staff=True, is_dashboard_user=True)):
        refused = 403 if person.is_dashboard_user else 404
        assert api(issuer).put(f"users/{person.pk}", change).status_code == refused
        body = {"email": person.email, "password": PASSWORD}
        assert api(issuer).post("users/upsert", body).status_code == 403
    person.refresh_from_db()
    assert (person.email, person.password) == before
    assert not EmailChange.objects.exists()


def test_a_refusal_does_not_tell_whether_a_password_is_right(root, alma, mara, api, acme):
    """The right password is refused like a wrong one, by whoever may not set it."""
    student = UserFactory(email="known@example.com", is_dashboard_user=True, home_team=acme)
    MembershipFactory(team=acme, user=student)
    for person in (root, student):
        person.is_dashboard_user = True
        person.set_password(PASSWORD)
        person.save()
    for issuer, person in ((alma, root), (mara, student)):
        answers = [
            api(issuer).put(f"users/{person.pk}", {"password": password})
            for password in (PASSWORD, f"{PASSWORD}x")
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].content == answers[1].content


def test_less_rights_change_nobody_with_more(api, john):
    role = RoleFactory(is_global=True, permissions=["users.view", "users.edit"])
    support = UserFactory(global_role=role, is_staff=True, is_dashboard_user=True)
    for change in ({"name": "Jay"}, {"email": "x@evil.example"}, {"password": "another-horse-5-staples"}):
        assert api(support).put(f"users/{john.pk}", change).status_code == 403
    assert api(support).put(f"users/{john.pk}", {"max_seats": 5}).status_code == 403
    john.refresh_from_db()
    assert (john.first_name, john.email) == ("John", JOHN["email"])
    assert john.check_password(PASSWORD)


def test_a_managers_token_does_what_the_screens_let_them(owen, acme, mara, api, gwen):
    """Owen owns Acme, which is Mara's home team."""
    client = api(owen)
    assert client.put(f"users/{mara.pk}", {"name": "Mara Moss"}).json()["data"]["name"] == "Mara Moss"
    answer = client.put(f"users/{mara.pk}", {"email": "moss@acme.example"})
    assert answer.json()["data"]["email"] == mara.email
    assert EmailChange.objects.get(user=mara).state == EmailChange.State.PENDING
    assert client.put(f"users/{mara.pk}", {"password": PASSWORD}).status_code == 403
    assert client.put(f"users/{mara.pk}", {"max_seats": 5}).status_code == 403
    assert client.put(f"users/{gwen.pk}", {"name": "G"}).status_code == 404
    assert client.delete(f"users/{mara.pk}").status_code == 403
    assert client.delete(f"users/{gwen.pk}").status_code == 404
    assert api(mara).put(f"users/{owen.pk}", {"name": "O"}).status_code == 403


def test_upsert_makes_and_updates(alma, api):
    client = api(alma)
    body = {"name": "John Doe", "email": "doe.john@www.wooninja.io", "password": PASSWORD, "max_seats": 35}
    made = client.post("users/upsert", body)
    assert made.status_code == 201
    again = client.post("users/upsert", body | {"email": "DOE.John@www.wooninja.io", "max_seats": 40})
    assert again.status_code == 200
    assert again.json()["data"] == made.json()["data"] | {
        "max_seats": 40,
        "updated_at": again.json()["data"]["updated_at"],
    }
    assert client.post("users/upsert", {"email": body["email"]}).json()["data"]["max_seats"] == 40
    assert errors_of(client.post("users/upsert", {"name": "x"})) == {"email"}
    assert errors_of(client.post("users/upsert", {"email": "nonsense"})) == {"email"}


def test_an_address_alone_makes_a_user_who_gets_a_mail(alma, api, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = api(alma).post("users/upsert", {"email": "new@acme.example"})
    assert (made.status_code, made.json()["data"]["name"]) == (201, "")
    user = User.objects.get(email="new@acme.example")
    assert not user.has_usable_password()
    assert [task for task in OrmQ.objects.all() if task.func() == "core.tasks.send_welcome"]


def test_a_student_becomes_a_user_and_stays_a_student(alma, api, ana, acme):
    answer = api(alma).post("users/upsert", {"email": ana.email, "max_seats": 3})
    assert answer.status_code == 200
    assert (answer.json()["data"]["id"], answer.json()["data"]["max_seats"]) == (ana.pk, 3)
    ana.refresh_from_db()
    assert ana.is_dashboard_user
    assert ana.home_team == acme
    assert Membership.objects.filter(user=ana, team=acme, role=builtin_role("student")).exists()
    assert personal_team.known(ana).owner == ana


def test_only_whoever_may_change_the_account_makes_a_user_of_it(api, ana):
    role = RoleFactory(is_global=True, permissions=["users.view", "users.create", "teams.create"])
    issuer = UserFactory(global_role=role, is_staff=True, is_dashboard_user=True)
    assert api(issuer).post("users/upsert", {"email": ana.email}).status_code == 403
    ana.refresh_from_db()
    assert not ana.is_dashboard_user


def test_who_is_switched_off_becomes_no_user(alma, api, ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert api(alma).post("users/upsert", {"email": ana.email}).status_code == 409


def test_a_manager_updates_whom_they_see_by_upsert(owen, mara, api):
    answer = api(owen).post("users/upsert", {"email": mara.email, "name": "Mara Moss"})
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Mara Moss")


def test_a_password_is_answered_and_logged_nowhere(alma, api, capfd, caplog):
    client = api(alma)
    for body in (JOHN, JOHN | {"email": "nonsense"}, JOHN | {"max_seats": -1}, JOHN):
        assert PASSWORD not in client.post("users", body).content.decode()
    user = User.objects.get(email=JOHN["email"])
    client.put(f"users/{user.pk}", {"password": "another-horse-5-staples"})
    out = "".join(capfd.readouterr()) + caplog.text + json.dumps(list(user.history.values()), default=str)
    assert PASSWORD not in out
    assert "another-horse" not in out


def test_a_repeated_create_with_a_key_makes_one(alma, api):
    client = api(alma)
    first = client.post("users", JOHN, Idempotency_Key="k1")
    again = client.post("users", JOHN, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert client.post("users", JOHN | {"name": "Jo"}, Idempotency_Key="k1").status_code == 409


def test_used_seats_counts_students(alma, api, john):
    MembershipFactory(team=personal_team.known(john))
    assert api(alma).get(f"users/{john.pk}").json()["data"]["used_seats"] == 1
