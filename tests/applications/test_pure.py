"""Scores, answers and the self-check: no database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.applications import answers as typed
from balai.applications.scoring import summarise, weighted_mean
from balai.applications.selfcheck import QUESTIONS, advise
from balai.collaborations.schemes import Field, Label

KEYS = ("a", "b", "c", "d")
weights = st.fixed_dictionaries({key: st.integers(1, 100) for key in KEYS})
some_marks = st.fixed_dictionaries({key: st.one_of(st.none(), st.integers(1, 5)) for key in KEYS})
full_marks = st.fixed_dictionaries({key: st.integers(1, 5) for key in KEYS})


@given(weights, some_marks)
def test_a_mean_lies_between_the_smallest_and_the_largest_mark(weight, marks):
    given_marks = [mark for mark in marks.values() if mark is not None]

    mean = weighted_mean(marks, weight)

    if not given_marks:
        assert mean is None
    else:
        assert min(given_marks) - 1e-9 <= mean <= max(given_marks) + 1e-9


@given(weights, some_marks)
def test_not_applicable_counts_as_if_the_criterion_were_not_there(weight, marks):
    answered = {key: mark for key, mark in marks.items() if mark is not None}

    assert weighted_mean(marks, weight) == weighted_mean(answered, weight)


@given(weights, full_marks, st.integers(2, 9))
def test_only_the_proportion_of_weights_matters(weight, marks, factor):
    scaled = {key: value * factor for key, value in weight.items()}

    assert weighted_mean(marks, weight) == pytest.approx(weighted_mean(marks, scaled))


@given(weights, full_marks, st.sampled_from(KEYS))
def test_a_better_mark_never_lowers_the_mean(weight, marks, key):
    better = marks | {key: min(5, marks[key] + 1)}

    assert weighted_mean(better, weight) >= weighted_mean(marks, weight) - 1e-9


@given(weights, st.lists(some_marks, max_size=6))
def test_the_summary_does_not_depend_on_the_order_of_reviews(weight, reviews):
    forward, backward = summarise(reviews, weight), summarise(reviews[::-1], weight)

    assert forward.means == backward.means[::-1]
    assert forward.spread == backward.spread
    assert forward.overall == pytest.approx(backward.overall)
    assert [line.spread for line in forward.lines] == [line.spread for line in backward.lines]


def test_a_worked_example():
    summary = summarise([{"a": 5, "b": None}, {"a": 3, "b": 1}], {"a": 3, "b": 1})

    assert summary.means == (5.0, 2.5)
    assert (summary.overall, summary.spread) == (3.75, 2.5)
    assert [(line.mean, line.spread) for line in summary.lines] == [(4.0, 2), (1.0, 0)]


def field(kind: str, limit: int = 20, required: bool = True) -> Field:
    choices = (("x", Label("Eks", "Ex")), ("y", Label("Ye", "Why"))) if kind.startswith("choice") else ()
    return Field("key", "what", Label("Kunci", "Key"), None, kind, required, limit, choices)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("line", "  dua \n kata ", "dua kata"),
        ("text", "satu\r\ndua\x00", "satu\ndua"),
        ("text", "   ", None),
        ("number", "12", 12),
        ("number", "", None),
        ("money", "Rp 1.250.000", 1_250_000),
        ("money", "1,250,000", 1_250_000),
        ("date", "13/09/2019", "2019-09-13"),
        ("date", "2019-09-13", "2019-09-13"),
        ("choice", "x", "x"),
        ("choices", ["y", "x"], ["x", "y"]),
        ("choices", [], None),
        ("flag", "on", True),
        ("flag", False, None),
    ],
)
def test_an_answer_becomes_a_value(kind, raw, value):
    assert typed.clean(field(kind), raw) == value


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("line", "x" * 21),
        ("text", 5),
        ("number", "dua"),
        ("number", "0"),
        ("number", "21"),
        ("number", "9" * 30),
        ("number", True),
        ("money", "-5"),
        ("money", "1.2.3"),
        ("date", "31/02/2024"),
        ("date", "kemarin"),
        ("date", "01/01/0001"),
        ("choice", "z"),
        ("choice", ["x"]),
        ("choices", "x"),
        ("choices", [{}]),
        ("flag", "mungkin"),
    ],
)
def test_an_answer_of_another_type_is_refused(kind, raw):
    with pytest.raises(typed.AnswerError):
        typed.clean(field(kind), raw)


@given(st.sampled_from(["line", "text", "number", "money", "date", "choice", "choices", "flag"]), st.text())
def test_whatever_is_typed_is_taken_or_refused_and_taken_again_unchanged(kind, raw):
    spec = field(kind)
    try:
        value = typed.clean(spec, raw)
    except typed.AnswerError:
        return

    assert typed.clean(spec, value) == value
    assert isinstance(typed.shown(spec, value), str)


YES = {question.key: False for question in QUESTIONS}


@pytest.mark.parametrize(
    ("yes", "scheme"),
    [
        ("legal ready", "user"),
        ("legal ready budget", "user"),
        ("legal ready challenge prototype", "user"),
        ("legal ready place", "playground"),
        ("legal prototype place", "playground"),
        ("legal prototype challenge", "co-develop"),
        ("legal prototype challenge place", "co-develop"),
        ("legal prototype", None),
        ("legal challenge place", None),
        ("legal", None),
        ("ready", None),
        ("", None),
    ],
)
def test_the_self_check_routes(yes, scheme):
    advice = advise(YES | dict.fromkeys(yes.split(), True))

    assert advice.scheme == scheme
    assert bool(advice.blockers) == (scheme is None)


@given(st.fixed_dictionaries({question.key: st.booleans() for question in QUESTIONS}))
def test_the_self_check_always_answers_with_reasons(answers):
    advice = advise(answers)

    assert bool(advice.reasons) != bool(advice.blockers)
    assert advice.scheme not in [key for key, _words in advice.alternatives]
