from integrations.thinkific.sandbox import Scale, Site
from integrations.thinkific.sandbox.site.people import COMPANIES, person
from tests.integrations.sandbox.conftest import AS_OF


def test_the_same_seed_gives_the_same_site_and_another_seed_another():
    one, same, other = (Site.generate(Scale(users=80), seed=seed, as_of=AS_OF) for seed in (1, 1, 2))

    assert one.digests() == same.digests()
    assert one.digests()["enrollments"] != other.digests()["enrollments"]
    assert one.digests()["groups"] != other.digests()["groups"]


def test_a_site_has_exactly_the_enrollments_asked_for_and_none_twice():
    site = Site.generate(Scale(users=1000, enrollments_per_user=5), as_of=AS_OF)

    pairs = {(e.user_id, e.course_id) for e in site.enrollments}
    assert len(site.enrollments) == len(pairs) == 5000


def test_enrollments_come_in_every_state_that_a_real_site_has():
    site = Site.generate(Scale(users=300), as_of=AS_OF)
    now = site.clock.now()

    assert any(e.activated_at is None for e in site.enrollments)
    assert any(e.expiry_date is None for e in site.enrollments)
    assert any(e.is_expired(now) for e in site.enrollments)
    assert any(e.completed_at and e.percentage_completed == "1.0" for e in site.enrollments)
    assert any(e.started_at is None for e in site.enrollments)
    assert any(e.course_id in site.builder_courses for e in site.enrollments)
    assert all(e.created_at <= e.updated_at <= now for e in site.enrollments)


def test_people_have_names_of_one_word_and_addresses_nobody_owns():
    site = Site.generate(Scale(users=600), as_of=AS_OF)

    assert any(user.last_name is None for user in site.users)
    assert {user.email.rpartition(".")[2] for user in site.users} <= {"example", "org", "com", "net"}
    assert len({user.email for user in site.users}) == 600


def test_person_n_of_a_company_is_always_the_same_and_never_two():
    emails = {person(company, n).email for company in range(len(COMPANIES)) for n in range(6000)}

    assert person(0, 0).email == "tariq.fuentes@northfield.example"
    assert len(emails) == 6000 * len(COMPANIES)


def test_the_first_groups_are_the_companies_with_all_their_people():
    site = Site.generate(Scale(users=200, groups=14), as_of=AS_OF)
    northfield = site.group_named("Northfield Logistics")

    assert [g["name"] for g in site.groups][:12] == [company.name for company in COMPANIES]
    assert {site.users[u].email.rpartition("@")[2] for u in site.members[northfield["id"]]} == {
        "northfield.example"
    }
    assert site.groups.listing[12]["name"] == "Northfield Logistics: Operations"
