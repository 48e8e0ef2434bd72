"""The legal path as data: refused with the line at fault, or whole; published as versions that stay."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from balai.agreements.legal import publish_path
from balai.agreements.legal_path import CERTAINTIES, HELD, STOPS, LegalPath, LegalPathError, parse, shipped
from balai.agreements.legal_standing import standing_of
from balai.agreements.models import LegalPathVersion
from balai.collaborations.registry import guards
from balai.collaborations.schemes import parse as parse_scheme
from balai.collaborations.schemes import shipped as shipped_schemes
from balai.core.models import Entry
from tests.agreements_builders import answer_no, make_cast

SHIPPED = shipped()
LINES = SHIPPED.splitlines()


def line_of(text: str, after: str = "") -> int:
    start = SHIPPED.index(after) if after else 0
    return SHIPPED[: SHIPPED.index(text, start)].count("\n") + 1


def changed(old: str, new: str, after: str = "") -> str:
    start = SHIPPED.index(after) if after else 0
    return SHIPPED[:start] + SHIPPED[start:].replace(old, new, 1)


def test_shipped_path_has_the_thirteen_steps_in_their_order() -> None:
    path = parse(SHIPPED)

    assert [step.key for step in path.steps] == [
        "preparation",
        "offer",
        "feasibility",
        "discussion",
        "mou",
        "council",
        "draft",
        "numbering",
        "signing",
        "check",
        "execution",
        "administration",
        "reporting",
    ]


def test_every_step_and_stop_says_from_where_and_how_sure() -> None:
    path = parse(SHIPPED)

    sources = [row.source for row in (*path.steps, *path.stops)]

    assert {source.certainty for source in sources} <= CERTAINTIES.keys()
    assert [s.key for s in sources if s.certainty != "ours" and not s.url] == [
        "thirdparty",
        "classification",
        "procurement",
    ]
    assert {s.key for s in path.sources if s.certainty == "counsel" and s.url} == {"pdp"}


def test_what_was_never_read_is_never_called_confirmed() -> None:
    assert [source.key for source in parse(SHIPPED).sources if source.certainty == "confirmed"] == []


def test_the_stops_of_the_path_are_the_guards_of_the_schemes() -> None:
    stopping: dict[str, set[str]] = {name: {"sign"} for name in STOPS}
    for key, text in shipped_schemes().items():
        for move in parse_scheme(text).moves:
            for name in STOPS.keys() & set(move.guards):
                if move.key in ("open_signing", "start"):
                    stopping[name].add(move.key)
                assert name in guards(), key

    assert stopping == {name: set(acts) for name, acts in STOPS.items()}


@pytest.mark.parametrize(
    ("old", "new", "after", "message"),
    [
        ('certainty = "counsel"', 'certainty = "sure"', "", "certainty is 'sure'"),
        ('url = "https://peraturan', 'url = "http://peraturan', "", "begins with https://"),
        ('date = "2018"', 'date = "last year"', "", "a date is written"),
        ('key = "permendagri22"', 'key = "pp28"', "", "stands twice"),
        ('source = "mandate"', 'source = "hearsay"', "", "source is 'hearsay'"),
        ('acts = ["open_signing", "sign"]', 'acts = ["sign"]', "", "stands before"),
        ('key = "agreement.council"', 'key = "agreement.moon"', "", "key is 'agreement.moon'"),
        ('who = "agency"', 'who = "mayor"', "[[steps]]", "who is 'mayor'"),
        ("clock = 5", "clock = -1", "", "0 or more"),
        ('after = ["draft"]', 'after = ["moon"]', "", "no step or fact"),
        ('after = ["draft"]', 'after = ["numbering"]', "", "waits for itself"),
        ('fact = "council.settled"', 'fact = "council.dreamt"', "", "fact is 'council.dreamt'"),
        ('schemes = ["playground"', 'schemes = ["circus"', "", "'circus' is not known"),
        ('waivable = ["bureau"]', 'waivable = ["anyone"]', "", "'anyone' is not known"),
        ('stop = "agreement.council"', 'stop = "agreement.moon"', "", "stop is 'agreement.moon'"),
        ('step = "preparation"', 'step = "party"', "", "step is 'party'"),
        ("over = 3", "over = 1", "", "later and later"),
        ("over = 1", "over = 0", "", "at least one working day"),
        ('to = "chair"', 'to = "owner"', "", "to is 'owner'"),
        ("required = true", "required = 1", "", "true or false"),
        ('key = "stamp"\nlabel', 'key = "initials"\nlabel', "", "stands twice"),
    ],
)
def test_fault_names_its_line(old: str, new: str, after: str, message: str) -> None:
    with pytest.raises(LegalPathError) as fault:
        parse(changed(old, new, after))

    assert message in fault.value.message
    assert fault.value.line == line_of(old, after)


def test_hard_stop_cannot_be_waived_by_a_path() -> None:
    text = changed('stop = "agreement.council"', 'stop = "agreement.council"\nwaivable = ["bureau"]')

    with pytest.raises(LegalPathError, match="nobody waives it"):
        parse(text)


@pytest.mark.parametrize("name", STOPS)
def test_hard_stop_cannot_be_left_out(name: str) -> None:
    start = SHIPPED.index(f'[[stops]]\nkey = "{name}"')
    end = SHIPPED.index("\n[[", start + 5)
    text = (SHIPPED[:start] + SHIPPED[end + 1 :]).replace(f'stop = "{name}"\n', "")

    with pytest.raises(LegalPathError, match=f"'{name}' is missing"):
        parse(text)


@pytest.mark.parametrize("name", HELD)
def test_step_that_holds_a_stop_cannot_be_left_out(name: str) -> None:
    with pytest.raises(LegalPathError, match=r"no path leaves it out|no step or fact|step is"):
        parse(SHIPPED.replace(f'[[steps]]\nkey = "{name}"', f'[[steps]]\nkey = "{name}x"'))


@settings(max_examples=60)
@given(
    number=st.integers(0, len(LINES) - 1),
    act=st.sampled_from(["drop", "twice", "cut", "swap", "unknown"]),
    at=st.integers(0, 60),
)
def test_any_damage_is_refused_with_a_line_or_leaves_a_whole_path(number: int, act: str, at: int) -> None:
    lines = list(LINES)
    if act == "drop":
        del lines[number]
    elif act == "twice":
        lines.insert(number, lines[number])
    elif act == "cut":
        lines[number] = lines[number][:at]
    elif act == "swap":
        other = (number * 7 + at) % len(lines)
        lines[number], lines[other] = lines[other], lines[number]
    else:
        lines.insert(number, f"unknown_{at} = {at}")

    path, fault = tried("\n".join(lines))

    assert (path is None) != (fault is None)
    if fault is not None:
        assert 0 <= fault.line <= len(lines) + 1
    if path is not None:
        assert {stop.key: stop.acts for stop in path.stops} == STOPS
        assert set(HELD) <= {step.key for step in path.steps}


def tried(text: str) -> tuple[LegalPath | None, LegalPathError | None]:
    try:
        return parse(text), None
    except LegalPathError as fault:
        return None, fault


def legal(*arguments: str) -> str:
    out = StringIO()
    call_command("legal", *arguments, stdout=out)
    return out.getvalue()


def written(folder: Path, text: str) -> str:
    path = folder / "ksdpk.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.django_db
def test_new_version_takes_the_place_of_the_old_and_a_case_keeps_its_own(tmp_path: Path) -> None:
    cast = make_cast()
    answer_no(cast)
    text = changed('version = "2026.1"', 'version = "2026.2"').replace("clock = 15", "clock = 7")

    said = legal("publish", written(tmp_path, text))

    assert said.endswith("Published; new cases take it.\n")
    kept = standing_of(cast.collaboration)
    fresh = standing_of(make_cast().collaboration)
    assert (kept.path.version, kept.path.step("draft").clock) == ("2026.1", 15)
    assert (fresh.path.version, fresh.path.step("draft").clock) == ("2026.2", 7)
    assert Entry.objects.filter(verb="legal.published").count() == 2


@pytest.mark.django_db
def test_same_text_again_changes_nothing_and_another_text_needs_a_version(tmp_path: Path) -> None:
    publish_path(source=SHIPPED)

    again = legal("publish")
    with pytest.raises(CommandError, match=r"2026\.1"):
        legal("publish", written(tmp_path, SHIPPED.replace("clock = 15", "clock = 7")))

    assert again.endswith("Published already; nothing was changed.\n")
    assert LegalPathVersion.objects.count() == 1


@pytest.mark.django_db
def test_check_and_list_say_what_is_there(tmp_path: Path) -> None:
    publish_path(source=SHIPPED)

    checked = legal("check", written(tmp_path, SHIPPED))
    listed = legal("list")

    assert checked == (
        "ksdpk 2026.1: 13 steps, 4 hard stops, 13 sources, 5 of them to be checked by counsel."
        " It can be published.\n"
    )
    assert listed.startswith("* ksdpk 2026.1  ")
    with pytest.raises(CommandError, match=rf"ksdpk\.toml:{line_of('acts = [')}: "):
        legal("check", written(tmp_path, changed('acts = ["sign"]', 'acts = ["start"]')))
    with pytest.raises(CommandError, match="cannot be read"):
        legal("check", str(tmp_path / "none.toml"))
