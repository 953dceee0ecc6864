"""Creating the people of the invented site, their groups and their orders."""

from random import Random
from typing import TYPE_CHECKING

from integrations.thinkific.sandbox.site.clock import DAY, MINUTE, to_iso
from integrations.thinkific.sandbox.site.people import (
    COMPANIES,
    DEPARTMENTS,
    INDEPENDENT,
    REGIONS,
    ROSTER_CYCLE,
    STAFF,
    person,
    staff,
)
from integrations.thinkific.sandbox.site.rows import User

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def add_people(site: "Site", count: int, random: Random, now: int) -> None:
    region, department, number = site.profile_fields.ids()[:3]
    seen: dict[int, int] = {}
    for place in range(count):
        roles: tuple[str, ...] = ()
        if place < len(STAFF):
            someone, roles = staff(place)
            n = place
        else:
            company_index = ROSTER_CYCLE[(place - len(STAFF)) % len(ROSTER_CYCLE)]
            n = seen.get(company_index, 0)
            seen[company_index] = n + 1
            someone = person(company_index, n)
            # the first person of every company is the analyst of its group
            if n == 0 and company_index != INDEPENDENT:
                roles = ("group_analyst",)
        profile: tuple[tuple[int, str], ...] = ()
        if n % 3 == 0:
            profile = (
                (region, REGIONS[n // 3 % len(REGIONS)]),
                (department, DEPARTMENTS[n % len(DEPARTMENTS)]),
            )
            if n % 2:
                profile += ((number, f"E-{10000 + place}"),)
        add_user(
            site,
            User(
                id=site.users.new_id(),
                created_at=now - int((20 + random.random() * 780) * DAY),
                first_name=someone.first_name,
                last_name=someone.last_name,
                email=someone.email,
                company=someone.company if n % 9 != 5 else None,
                roles=roles,
                headline="Team lead" if n % 17 == 4 else None,
                external_source="b2b_dashboard" if n % 5 == 2 else None,
                affiliate_commission="15.00" if "affiliate" in roles else None,
                profile=profile,
            ),
        )


def add_user(site: "Site", user: User, *, first: bool = False) -> User:
    site.users.add(user.id, user, first=first)
    if user.email:
        site.user_id_by_email[user.email.lower()] = user.id
    return user


def add_groups(site: "Site", count: int, random: Random, now: int) -> None:
    """Create groups: the companies with all their people, then departments, then numbered departments."""
    domains = {company.domain: index for index, company in enumerate(COMPANIES)}
    people: list[list[int]] = [[] for _ in COMPANIES]
    for user in site.users:
        index = domains.get((user.email or "").rpartition("@")[2])
        if index is not None:
            people[index].append(user.id)
    for place in range(count):
        lap, index = divmod(place, len(COMPANIES))
        name, members = COMPANIES[index].name, people[index]
        if lap:
            round_number, department = divmod(lap - 1, len(DEPARTMENTS))
            name += f": {DEPARTMENTS[department]}" + (f" {round_number + 1}" if round_number else "")
            members = members[(lap * 3) % 10 :: 10]
        group_id = site.groups.new_id()
        token = f"{random.getrandbits(32):08x}"
        site.groups.add(
            group_id,
            {
                "id": group_id,
                "name": name,
                "token": token,
                "created_at": to_iso(now - (800 - place % 700) * DAY),
            },
        )
        site.members[group_id] = dict.fromkeys(members)
        site.analysts[group_id] = dict.fromkeys(
            m for m in people[index][:1] if "group_analyst" in site.users[m].roles
        )


def add_orders(site: "Site", count: int, random: Random, now: int) -> None:
    user_ids, products = site.users.ids(), list(site.products)
    for _ in range(count if products else 0):
        user = site.users[user_ids[int(random.random() * len(user_ids))]]
        product = products[int(random.random() * len(products))]
        cents = round(float(product["price"]) * 100)
        order_id = site.orders.new_id()
        line = {
            "product_id": product["id"],
            "product_name": product["name"],
            "amount_dollars": cents / 100,
            "amount_cents": cents,
        }
        site.orders.add(
            order_id,
            {
                "id": order_id,
                "created_at": to_iso(now - int(random.random() * 600 * DAY / MINUTE) * MINUTE),
                "user_id": user.id,
                "user_email": user.email,
                "user_name": user.full_name,
                "product_name": product["name"],
                "product_id": product["id"],
                "amount_dollars": f"{cents / 100}",
                "amount_cents": cents,
                "subscription": False,
                "coupon_code": None,
                "coupon_id": None,
                "items": [line],
                "affiliate_referral_code": None,
                "status": "complete",
            },
        )
