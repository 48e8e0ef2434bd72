import pytest
from django.utils import translation
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from balai.core import search
from balai.core.models import SearchDocument


def put(number: int, title: str, body: str = "", **extra) -> None:
    values = {
        "thread": f"need:{number}",
        "kind": "need",
        "city": "31",
        "public": True,
        "url": f"/kebutuhan/{number}/",
    }
    search.index(**(values | {"title": title, "body": body} | extra))


def threads(text: str, **options) -> list[str]:
    return [hit.thread for hit in search.search(text, **options)]


def test_a_word_is_found_in_any_of_its_forms(db) -> None:
    put(1, "Membersihkan saluran air")
    put(2, "Lampu jalan mati")

    assert threads("kebersihan") == ["need:1"]


def test_the_last_word_may_be_unfinished(db) -> None:
    put(1, "Transportasi umum untuk penyandang disabilitas")
    put(2, "Umum saja")

    assert threads("umum transpor") == ["need:1"]
    assert sorted(threads("transpor umum")) == ["need:1", "need:2"]  # none has both, so any will do


def test_all_words_go_before_any(db) -> None:
    put(1, "Banjir di kelurahan")
    put(2, "Banjir di jalan raya")
    put(3, "Jalan raya berlubang")

    assert threads("banjir jalan") == ["need:2"]
    assert sorted(threads("banjir gempa")) == ["need:1", "need:2"]


def test_a_title_weighs_more_than_a_body(db) -> None:
    put(1, "Taman kota", "dekat taman ada parkir sepeda dan bangku")
    put(2, "Parkir sepeda", "dekat taman kota ada bangku")

    assert threads("parkir") == ["need:2", "need:1"]


def test_filters_hold(db) -> None:
    put(1, "Banjir", city="31")
    put(2, "Banjir", city="3273")
    put(3, "Banjir", kind="challenge")
    put(4, "Banjir", public=False)

    assert sorted(threads("banjir")) == ["need:1", "need:2", "need:3"]
    assert threads("banjir", city="3273") == ["need:2"]
    assert threads("banjir", kinds=["challenge"]) == ["need:3"]
    assert threads("banjir", kinds=[]) == []
    assert sorted(threads("banjir", public_only=False)) == ["need:1", "need:2", "need:3", "need:4"]


def test_what_changes_is_found_anew_and_what_goes_is_not(db) -> None:
    put(1, "Banjir")
    put(1, "Macet")

    assert (threads("banjir"), threads("macet")) == ([], ["need:1"])

    search.remove("need:1")
    search.remove("need:1")

    assert threads("macet") == []
    assert SearchDocument.objects.count() == 0


def test_pages_follow_each_other(db) -> None:
    for number in range(7):
        put(number, "Banjir")

    first = search.search("banjir", limit=3)
    second = search.search("banjir", limit=3, after=first[-1].position)
    third = search.search("banjir", limit=3, after=second[-1].position)

    assert [hit.position for hit in [*first, *second, *third]] == [1, 2, 3, 4, 5, 6, 7]
    assert len({hit.thread for hit in [*first, *second, *third]}) == 7
    assert search.search("banjir", after=7) == []
    assert search.search("banjir", after=10**30) == []


def test_a_later_page_does_not_loosen_the_query(db) -> None:
    put(1, "Banjir besar")
    put(2, "Banjir kecil")

    assert threads("banjir besar", after=1) == []


def test_a_hit_carries_what_a_list_shows(db) -> None:
    put(1, "Banjir", title_en="Flood", summary="Setiap hujan")

    (hit,) = search.search("flood")

    assert (hit.kind, hit.city, hit.public, hit.url) == ("need", "31", True, "/kebutuhan/1/")
    assert (hit.title, hit.summary) == ("Banjir", "Setiap hujan")
    with translation.override("en"):
        assert hit.title == "Flood"


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_is_one_query(db, django_assert_num_queries, count: int) -> None:
    for number in range(count):
        put(number, "Banjir")

    with django_assert_num_queries(1):
        assert len(search.search("banjir")) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "!!!",
        '"',
        "'",
        "a OR",
        "NEAR(",
        "jalan AND",
        "* ^ -",
        "stems:x",
        "a & | !",
        "\\",
        "%",
        "x\0y",
        "\ud800",
    ],
)
def test_whatever_is_typed_is_a_query(db, text: str) -> None:
    put(1, "Banjir")

    assert threads(text) == []


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
@example("1e5 12.5 -3 a.b@c.id http://x/y ﬃ ² ١٢ ꙮ")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_a_text_finds_itself_and_never_fails(db, text: str) -> None:
    put(1, text, title_en="")

    assert threads(text) == (["need:1"] if search._terms(text) else [])
