"""Faults of lists: pages that are repeated, and wrong totals."""

import itertools
import re

import msgspec

from integrations.thinkific.sandbox.web.faults import Fault
from integrations.thinkific.sandbox.web.http import Request, Response

_again = itertools.count(1)


def before(request: Request, faults: list[Fault]) -> None:
    """For the fault `repeat_page`, answer the first page to every request."""
    if not any(fault.kind == "repeat_page" for fault in faults):
        return
    if request.method == "GET":
        request.query["asked_page"] = request.query.get("page", "1")
        request.query["page"] = "1"
    elif request.body:
        body = request.json()
        (body.get("variables") or {})["after"] = None
        request.body = msgspec.json.encode(body)


def after(request: Request, response: Response, faults: list[Fault]) -> None:
    for fault in faults:
        if response.status != 200:
            continue
        if fault.kind == "repeat_page":
            _repeat_pages(request, response)
        elif fault.kind == "told":
            _replace_totals(response, fault)


def _repeat_pages(request: Request, response: Response) -> None:
    if request.method != "GET":
        cursor = b'"endCursor":"again-%d"' % next(_again)
        text = re.sub(rb'"hasNextPage":\s*false', b'"hasNextPage":true', response.body)
        response.body = re.sub(rb'"endCursor":\s*(null|"[^"]*")', cursor, text)
        return
    body = msgspec.json.decode(response.body)
    page = int(request.query["asked_page"])
    pages = body.get("meta", {}).get("pagination", {})
    pages |= {
        "current_page": page,
        "next_page": page + 1,
        "total_pages": page + 20,
        "total_items": (page + 20) * max(1, len(body["items"])),
    }
    response.body = msgspec.json.encode(body)


def _replace_totals(response: Response, fault: Fault) -> None:
    body = msgspec.json.decode(response.body)
    if "data" in body:
        response.body = re.sub(rb'"pageInfo":\{[^}]*\}', b'"pageInfo":null', response.body)
    elif fault.told is None:
        body.pop("meta", None)
        response.body = msgspec.json.encode(body)
    else:
        body.setdefault("meta", {}).setdefault("pagination", {}).update(fault.told)
        response.body = msgspec.json.encode(body)
