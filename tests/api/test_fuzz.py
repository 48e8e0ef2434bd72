"""Schemathesis over the whole interface: no answer but those it describes, whoever asks and whatever."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from balai.api.urls import api_v1
from tests.api.place import Place, key_of

pytestmark = pytest.mark.django_db
load_all_checks()

DESCRIPTION = dict(api_v1.get_openapi_schema(path_prefix="/api/v1/"))
OPERATIONS = {
    (method.upper(), path): operation["operationId"]
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12


@pytest.fixture(scope="module")
def interface() -> Iterator[Any]:
    """The interface over WSGI, on the connection of the test, which the end of a request must not close."""
    schema = schemathesis.openapi.from_dict(DESCRIPTION)
    schema.app = WSGIHandler()
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schema
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture(scope="module")
def keys(shared_place: Place) -> dict[str, str]:
    return {
        "stranger": "",
        "founder": key_of(shared_place.world.founder),
        "bureau": key_of(shared_place.world.bureau),
    }


def known(place: Place, path: str) -> list[dict[str, str]]:
    """Records that are there, for the placeholders of a path."""
    if "/needs/" in path:
        return [{"reference": place.need.reference}]
    if "/challenges/" in path:
        return [{"reference": place.call.reference}, {"reference": place.hidden_draft.reference}]
    if "/agreements/" in path:
        return [{"sha256": place.sha256}]
    if "{webhook}" in path:
        return [{"webhook": str(place.webhook.pk), "delivery": str(place.delivery.pk)}]
    found = [{"reference": it.reference} for it in place.at.values()]
    if "{key}" in path:
        return [
            {"reference": it.reference, "key": move.key}
            for it in place.at.values()
            for move in it.scheme.moves_from(it.stage)
        ]
    return found if "{reference}" in path else []


@pytest.mark.parametrize("who", ["stranger", "founder", "bureau"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=OPERATIONS.values())
def test_every_answer_is_one_that_was_described(place, interface, keys, method, path, who):
    operation = interface[path][method]
    headers = {"Accept-Encoding": "identity"}
    if keys[who]:
        headers["Authorization"] = f"Bearer {keys[who]}"
    records = known(place, path)
    stages = sorted({it.stage for it in place.at.values()})

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if records and data.draw(st.integers(0, 3)):
            case.path_parameters.update(data.draw(st.sampled_from(records)))
        if (
            isinstance(case.body, dict)
            and isinstance(case.body.get("seen"), str)
            and data.draw(st.booleans())
        ):
            case.body["seen"] = data.draw(st.sampled_from(stages))
        with transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()


def test_every_operation_says_what_it_does_and_how_it_can_fail():
    bare = [
        name
        for methods in DESCRIPTION["paths"].values()
        for operation in methods.values()
        if not (
            operation["summary"]
            and operation["description"]
            and any(int(status) >= 400 for status in operation["responses"])
        )
        for name in [operation["operationId"]]
    ]

    assert bare == []
