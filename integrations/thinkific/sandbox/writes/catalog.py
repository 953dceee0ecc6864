"""Adding, renaming and deleting courses."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site import catalog_builder, shop_builder
from integrations.thinkific.sandbox.web.problems import not_found

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def add_course(site: "Site", *, name: str | None = None, new_builder: bool = False) -> dict[str, Any]:
    """Add a course with its product. Without `name` it gets the next title of the catalogue."""
    place = sum((c["id"] in site.builder_courses) is new_builder for c in site.courses)
    course_id = catalog_builder.add_course(
        site, place, site.clock.now(), contents_per_chapter=4, new_builder=new_builder
    )
    course = site.courses[course_id]
    shop_builder.add_to_categories(site, site.products[course["product_id"]])
    if name:
        course["name"] = site.products[course["product_id"]]["name"] = name
    site.announce("course.created", dict(course))
    site.announce("product.created", dict(site.products[course["product_id"]]))
    return course


def rename_course(site: "Site", *, course_id: int, name: str) -> None:
    course = site.courses.get(course_id)
    if course is None:
        raise not_found()
    course["name"] = name
    product = site.products.get(course["product_id"])
    for row in site.enrollments_in.get(course_id, ()):
        row.cache = None  # it contains the name
    site.announce("course.updated", dict(course))
    if product:
        product["name"] = name
        site.product_updates[product["id"]] = site.clock.now()
        site.announce("product.updated", dict(product))


def delete_course(site: "Site", *, course_id: int) -> None:
    """Delete a course with its product, chapters, contents and enrollments."""
    if course_id not in site.courses:
        raise not_found()
    course = site.courses.remove(course_id)
    for chapter_id in course["chapter_ids"]:
        chapter = site.chapters.remove(chapter_id)
        site.course_of_chapter.pop(chapter_id, None)
        for content_id in chapter["content_ids"]:
            site.contents.remove(content_id)
            quiz_id = site.quiz_of_content.pop(content_id, None)
            if quiz_id is not None:
                site.quizzes.remove(quiz_id)
                site.submissions.remove_many({s.id for s in site.submissions if s.quiz_id == quiz_id})
    gone = site.enrollments_in.pop(course_id, [])
    site.enrollments.remove_many({row.id for row in gone})
    for row in gone:
        site.enrollments_of[row.user_id].remove(row)
    for bundle in site.bundles:
        bundle["course_ids"] = [c for c in bundle["course_ids"] if c != course_id]
    site.certificates.remove_many({c.id for c in site.certificates if c.course_id == course_id})
    product = site.products.remove(course["product_id"]) if course["product_id"] in site.products else None
    shop_builder.remove_from_categories(site, course["product_id"])
    site.reviews.remove_many({review["id"] for review in site.reviews if review["course_id"] == course_id})
    site.announce("course.deleted", course)
    if product:
        site.announce("product.deleted", product)
