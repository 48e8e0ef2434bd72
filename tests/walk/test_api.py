"""The interface for machines, path by path as every role: no word meant for others, and no failure."""

import gzip
import re

import pytest

from balai.api.urls import api_v1
from balai.programme.ocds import ocid_of
from tests.builders import client_of
from tests.disbursement_builders import BATCH
from tests.walk.test_every_page import ROLES
from tests.walk.town import Side, Town

pytestmark = pytest.mark.django_db

RECORDS = ("draft", "screening", "review", "rejected", "drafting", "pilot", "offered")
PUBLIC = ("drafting", "pilot", "offered")


def paths() -> set[str]:
    """Every path of the interface that can be read."""
    return {path for path, item in api_v1.get_openapi_schema()["paths"].items() if "get" in item}


def addresses(path: str, side: Side) -> list[str]:
    """The path with the records of one city put in."""
    at = side.at
    if "/needs/" in path:
        filled = [at["need"].reference, at["hidden"].reference]
    elif "/challenges/" in path:
        filled = [at["challenge"].reference, at["challenge_draft"].reference]
    elif "/reconciliation" in path:
        books = at["disbursements"]
        return [path.format(contract=books.contract, major=1, batch=BATCH)]
    elif "/data/" in path:
        values = {
            "contract": at["data_contract"].contract,
            "major": 1,
            "form": "openapi",
            "day": "2026-01-05",
        }
        values |= {"purpose": "planning", "receipt": "0" * 32}
        values |= {"webhook": at["webhook"].pk, "delivery": at["webhook"].deliveries.get().pk}
        return [path.format(**values)]
    elif "/computed" in path:
        return [path.format(code="MOB-01", figure=at["flow"].pk)]
    elif "sha256" in path:
        sealed = at["sealed"].sealed_document
        filled = [sealed.sha256]
    elif "{ocid}" in path:
        filled = [ocid_of(at[name]) for name in RECORDS]
    elif "{" in path:
        filled = [at[name].reference for name in RECORDS]
    else:
        return [path]
    return [re.sub(r"\{[^}]+\}", value, path, count=1) for value in filled]


@pytest.mark.parametrize("role", ROLES)
def test_interface_tells_nothing_to_others(town: Town, role: str):
    user = town.roles[role]
    client = client_of(user)
    client.raise_request_exception = False
    hidden = [word for word in town.marks if not town.may_read(word, user)]
    leaks, odd = [], []

    for path in sorted(paths()):
        for side in town.sides if "{" in path else town.sides[:1]:
            for url in addresses(path, side):
                extra = "?latitude=-6.2&longitude=106.8" if path.endswith("/contains") else ""
                if "/figures/" in path:
                    extra = "?first=2026-01-01&last=2026-01-02&aggregate=count"
                response = client.get(url + extra)
                raw = b"".join(response.streaming_content) if response.streaming else response.content
                text = (gzip.decompress(raw) if url.endswith(".gz") and raw else raw).decode()
                leaks += [(url, word) for word in hidden if word in text]
                if response.status_code not in (200, 401, 403, 404):
                    odd.append((url, response.status_code))

    assert (odd, leaks) == ([], [])


def test_a_key_opens_what_its_owner_and_its_scopes_open(town: Town):
    here, there = town.sides
    client = client_of(None)
    key = {"Authorization": f"Bearer {here.at['secret']}"}

    codes = {
        name: client.get(f"/api/v1/collaborations/{side.at[name].reference}", headers=key).status_code
        for side, name in ((here, "draft"), (there, "screening"))
    }
    drafts = client.get(f"/api/v1/needs/{here.at['hidden'].reference}", headers=key).status_code
    writes = client.post(
        f"/api/v1/collaborations/{here.at['draft'].reference}/moves/withdraw",
        {"seen": "draft", "reason": "x"},
        content_type="application/json",
        headers=key,
    ).status_code

    assert (codes, drafts, writes) == ({"draft": 200, "screening": 404}, 404, 403)
