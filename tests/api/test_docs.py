"""The description of the interface as a page for people."""

import re

import pytest

from balai.api.urls import api_v1
from tests.builders import client_of

pytestmark = pytest.mark.django_db


def test_every_operation_is_on_the_page_with_its_answers(django_assert_num_queries):
    client = client_of()
    schema = api_v1.get_openapi_schema(path_prefix="/api/v1/")
    known = {o["operationId"] for methods in schema["paths"].values() for o in methods.values()}

    with django_assert_num_queries(0):
        page = client.get("/api/v1/docs").content.decode()

    assert set(re.findall(r'<article class="[^"]*" id="(\w+)">', page)) == known
    assert page.count("<dt>Answers</dt>") == len(known)


def test_every_status_the_interface_can_answer_is_explained():
    schema = api_v1.get_openapi_schema(path_prefix="/api/v1/")
    possible = {
        int(status)
        for methods in schema["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if int(status) >= 400
    }
    page = client_of().get("/api/v1/docs").content.decode()

    assert {int(status) for status in re.findall(r'<th scope="row">(\d+)</th>', page)} == possible
