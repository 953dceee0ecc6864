"""Measures the first pull of content: 200 courses of 10 chapters under the documented limits.

It is compared with the time that one request for each chapter would take. GraphQL costs points by the
documented rule. Minutes are scaled down, and latency with them.
"""

from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment, manage
from benchmarks.scale import Context
from integrations.thinkific.sandbox import Scale

COURSES, NEW_BUILDER, CHAPTERS = 180, 20, 10
REQUESTS, POINTS, LATENCY = 120, 2000, 1.0  # each minute, each minute, seconds
LESSONS = (4, 12)  # in each chapter


def measure(context: Context, place: Place) -> Iterator[Line]:
    for lessons in LESSONS:
        yield _first_pull(context, place, lessons)


def _first_pull(context: Context, place: Place, lessons: int) -> Line:
    minute = max(5.0, context.window / 4)
    part = 0.1 if context.windows == 1 else 1.0  # the share of the courses; less in a quick run
    scale = Scale(
        users=20,
        enrollments_per_user=0,
        quiz_results_per_user=0,
        orders_per_user=0,
        bundles=0,
        groups=0,
        courses=round(COURSES * part),
        builder_courses=round(NEW_BUILDER * part),
        chapters_per_course=CHAPTERS,
        contents_per_chapter=lessons,
    )
    with context.sandbox(scale) as sandbox:
        database = place.fresh()
        manage(database, "sync", "products", "--json", sandbox=sandbox)
        limits = {"rate_limit": REQUESTS, "rate_window": minute, "concurrency": 10}
        limits |= {"graphql_points": POINTS, "latency": LATENCY * minute / 60}
        sandbox.control("PATCH", "options", limits)
        sandbox.control("POST", "stats/reset")
        settings = {"THINKIFIC_RATE_LIMIT": REQUESTS, "THINKIFIC_RATE_WINDOW": minute}
        settings |= {"THINKIFIC_GRAPHQL_POINTS": POINTS}
        variables = environment(database, sandbox, **settings)
        [run] = child(["manage.py", "sync", "content", "--json"], variables)["runs"]
        minutes = run["seconds"] / minute  # without the start of the process
        stats = sandbox.control("GET", "stats")
        place.drop(database)
    chapters = (scale.courses + scale.builder_courses) * CHAPTERS
    budget = chapters / REQUESTS
    refused = stats["refused_rate"] + stats["refused_concurrency"] + stats["refused_points"]
    by_graphql = stats["by_operation"].get("Curriculum", 0)
    return Line(
        f"first pull of {chapters // CHAPTERS} courses of {CHAPTERS} chapters of {lessons} lessons",
        place.name,
        f"{minutes:.1f} minutes, {refused} refused",
        f"under {budget:.1f} minutes",
        minutes < budget and run["status"] == "succeeded" and refused == 0,
        f"{by_graphql} courses over GraphQL; {stats['points']:,} points; minutes of {minute:g} s, "
        f"{run['requests']:,} requests",
    )
