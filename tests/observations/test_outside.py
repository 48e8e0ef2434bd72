"""What the shipped contracts say, read by others' validators; rows judged alike by schema and check."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from balai.api.urls import api_v1
from balai.observations.checking import Checker
from balai.observations.contracts import Contract
from balai.observations.describing import event_schema, example, example_event, json_schema, openapi
from balai.observations.simulating.kits import shipped_contract, shipped_contracts

NAMES = sorted(shipped_contracts())
NOW = datetime.now(UTC)
STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 1, 10**7, 2**53, 2**53 + 1, 0.5, 1e13, 1e301, [], {}, [1], {"a": 1}),
    *("", "1", "0" * 10, "3171010001", "x" * 201, "😀" * 150, "ñ", "a b"),
]


def right(contract: Contract) -> dict[str, Any]:
    """The contract's example, as of now."""
    return example(contract) | {contract.time.name: (NOW - timedelta(minutes=5)).isoformat()}


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one_and_takes_its_example(name: str) -> None:
    contract = shipped_contract(name)
    for schema in (json_schema(contract), event_schema(contract)):
        Draft202012Validator.check_schema(schema)

    assert Draft202012Validator(json_schema(contract)).is_valid(right(contract))
    event = example_event(contract) | {"time": right(contract)[contract.time.name]}
    assert Draft202012Validator(event_schema(contract)).is_valid(event)
    checker = Checker(contract)
    assert checker.check_rows(json.dumps(right(contract)).encode(), NOW).bad == []
    assert checker.check_events(json.dumps([event]).encode(), NOW).bad == []


@pytest.mark.parametrize("name", NAMES)
def test_every_openapi_document_is_one(name: str) -> None:
    contract = shipped_contract(name)
    described = openapi(contract, "https://kota.example")

    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


@pytest.mark.django_db
def test_the_hubs_own_openapi_document_is_one() -> None:
    document = json.loads(json.dumps(api_v1.get_openapi_schema(path_prefix="/api/v1/"), default=str))

    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


@pytest.mark.parametrize("name", NAMES)
@hypothesis_settings(max_examples=40)
@given(data=st.data())
def test_schema_and_check_judge_every_row_alike(name: str, data: st.DataObject) -> None:
    contract = shipped_contract(name)
    fields = [field for field in contract.fields if field.type not in ("timestamp", "date")]
    names = st.sampled_from([field.name for field in fields] + ["other"])
    bounds = [bound for field in fields if field.type in ("integer", "number") for bound in field.bounds]
    words = [value for field in fields for value in (*field.values, field.example) if value is not None]
    near = [shift(bound) for bound in bounds for shift in (lambda b: b, lambda b: b - 1, lambda b: b + 1)]
    values = st.one_of(
        st.sampled_from(STRANGE), st.sampled_from([*near, *words, 0]), st.text(max_size=12), st.integers()
    )
    sent = right(contract) | data.draw(st.dictionaries(names, values, max_size=3))
    for gone in data.draw(st.sets(names, max_size=1)):
        sent.pop(gone, None)

    checked = Checker(contract).check_rows(json.dumps(sent).encode(), NOW)

    whole = any(isinstance(value, float) and value.is_integer() for value in sent.values())
    if not whole and not any(isinstance(value, str) and value.endswith("\n") for value in sent.values()):
        assert Draft202012Validator(json_schema(contract)).is_valid(sent) == (not checked.bad), checked.bad
