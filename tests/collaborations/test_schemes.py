"""A scheme file is refused with the line at fault, or it is whole."""

import re

import pytest

from balai.collaborations import schemes
from balai.collaborations.schemes import SchemeError, parse

SMALL = """key = "small"
version = "1"
prefix = "SML"
name = { id = "Kecil", en = "Small" }
promise = { id = "a", en = "b" }
is_not = { id = "a", en = "b" }

[limits]
reviews = 2

[sections]
what = { id = "Apa", en = "What" }

[[stages]]
key = "draft"
name = { id = "Rancangan", en = "Draft" }
public_name = { id = "Rancangan", en = "Draft" }
phase = "application"
turn = "applicant"

[[stages]]
key = "done"
name = { id = "Selesai", en = "Done" }
public_name = { id = "Selesai", en = "Done" }
phase = "exit"
kind = "end"
outcome = "stopped"

[[moves]]
key = "finish"
name = { id = "Selesaikan", en = "Finish" }
done = { id = "menyelesaikan", en = "finished it" }
from = ["draft"]
to = "done"
who = ["applicant"]
guards = ["agency.named"]

[[fields]]
key = "purpose"
section = "what"
type = "text"
label = { id = "Tujuan", en = "Purpose" }

[[papers]]
key = "letter"
label = { id = "Surat", en = "Letter" }

[[checklist]]
key = "letter"
label = { id = "Surat ada", en = "Letter is there" }

[[criteria]]
key = "need"
label = { id = "Kebutuhan", en = "Need" }
weight = 1
low = { id = "a", en = "b" }
high = { id = "a", en = "b" }

[[rules]]
text = { id = "a", en = "b" }
source = "Balai"
status = "ours"
"""


def line_of(source: str, text: str) -> int:
    return next(n for n, line in enumerate(source.splitlines(), 1) if text in line)


def test_a_small_scheme_parses():
    scheme = parse(SMALL)

    assert [stage.key for stage in scheme.stages] == ["draft", "done"]
    assert scheme.moves_from("draft")[0].target == "done"
    assert scheme.moves_from("done") == ()


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ('from = ["draft"]', 'from = ["nowhere"]', "from =", "no stage 'nowhere'"),
        ('to = "done"', 'to = "gone"', "to =", "no stage 'gone'"),
        ('who = ["applicant"]', 'who = ["mayor"]', "who =", "role 'mayor' is not known"),
        ('turn = "applicant"', 'turn = "mayor"', "turn =", "'mayor'"),
        ('guards = ["agency.named"]', 'guards = ["moon.full"]', "guards =", "guard 'moon.full'"),
        (
            'name = { id = "Selesai", en = "Done" }',
            'name = { id = "Selesai" }',
            'name = { id = "Selesai" }',
            "'en'",
        ),
        ('name = { id = "Selesaikan", en = "Finish" }', 'name = { id = " ", en = "F" }', 'id = " "', "'id'"),
        ('outcome = "stopped"', 'outcome = "vanished"', "outcome =", "'vanished'"),
        ("weight = 1", "weight = 0", "weight =", "no weight"),
        ('type = "text"', 'type = "hologram"', "type =", "'hologram'"),
        ('section = "what"', 'section = "why"', "section =", "'why'"),
        ('phase = "exit"', 'phase = "party"', 'phase = "party"', "'party'"),
        ('kind = "end"', 'kind = "end"\ncolour = "red"', "colour =", "not known here"),
        ('status = "ours"', 'status = "rumour"', "status =", "'rumour'"),
        ('to = "done"', 'to = "done"\nrecord = "nobody.knows"', "record =", "record 'nobody.knows'"),
    ],
)
def test_a_broken_scheme_names_the_line(old, new, at, message):
    broken = SMALL.replace(old, new, 1)

    with pytest.raises(SchemeError) as fault:
        parse(broken)

    assert message in fault.value.message
    assert fault.value.line == line_of(broken, at)


def test_toml_that_does_not_parse_names_the_line():
    broken = SMALL.replace('version = "1"', 'version = "1', 1)

    with pytest.raises(SchemeError) as fault:
        parse(broken)

    assert fault.value.line == 2


def test_a_stage_that_cannot_be_reached_is_refused():
    island = """
[[stages]]
key = "island"
name = { id = "Pulau", en = "Island" }
public_name = { id = "Pulau", en = "Island" }
phase = "exit"
kind = "end"
outcome = "stopped"
"""
    broken = SMALL + island

    with pytest.raises(SchemeError, match="cannot be reached") as fault:
        parse(broken)

    assert fault.value.line == line_of(broken, 'key = "island"')


def test_a_stage_that_never_ends_is_refused():
    loop = """
[[stages]]
key = "loop"
name = { id = "Putar", en = "Loop" }
public_name = { id = "Putar", en = "Loop" }
phase = "pilot"
turn = "agency"

[[moves]]
key = "enter"
name = { id = "Masuk", en = "Enter" }
done = { id = "masuk", en = "entered" }
from = ["draft", "loop"]
to = "loop"
who = ["agency"]
"""
    broken = SMALL + loop

    with pytest.raises(SchemeError, match="never comes to an end") as fault:
        parse(broken)

    assert fault.value.line == line_of(broken, 'key = "loop"')


@pytest.mark.parametrize("key", ["playground", "co-develop", "user"])
def test_every_shipped_scheme_is_whole(key):
    scheme = parse(schemes.shipped()[key])

    assert scheme.key == key
    assert sum(c.weight for c in scheme.criteria) == 100
    assert re.fullmatch(r"\d{4}\.\d+", scheme.version)


def guards_of(key: str, move: str) -> set[str]:
    return set(parse(schemes.shipped()[key]).move(move).guards)


def test_what_differs_follows_from_the_source_document():
    assert {"pilot.asset", "pilot.site", "pilot.safety_plan"} <= guards_of("playground", "start")
    assert "agreement.term" in guards_of("playground", "open_signing")
    assert parse(schemes.shipped()["playground"]).limits["term_months"] == 12
    assert {"challenge.linked", "agency.named"} <= guards_of("co-develop", "submit")
    assert "challenge.linked" not in guards_of("playground", "submit") | guards_of("user", "submit")
    assert "agreement.procurement" in guards_of("user", "start") & guards_of("user", "open_signing")
    assert "pilot.site" not in guards_of("user", "start")


def test_each_scheme_hands_over_to_the_next():
    successors = {
        key: {m.key: m.successor for m in parse(text).moves if m.successor}
        for key, text in schemes.shipped().items()
    }

    assert successors == {
        "playground": {"exit_repeat": "same", "exit_hand_over": "co-develop"},
        "co-develop": {"exit_repeat": "same", "exit_hand_over": "user"},
        "user": {"exit_repeat": "same"},
    }


def test_every_rule_says_where_it_comes_from():
    rules = [rule for text in schemes.shipped().values() for rule in parse(text).rules]

    assert {rule.status for rule in rules} == {"ours", "source", "unverified"}
    assert all(rule.source for rule in rules)


def test_the_diagrams_in_the_docs_are_those_of_the_schemes():
    from tools.schemes_doc import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page()
