import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.methods.similarity import Text, compare, metres_between, similar, weights_of

VOCABULARY = ["banjir", "kebanjiran", "lubang", "jalan", "lampu", "mati", "taman", "penerangan", "air"]
places = st.one_of(st.just((None, None)), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
bodies = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(VOCABULARY), max_size=8).map(" ".join))
texts = st.builds(lambda body, place: Text("k", body, *place), bodies, places)


@given(texts, texts, st.lists(texts, max_size=4))
def test_likeness_is_mutual(a: Text, b: Text, others: list[Text]) -> None:
    weights = weights_of([a, b, *others])

    there, back = compare(a, b, weights), compare(b, a, weights)

    assert there.score == pytest.approx(back.score, abs=2e-9)


@given(texts, texts)
def test_likeness_is_a_share(a: Text, b: Text) -> None:
    match = compare(a, b, weights_of([a, b]))

    assert 0 <= match.score <= 1
    assert 0 <= match.words <= 1
    assert 0 <= match.letters <= 1
    assert match.metres is None or 0 <= match.metres <= 20_100_000


@given(texts.filter(lambda text: text.stems))
def test_a_text_is_wholly_like_itself(text: Text) -> None:
    assert compare(text, text, weights_of([text])).score == 1.0


@given(texts, st.lists(texts, max_size=5), st.floats(0, 1))
def test_the_threshold_holds_and_the_order_is_down(
    query: Text, candidates: list[Text], threshold: float
) -> None:
    scores = [match.score for match in similar(query, candidates, threshold=threshold)]

    assert scores == sorted(scores, reverse=True)
    assert all(score >= threshold for score in scores)
    assert similar(query, candidates, threshold=threshold) == similar(query, candidates, threshold=threshold)


def test_the_same_complaint_in_other_words_comes_first() -> None:
    query = Text("q", "Lampu jalan mati di Jalan Kemang Raya, gelap sekali", -6.2600, 106.8140)
    candidates = [
        Text("other street", "Lampu jalan mati, gelap sekali", -6.1500, 106.9000),
        Text("same lamp", "lampu di jalan kemang raya padam dan mati sejak senin, gelap", -6.2602, 106.8142),
        Text("other thing", "Sampah menumpuk di Jalan Kemang Raya", -6.2601, 106.8141),
        Text("unplaced", "Tolong buat taman bermain anak"),
    ]

    matches = similar(query, candidates, threshold=0.5)

    assert [match.key for match in matches] == ["same lamp", "other street"]


def test_a_typing_error_is_forgiven() -> None:
    (match,) = similar(Text("q", "drainase tersumbat"), [Text("a", "drainse tersumbat")], threshold=0.4)

    assert match.words < 1
    assert match.letters > 0.8


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        ((-6.1754, 106.8272), (-6.1754, 106.8272), 0.0),
        ((0.0, 0.0), (0.0, 180.0), math.pi * 6_371_008.8),
        ((0.0, 0.0), (1.0, 0.0), 6_371_008.8 * math.pi / 180),
    ],
)
def test_distances(a, b, metres: float) -> None:
    assert metres_between(Text("a", "", *a), Text("b", "", *b)) == pytest.approx(metres)


def test_without_a_place_there_is_no_distance() -> None:
    assert metres_between(Text("a", "", 0.0, 0.0), Text("b", "")) is None
