"""The customer companies of the invented site, and the names of their people.

`person(c, n)` is always the same person, for every seed and size of the site. The e-mail address is
`first.last@<company's domain>` in ASCII; when all combinations of names are used, a number follows the last
name. Demo fixtures may rely on this.
"""

import unicodedata
from typing import NamedTuple


class Company(NamedTuple):
    name: str  # of the company and of its group
    domain: str
    weight: int  # its share of the site's people


COMPANIES = (
    Company("Northfield Logistics", "northfield.example", 5),
    Company("Brightwater Foods", "brightwater.example", 4),
    Company("Alder & Finch Consulting", "alderfinch.example", 2),
    Company("Castellan Insurance", "castellan.example", 3),
    Company("Orchard Lane Clinics", "orchardlane.example", 3),
    Company("Solvik Energi", "solvik.example", 2),
    Company("Kestrel Manufacturing", "kestrel.example", 4),
    Company("Baumann Präzision GmbH", "baumann.example", 2),
    Company("Hôtels Lumière", "lumiere.example", 2),
    Company("Hoshizora Retail", "hoshizora.example", 1),
    Company("Tamarind Software", "tamarind.example", 2),
    Company("Greystone Schools", "greystone.example", 1),
)
DEPARTMENTS = (
    "Operations",
    "Sales",
    "Finance",
    "People",
    "IT",
    "Warehouse",
    "Customer Care",
    "Production",
    "Quality",
    "Purchasing",
)
REGIONS = ("EMEA", "Americas", "APAC")

ACADEMY = Company("Harborlight Academy", "harborlight.example", 0)
STAFF = (  # (first name, last name, roles)
    ("Dana", "Roth", ("site_admin",)),
    ("Miguel", "Andrade", ("course_admin",)),
    ("Priya", "Raman", ("course_admin", "affiliate")),
)
INDEPENDENT_DOMAINS = ("example.org", "example.com", "example.net")
INDEPENDENT = -1  # instead of a company's index: people without a company

# The companies of successive people: each as often as its weight, then two people without a company.
ROSTER_CYCLE = (
    *(
        index
        for round_number in range(max(company.weight for company in COMPANIES))
        for index, company in enumerate(COMPANIES)
        if round_number < company.weight
    ),
    INDEPENDENT,
    INDEPENDENT,
)

# ruff: noqa: RUF001 - names in their own spelling
_FIRST_NAMES = (
    "Amara Mateo Ingrid Kenji Sofia Liam Fatima Noah Chiara Olu Hannah Rafael Mei Jonas Zainab Lucas "
    "Elif Tomáš Grace Arjun Emma Diego Nadia Oskar Yuki Camila Samir Freya Kwame Isabel Björn Leila "
    "Marco Anneke Tariq Valentina Piotr Aisha Finn Renée Dmitri Lucía Hiro Clara Ibrahim Sinéad Bruno "
    "Thandiwe Erik Mariana Jasper Noor Aleksander Beatriz Chidi Élodie Goran Helena Ivo Jun "
)
FIRST_NAMES = tuple(_FIRST_NAMES.split())
_LAST_NAMES = (
    "Okafor García Lindqvist Tanaka Rossi Murphy Haddad Schneider Novák Adeyemi Fischer Silva Chen "
    "Weber Bello Moreau Yılmaz Dvořák Bennett Sharma Larsen Romero Petrov Nakamura Castro Rahman Jensen "
    "Mensah Ortega Holm Karimi Bianchi Visser Aziz Fuentes Kowalski Diallo Byrne Laurent Volkov Herrera "
    "Sato Keller Osman Walsh Costa Dlamini Berg Mendes Hughes Farouk Nowak Pereira Eze Dubois Horvat "
    "Papadaki Marković Kimura Sørensen Ito Reyes Brandt Oduya Lund Marchetti Ferreira Suzuki Gruber "
    "Abara Connolly Vega Janssen Mbeki Svensson Koch Aydın Popescu Olsen Iyer "
)
LAST_NAMES = tuple(_LAST_NAMES.split())
# Letters that NFKD does not decompose.
_PLAIN = str.maketrans({"ø": "o", "ı": "i", "ł": "l", "đ": "d", "æ": "ae", "ß": "ss"})


class Person(NamedTuple):
    first_name: str
    last_name: str | None
    email: str
    company: str | None


def person(company_index: int, n: int) -> Person:
    """Returns person number `n` (from 0) of a company; with the index `INDEPENDENT`, without a company."""
    first, last, number = _names(company_index, n)
    if company_index == INDEPENDENT:
        company, domain = None, INDEPENDENT_DOMAINS[n % len(INDEPENDENT_DOMAINS)]
    else:
        company, domain = COMPANIES[company_index].name, COMPANIES[company_index].domain
    local = f"{_ascii(first)}.{_ascii(last)}{number or ''}"
    # Real sites have people whose name is one word.
    return Person(first, None if n % 41 == 17 else last, f"{local}@{domain}", company)


def staff(n: int) -> tuple[Person, tuple[str, ...]]:
    first, last, roles = STAFF[n]
    return Person(first, last, f"{_ascii(first)}.{_ascii(last)}@{ACADEMY.domain}", ACADEMY.name), roles


def _names(company_index: int, n: int) -> tuple[str, str, int]:
    round_number, place = divmod(n, len(FIRST_NAMES) * len(LAST_NAMES))
    shift = (company_index + 2) * 17
    lap, first = divmod(place, len(FIRST_NAMES))
    last = (lap + 7 * first + shift) % len(LAST_NAMES)
    return (
        FIRST_NAMES[(first + shift) % len(FIRST_NAMES)],
        LAST_NAMES[last],
        round_number and round_number + 1,
    )


def _ascii(name: str) -> str:
    plain = name.lower().translate(_PLAIN)
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
