"""Every page as every role, in both languages: the answer it should give, and no word meant for others."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import translation

from tests.builders import client_of
from tests.walk.pages import PAGES, Visit
from tests.walk.town import Side, Town

pytestmark = pytest.mark.django_db

ROLES = (
    "stranger",
    "citizen",
    "neighbour",
    "founder",
    "officer",
    "bureau",
    "reviewer",
    "reviewer2",
    "analyst",
    "signatory",
    "auditor",
    "rival",
    "ministry",
    "superuser",
    "other_founder",
    "other_officer",
    "other_bureau",
    "other_reviewer",
)


def names(patterns, space: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(
                pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space
            )
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"


def test_every_page_is_walked():
    found = {name for name in names(get_resolver().url_patterns) if name.startswith("portal:")}

    assert {f"portal:{name}" for name in PAGES} == found


def visits(town: Town) -> Iterator[tuple[str, Visit, Side]]:
    for name, listed in PAGES.items():
        for visit in listed:
            for side in town.sides if visit.record else town.sides[:1]:
                yield name, visit, side


def address(name: str, visit: Visit, side: Side, language: str) -> str:
    record = side.at[visit.record] if visit.record else None
    with translation.override(language):
        return reverse(f"portal:{name}", args=visit.args(record, side)) + visit.query


def body(response) -> str:
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    told = " ".join(f"{key}: {value}" for key, value in response.items())
    return raw.decode(errors="replace") + told


def expected(town: Town, role: str, visit: Visit, side: Side) -> int:
    relation = town.relation(role, side)
    if visit.record == "hidden" and role == "citizen":
        relation = "author"
    if visit.record == "evaluation" and role == "neighbour":
        relation = "assessor"
    if not visit.record and relation == "foreign":
        # Pages without a record are about the reader: somebody from the other city has a part too.
        relation = town.relation(role, town.sides[1])
    return visit.status(relation)


@pytest.mark.parametrize("role", ROLES)
def test_page_answers_as_it_should_and_tells_nothing(town: Town, role: str):
    user = town.roles[role]
    client = client_of(user)
    client.raise_request_exception = False
    hidden = [word for word in town.marks if not town.may_read(word, user)]
    own = {word for word in town.marks if town.may_read(word, user)}
    read: set[str] = set()
    odd: list[tuple[str, str, int, int]] = []
    leaks: list[tuple[str, str]] = []

    for number, (name, visit, side) in enumerate(visits(town)):
        # Each page is read in one language by half the roles and in the other by the rest.
        language = "id" if (number + ROLES.index(role)) % 2 else "en"
        url = address(name, visit, side, language)
        response = client.get(url)
        status = expected(town, role, visit, side)
        if response.status_code != status:
            odd.append((name, url, response.status_code, status))
        text = body(response)
        asked = url.rpartition("?")[2]
        leaks += [(url, word) for word in hidden if word in text and word not in asked]
        read |= {word for word in own - read if word in text}

    assert (odd, leaks) == ([], [])
    assert sorted(town.texts(own - read)) == []
