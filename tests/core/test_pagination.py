import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import IntegerField, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balai.core.errors import Invalid
from balai.core.models import Document, Mail
from balai.core.pagination import paginate

START = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)


def make_mails(*offsets: int) -> list[Mail]:
    return [
        Mail.objects.create(
            to="a@contoh.id", subject=str(n), body="", due_at=START + timedelta(seconds=offset)
        )
        for n, offset in enumerate(offsets)
    ]


def cursor_of(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def subjects(page) -> list[str]:
    return [mail.subject for mail in page.rows]


def test_pages_walk_down_and_up_again_without_loss_where_keys_are_equal(db) -> None:
    make_mails(0, 5, 5, 5, 5, 9, 1)

    first = paginate(Mail.objects.all(), None, by="due_at", size=3)
    second = paginate(Mail.objects.all(), first.next, by="due_at", size=3)
    third = paginate(Mail.objects.all(), second.next, by="due_at", size=3)
    back = paginate(Mail.objects.all(), third.previous, by="due_at", size=3)
    start = paginate(Mail.objects.all(), back.previous, by="due_at", size=3)

    assert [subjects(page) for page in (first, second, third)] == [["5", "4", "3"], ["2", "1", "6"], ["0"]]
    assert (first.previous, third.next) == (None, None)
    assert subjects(back) == subjects(second)
    assert (subjects(start), start.previous, start.next) == (subjects(first), None, first.next)


def test_a_row_added_on_top_does_not_move_the_next_page(db) -> None:
    make_mails(0, 1, 2, 3)
    first = paginate(Mail.objects.all(), None, by="due_at", size=2)
    make_mails(9)

    assert subjects(paginate(Mail.objects.all(), first.next, by="due_at", size=2)) == ["1", "0"]


def test_each_page_is_one_query(db, django_assert_num_queries) -> None:
    make_mails(*range(7))
    with django_assert_num_queries(1):
        first = paginate(Mail.objects.all(), None, by="due_at", size=3)
    with django_assert_num_queries(1):
        paginate(Mail.objects.all(), first.next, by="due_at", size=3)


def test_an_annotation_and_a_uuid_key_order_a_list_too(db) -> None:
    for number in range(5):
        Document.objects.create(sha256=str(number), size=number, media_type="text/csv", name="n")
    rows = Document.objects.annotate(rank=Value(1, output_field=IntegerField()))

    first = paginate(rows, None, by="rank", size=3)
    second = paginate(rows, first.next, by="rank", size=3)

    assert {d.pk for d in first.rows + second.rows} == set(Document.objects.values_list("pk", flat=True))
    assert len(second.rows) == 2


def test_an_empty_list_is_one_page(db) -> None:
    page = paginate(Mail.objects.all(), None, by="due_at")

    assert (page.rows, page.next, page.previous) == ([], None, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "%%%",
        "é",
        "A",
        "x" * 5000,
        cursor_of("<", "2026-01-01"),
        cursor_of("=", "2026-01-01T00:00:00+00:00", 1),
        cursor_of("<", "2026-01-01T00:00:00+00:00", 10**40),
        cursor_of("<", "2026-01-01T00:00:00+00:00", 2**63),
        cursor_of("<", "2026-01-01T00:00:00+00:00", "1\0"),
        cursor_of("<", "2026-01-01T00:00:00+00:00", True),
        cursor_of("<", "2026-01-01T00:00:00+00:00", [1]),
        cursor_of("<", "0001-01-01T00:00:00+14:00", 1),
        cursor_of("<", "9999-12-31T23:59:59-14:00", 1),
        cursor_of("<", float("nan"), 1),
        cursor_of("<", None, None),
        cursor_of("<", "\ud800", 1),
        cursor_of({}, [], 1),
    ],
)
def test_a_damaged_cursor_is_refused(db, cursor: str) -> None:
    with pytest.raises(Invalid):
        paginate(Mail.objects.all(), cursor, by="due_at")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.text() | st.tuples(st.sampled_from("<>"), json_values, json_values).map(lambda t: cursor_of(*t)))
@pytest.mark.parametrize("by", ["due_at", "subject", "attempts"])
def test_no_cursor_is_a_fault_of_ours(db, by: str, cursor: str) -> None:
    try:
        page = paginate(Mail.objects.all(), cursor, by=by)
    except Invalid:
        return
    assert page.rows == []
