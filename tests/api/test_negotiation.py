"""The negotiation through the API: the rules of the pages, told as JSON."""

import pytest

from balai.agreements.comments import comment
from balai.agreements.models import ClauseProposal
from balai.agreements.negotiation import propose_change
from tests.agreements.test_negotiation import change, latest
from tests.agreements_builders import make_agreement, make_cast
from tests.api.place import caller, key_of, send
from tests.builders import make_auditor, make_founder, make_user

pytestmark = pytest.mark.django_db

BODY = {
    "kind": "change",
    "article": "dispute",
    "heading": {"id": "Sengketa", "en": "Disputes"},
    "text": [{"id": "Musyawarah saja.", "en": "Deliberation only."}],
    "reason": "Lebih cepat.",
    "seen": 1,
}


def test_a_proposal_is_made_listed_countered_and_accepted() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    path = f"/collaborations/{cast.collaboration.reference}/agreement/proposals"
    founder, bureau = caller(key_of(cast.founder)), caller(key_of(cast.bureau))

    made = send(founder, "POST", path, BODY)
    text = [{"id": "Mediasi.", "en": ""}]
    countered = send(bureau, "POST", path, BODY | {"text": text, "counter_of": 1})
    accepted = send(founder, "POST", f"{path}/2/answer", {"answer": "accept"})
    listed = send(bureau, "GET", path).json()

    assert (made.status_code, countered.status_code, accepted.status_code) == (201, 201, 200)
    assert made.json()["party"] == 2
    assert (countered.json()["counter_of"], accepted.json()["version"]) == (1, 2)
    assert [(item["number"], item["state"]) for item in listed["items"]] == [
        (1, "countered"),
        (2, "accepted"),
    ]
    assert listed["items"][1]["answers"][0]["accepted"] is True
    assert (listed["version"], latest(agreement).number) == (2, 2)


def test_refusals_are_those_of_the_pages() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    path = f"/collaborations/{cast.collaboration.reference}/agreement/proposals"
    founder, bureau = caller(key_of(cast.founder)), caller(key_of(cast.bureau))

    own = send(founder, "POST", f"{path}/1/answer", {"answer": "accept"})
    silent = send(bureau, "POST", f"{path}/1/answer", {"answer": "reject"})
    rejected = send(bureau, "POST", f"{path}/1/answer", {"answer": "reject", "reason": "Tidak perlu."})
    again = send(bureau, "POST", f"{path}/1/answer", {"answer": "accept"})
    wrong = send(bureau, "POST", path, BODY | {"text": []})

    assert [r.status_code for r in (own, silent, rejected, again, wrong)] == [403, 422, 200, 409, 422]
    assert list(wrong.json()["fields"]) == ["id"]
    assert rejected.json()["answers"][0]["reason"] == "Tidak perlu."


def test_who_is_not_inside_finds_nothing_and_own_comments_are_nowhere() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_change(agreement=agreement, edit=change(), reason="RAHASIA", by=cast.founder)
    comment(agreement=agreement, by=cast.bureau, text="HANYA KOTA", audience="own")
    path = f"/collaborations/{cast.collaboration.reference}/agreement/proposals"

    answers = {
        name: send(caller(key_of(user, *scopes)) if user else caller(), "GET", path)
        for name, user, scopes in (
            ("founder", cast.founder, ()),
            ("auditor", make_auditor(cast.city), ()),
            ("stranger", None, ()),
            ("citizen", make_user(), ()),
            ("rival", make_founder(), ()),
            ("other scope", cast.founder, ("needs:read",)),
        )
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "founder": 200,
        "auditor": 200,
        "stranger": 404,
        "citizen": 404,
        "rival": 404,
        "other scope": 404,
    }
    assert not any("HANYA KOTA" in answer.content.decode() for answer in answers.values())
    auditor = caller(key_of(make_auditor(cast.city)))
    assert send(auditor, "POST", path, BODY).status_code == 403
    assert ClauseProposal.objects.count() == 1


def test_listing_costs_the_same_for_one_and_three(django_assert_num_queries) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    path = f"/collaborations/{cast.collaboration.reference}/agreement/proposals"
    founder = caller(key_of(cast.founder))
    send(founder, "GET", path)
    for number in range(3):
        propose_change(agreement=agreement, edit=change(text=f"Teks {number}."), reason="A", by=cast.founder)
        with django_assert_num_queries(8):
            send(founder, "GET", path)
