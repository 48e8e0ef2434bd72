"""What a contract says to machines agrees with what its check does."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from balai.observations.checking import Checker
from balai.observations.contracts import Contract, read_contract
from balai.observations.describing import (
    asyncapi,
    event_schema,
    example,
    example_event,
    json_schema,
    openapi,
)
from tests.observations.test_contracts import changed
from tests.observations_builders import row

EXAMPLES = {
    "schema__0__properties__2__examples": ["3171010001"],
    "schema__0__properties__7": {"name": "note", "logicalType": "string"},
    "schema__0__properties__8": {"name": "share", "logicalType": "number"},
    "schema__0__properties__9": {"name": "on_time", "logicalType": "boolean"},
}


def contract() -> Contract:
    return read_contract(changed(**EXAMPLES))


CHECKER = Checker(contract())
VALIDATOR = Draft202012Validator(json_schema(contract()))
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 300_000),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["car", "boat", "3171010001", "1", ""]),
    st.lists(st.integers(), max_size=2),
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["zone", "device", "vehicle", "distance_m", "wait_s", "note", "share", "on_time", "other"]
        ),
        _values,
        max_size=4,
    ),
    st.sets(st.sampled_from(["zone", "device", "distance_m", "event_id"]), max_size=1),
)
def test_the_published_schema_and_the_check_agree(changes: dict[str, Any], missing: set[str]) -> None:
    sent = row("a", at="2026-01-05T08:00:00Z") | changes
    sent = {name: value for name, value in sent.items() if name not in missing}
    whole_float = any(isinstance(sent.get(name), float) for name in ("distance_m", "wait_s"))

    checked = CHECKER.check_rows(json.dumps(sent).encode(), NOW)

    if not whole_float:
        assert VALIDATOR.is_valid(sent) == (not checked.bad)


def test_the_example_passes_in_both_forms() -> None:
    plain = CHECKER.check_rows(json.dumps(example(contract())).encode(), NOW)
    event = CHECKER.check_events(json.dumps([example_event(contract())]).encode(), NOW)

    assert (plain.bad, event.bad) == ([], [])
    assert plain.rows == event.rows
    Draft202012Validator(event_schema(contract())).validate(example_event(contract()))


@pytest.mark.parametrize(
    "document", [openapi(contract(), "https://kota.example"), asyncapi(contract(), "kota.example")]
)
def test_every_reference_in_a_description_leads_somewhere(document: dict[str, Any]) -> None:
    todo: list[Any] = [document]
    found = 0
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                place: Any = document
                for step in reference.removeprefix("#/").split("/"):
                    place = place[step]
                found += 1
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)

    assert found >= 1
