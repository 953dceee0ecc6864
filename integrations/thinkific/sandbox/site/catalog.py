"""The courses of the invented academy, in the order of their ids, and its bundles."""

from typing import NamedTuple

ACADEMY_NAME = "Harborlight Academy"


class CourseTitle(NamedTuple):
    name: str
    chapters: tuple[str, ...]
    price: str
    has_certificate: bool


COURSES = (
    CourseTitle(
        "Workplace Safety Basics",
        ("Why safety matters", "Hazards around you", "Lifting and carrying", "When something happens"),
        "49.0",
        True,
    ),
    CourseTitle(
        "Fire Safety and Evacuation", ("How fires start", "Extinguishers", "The way out"), "39.0", True
    ),
    CourseTitle(
        "First Aid at Work", ("Scene and self", "Breathing and bleeding", "Calling for help"), "79.0", True
    ),
    CourseTitle("Forklift Awareness", ("Traffic in the warehouse", "Pedestrians first"), "35.0", True),
    CourseTitle(
        "Data Protection Essentials",
        ("Personal data", "Lawful reasons", "Requests and breaches", "Everyday habits"),
        "59.0",
        True,
    ),
    CourseTitle(
        "Cyber Security Awareness", ("Phishing", "Passwords and keys", "Working from anywhere"), "45.0", True
    ),
    CourseTitle("Food Hygiene Level 2", ("Germs", "Temperature", "Cleaning", "Allergens"), "55.0", True),
    CourseTitle("Anti-Bribery and Gifts", ("What counts", "Saying no", "Reporting"), "39.0", True),
    CourseTitle("Respect at Work", ("Words and impact", "Bystanders", "Raising a concern"), "39.0", False),
    CourseTitle(
        "Accounting 101",
        ("Debits and credits", "Reading a balance sheet", "Cash is not profit"),
        "89.0",
        True,
    ),
    CourseTitle(
        "Budgeting for Team Leads", ("The year ahead", "Tracking", "Explaining a variance"), "69.0", False
    ),
    CourseTitle(
        "First-Time Manager", ("From peer to lead", "One-to-ones", "Delegating", "Feedback"), "149.0", True
    ),
    CourseTitle("Difficult Conversations", ("Preparing", "In the room", "Afterwards"), "79.0", False),
    CourseTitle("Project Management Foundations", ("Scope", "Plan", "Risk", "Close"), "129.0", True),
    CourseTitle(
        "Customer Service Excellence", ("Listening", "When it goes wrong", "Following up"), "59.0", False
    ),
    CourseTitle("Negotiation Skills", ("Interests", "The first offer", "Closing"), "99.0", False),
    CourseTitle("Spreadsheets from Zero", ("Cells", "Formulas", "Charts", "Pivot tables"), "49.0", False),
    CourseTitle("Business Writing", ("Say it first", "Cut it down", "E-mail"), "45.0", False),
    CourseTitle("Presenting with Confidence", ("One message", "Slides", "Voice and nerves"), "65.0", False),
    CourseTitle("Inclusive Hiring", ("The job ad", "Structured interviews", "Deciding"), "75.0", True),
    CourseTitle("Environmental Awareness", ("Energy", "Waste", "Suppliers"), "35.0", False),
    CourseTitle("Working at Height", ("Ladders", "Harnesses", "Rescue plans"), "65.0", True),
    CourseTitle("Quality Management in Practice", ("Processes", "Audits", "Improving"), "95.0", True),
    CourseTitle("Onboarding: Your First Week", ("Welcome", "People", "Tools"), "0.0", False),
)
# Made with Thinkific's newer course builder: GraphQL shows them, REST does not.
BUILDER_COURSES = (
    CourseTitle(
        "Working with AI Assistants",
        ("What they can do", "Checking the answer", "Data you may share"),
        "59.0",
        True,
    ),
    CourseTitle("Hybrid Teams That Work", ("Rhythm", "Meetings", "Trust"), "69.0", False),
)
BUNDLES = (  # (name, indexes in COURSES, price)
    ("Safety Pack", (0, 1, 2), "129.0"),
    ("Compliance Essentials", (4, 5, 7, 8), "149.0"),
    ("New Leader Path", (10, 11, 12), "249.0"),
    ("Office Skills", (16, 17, 18), "129.0"),
)
LESSON_KINDS = (
    "Lesson",
    "HtmlItem",
    "Pdf",
    "Download",
    "Audio",
    "Presentation",
    "Survey",
    "Assignment",
    "Iframe",
)
PROFILE_FIELDS = (  # (label, field type, required)
    ("Region", "text", False),
    ("Department", "text", False),
    ("Employee number", "text", False),
)


def course_title(place: int) -> CourseTitle:
    """Returns the title of the course at this index. After the last title, further editions follow."""
    edition, index = divmod(place, len(COURSES))
    title = COURSES[index]
    return title if edition == 0 else title._replace(name=f"{title.name}, edition {edition + 1}")


def slugify(name: str) -> str:
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())
