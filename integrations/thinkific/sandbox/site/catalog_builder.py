"""Creating courses (with product, chapters, contents and quizzes) and bundles of the invented academy."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.catalog import (
    BUILDER_COURSES,
    BUNDLES,
    COURSES,
    LESSON_KINDS,
    CourseTitle,
    course_title,
    slugify,
)
from integrations.thinkific.sandbox.site.clock import MINUTE, to_iso
from integrations.thinkific.sandbox.site.people import STAFF

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

FIRST_INSTRUCTOR = 61
SITE_HOST = "https://harborlight.example"


def add_course(
    site: "Site",
    place: int,
    created_at: int,
    *,
    contents_per_chapter: int,
    chapters: int = 0,
    new_builder: bool = False,
) -> int:
    title = BUILDER_COURSES[place % len(BUILDER_COURSES)] if new_builder else course_title(place)
    course_id = site.courses.new_id()
    product_id = _add_product(site, title, course_id, "Course", place, created_at)
    course = {
        "id": course_id,
        "name": title.name,
        "slug": slugify(title.name),
        "subtitle": None,
        "product_id": product_id,
        "description": f"{title.name}: {', '.join(title.chapters).lower()}.",
        "course_card_text": None,
        "intro_video_youtube": None,
        "contact_information": None,
        "keywords": None,
        "duration": None,
        "banner_image_url": None,
        "course_card_image_url": "/assets/defaults/default-product-card.png" if place % 3 else None,
        "intro_video_wistia_identifier": None,
        "administrator_user_ids": [],
        "chapter_ids": [],
        "reviews_enabled": place % 4 == 0,
        "user_id": None,
        "instructor_id": FIRST_INSTRUCTOR + place % len(STAFF),
    }
    site.courses.add(course_id, course)
    if new_builder:
        site.builder_courses.add(course_id)
    names = [title.chapters[place % len(title.chapters)] for place in range(chapters)] or title.chapters
    for position, name in enumerate(names, start=1):
        last = position == len(names)
        _add_chapter(site, course, name, position, contents_per_chapter, with_quiz=last or position == 1)
    return course_id


def _add_chapter(
    site: "Site", course: dict[str, Any], name: str, position: int, size: int, *, with_quiz: bool
) -> None:
    chapter_id = site.chapters.new_id()
    chapter: dict[str, Any] = {
        "id": chapter_id,
        "name": name,
        "position": position,
        "description": None,
        "duration_in_seconds": (position * 97) % 13 * MINUTE // 1000 or None,
        "content_ids": [],
    }
    site.chapters.add(chapter_id, chapter)
    site.course_of_chapter[chapter_id] = course["id"]
    course["chapter_ids"].append(chapter_id)
    for place in range(max(size, 1)):
        is_quiz = with_quiz and place == max(size, 1) - 1
        kind = "Quiz" if is_quiz else LESSON_KINDS[(course["id"] + position + place * 2) % len(LESSON_KINDS)]
        title = f"Check: {name}" if is_quiz else f"{name}, part {place + 1}"
        content_id = site.contents.new_id()
        content = {
            "id": content_id,
            "name": title,
            "position": place + 1,
            "chapter_id": chapter_id,
            "contentable_type": kind,
            "free": position == 1 and place == 0,
            "take_url": f"{SITE_HOST}/courses/take/{course['slug']}"
            f"/{'quizzes' if is_quiz else 'lessons'}/{content_id}-{slugify(title)}",
        }
        site.contents.add(content_id, content)
        chapter["content_ids"].append(content_id)
        if is_quiz:
            _add_quiz(site, content_id, title, final=position > 1)


def _add_quiz(site: "Site", content_id: int, name: str, *, final: bool) -> None:
    quiz_id = site.quizzes.new_id()
    # a quiz at the start of a course has no passing score
    site.quizzes.add(
        quiz_id,
        {"id": quiz_id, "name": name, "passing_score": 70 if final else None, "questions": 5 + quiz_id % 6},
    )
    site.quiz_of_content[content_id] = quiz_id


def add_bundle(site: "Site", place: int, created_at: int) -> int:
    edition, index = divmod(place, len(BUNDLES))
    name, places, price = BUNDLES[index]
    if edition:
        name = f"{name}, edition {edition + 1}"
    course_ids = [c["id"] for c in site.courses if c["id"] not in site.builder_courses]
    chosen = [course_ids[(p + edition * len(COURSES)) % len(course_ids)] for p in places]
    bundle_id = site.bundles.new_id()
    _add_product(site, CourseTitle(name, (), price, False), bundle_id, "Bundle", place, created_at)
    site.bundles.add(
        bundle_id,
        {
            "id": bundle_id,
            "name": name,
            "description": None,
            "tagline": None,
            "banner_image_url": "/assets/tenant/default-course-banner.jpg",
            "course_ids": list(dict.fromkeys(chosen)),
            "bundle_card_image_url": "/assets/defaults/default-product-card.png",
            "slug": slugify(name),
        },
    )
    return bundle_id


def _add_product(
    site: "Site", title: CourseTitle, productable_id: int, kind: str, place: int, created_at: int
) -> int:
    product_id = site.products.new_id()
    site.products.add(
        product_id,
        {
            "id": product_id,
            "created_at": to_iso(created_at),
            "productable_id": productable_id,
            "productable_type": kind,
            "price": title.price,
            "position": place + 1,
            "status": "draft" if kind == "Course" and place % 23 == 21 else "published",
            "name": title.name,
            "private": place % 5 == 3,
            "hidden": place % 11 == 8,
            "subscription": False,
            "days_until_expiry": 365 if place % 4 == 2 else None,
            "has_certificate": title.has_certificate,
            "keywords": None,
            "seo_title": None,
            "seo_description": None,
            "collection_ids": [],
            "related_product_ids": [],
            "description": None,
            "card_image_url": "/assets/defaults/default-product-card.png" if place % 3 else None,
            "slug": slugify(title.name),
            "instructor_names": _instructor_name(place),
            "product_prices": [_price(title, 12000 + product_id)],
        },
    )
    return product_id


def _instructor_name(place: int) -> str:
    first_name, last_name, _ = STAFF[place % len(STAFF)]
    return f"{first_name} {last_name}"


def _price(title: CourseTitle, price_id: int) -> dict[str, Any]:
    free = float(title.price) == 0
    return {
        "id": price_id,
        "is_primary": True,
        "payment_type": "free" if free else "one-time",
        "label": None,
        "price": title.price,
        "days_until_expiry": None,
        "pay_button_text": None,
        "number_of_payments": None,
        "interval": None,
        "interval_count": None,
        "trial_interval": None,
        "trial_interval_count": None,
        "custom_first_price": None,
        "price_name": title.name,
        "currency": "usd",
    }
