"""The API holds to the rules of the pages: who may move what, by which door, and what a refusal says."""

import json
from http import HTTPStatus

import pytest
from django.core.cache import cache
from django.test import Client

from balai.api import doors
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import options, with_parties
from balai.core.errors import Refused, Stale
from balai.needs.actions import voice_need
from balai.needs.models import Need
from tests.api.place import Place, caller, key_of, send
from tests.builders import client_of, make_user

pytestmark = pytest.mark.django_db

ROLES = (
    "stranger",
    "citizen",
    "founder",
    "officer",
    "bureau",
    "reviewer",
    "analyst",
    "signatory",
    "auditor",
    "rival",
    "other_officer",
)


@pytest.fixture
def machines(place: Place) -> dict[str, Client]:
    return {role: caller(key_of(user)) if user else caller() for role, user in place.people.items()}


def visible(place: Place, stage: str, role: str) -> Collaboration | None:
    user = place.people[role]
    rows = (
        Collaboration.objects.visible_to(user)
        if user
        else Collaboration.objects.filter(public_since__isnull=False)
    )
    return with_parties(rows).filter(pk=place.at[stage].pk).first()


@pytest.mark.parametrize("stage", ["draft", "screening", "running"])
def test_moves_say_of_every_role_what_the_page_says(place, machines, stage, in_english):
    told, expected = {}, {}
    for role in ROLES:
        response = send(machines[role], "GET", f"/collaborations/{place.at[stage].reference}/moves")
        seen = visible(place, stage, role)
        if seen is None:
            told[role], expected[role] = response.status_code, 404
            continue
        told[role] = {move["key"]: (move["yours"], move["open"]) for move in response.json()["moves"]}
        user = place.people[role]
        expected[role] = {
            option.move.key: (option.yours, option.open)
            for option in options(user or client_of().get("/healthz").wsgi_request.user, seen)
        }

    assert told == expected


@pytest.mark.parametrize("stage", ["draft", "screening", "running"])
def test_a_move_is_refused_to_exactly_those_whose_it_is_not(place, stage):
    """Page and API, the same table: a move that is nobody's yet answers alike through both doors."""
    reference = place.at[stage].reference
    moves = place.at[stage].scheme.moves_from(stage)
    differing = []
    for role, user in place.people.items():
        if user is None:
            continue
        machine, browser = caller(key_of(user)), client_of(user)
        seen = visible(place, stage, role)
        for move in moves:
            by_api = send(
                machine, "POST", f"/collaborations/{reference}/moves/{move.key}", {"seen": "elsewhere"}
            ).status_code
            page = browser.get(f"/kolaborasi/{reference}/langkah/{move.key}/").status_code
            shown = page != HTTPStatus.NOT_FOUND
            if (by_api != HTTPStatus.NOT_FOUND) != (seen is not None) or (shown and seen is None):
                differing.append((role, move.key, by_api, page))

    assert differing == []


def test_every_move_without_the_hat_is_refused_with_the_reason_of_the_rule(place):
    reference = place.at["screening"].reference
    machine = caller(key_of(place.world.founder))

    response = send(
        machine, "POST", f"/collaborations/{reference}/moves/pass_screening", {"seen": "screening"}
    )

    assert response.status_code == 403
    assert response.json() == {
        "kind": "refused",
        "reason": "Only the cooperation bureau can do this.",
        "fields": {},
    }


def test_a_guard_that_stands_in_the_way_says_why(place):
    reference = place.at["screening"].reference
    machine = caller(key_of(place.world.bureau))

    listed = send(machine, "GET", f"/collaborations/{reference}/moves").json()["moves"]
    missing = next(move["missing"] for move in listed if move["key"] == "pass_screening")
    pressed = send(
        machine, "POST", f"/collaborations/{reference}/moves/pass_screening", {"seen": "screening"}
    )

    assert len(missing) == 1
    assert (pressed.status_code, pressed.json()["reason"]) == (403, missing[0])


def test_who_comes_second_is_told_and_changes_nothing(place):
    reference = place.at["screening"].reference
    machine = caller(key_of(place.world.bureau))
    body = {"seen": "screening", "reason": "Lampiran kurang."}

    first = send(machine, "POST", f"/collaborations/{reference}/moves/return", body)
    second = send(machine, "POST", f"/collaborations/{reference}/moves/return", body)

    assert (first.status_code, first.json()["standing"]["stage"]) == (200, "returned")
    assert (second.status_code, second.json()["kind"]) == (409, "stale")


def test_a_move_that_needs_a_reason_names_the_field(place):
    reference = place.at["screening"].reference
    machine = caller(key_of(place.world.bureau))

    response = send(machine, "POST", f"/collaborations/{reference}/moves/return", {"seen": "screening"})

    assert (response.status_code, list(response.json()["fields"])) == (422, ["reason"])


def test_a_draft_saved_on_an_older_revision_is_stale(place):
    reference = place.at["draft"].reference
    machine = caller(key_of(place.world.founder))
    revision = send(machine, "GET", f"/applications/{reference}").json()["revision"]
    bodies = [
        {"revision": revision, "answers": {"profile": text}} for text in ("Kami membuat sepeda.", "Lain.")
    ]

    first, second = (send(machine, "PATCH", f"/applications/{reference}", body) for body in bodies)

    assert (first.status_code, first.json()["answers"]["profile"]) == (200, "Kami membuat sepeda.")
    assert second.status_code == 409


# Keys and sessions


@pytest.mark.parametrize(
    ("scopes", "read", "write"),
    [
        (("needs:write",), 200, 201),
        (("needs:read",), 200, 403),
        (("pilots:write",), 200, 403),
    ],
)
def test_a_key_does_what_its_scopes_say(place, scopes, read, write):
    machine = caller(key_of(place.citizen, *scopes))
    body = {"title": "Trotoar putus", "text": "Trotoar putus di depan sekolah.", "dimension": "mobility"}

    assert send(machine, "GET", "/needs").status_code == read
    assert send(machine, "POST", "/needs", body).status_code == write


def test_a_key_without_the_scope_sees_what_a_stranger_sees(place):
    screening = place.at["screening"].reference
    narrow = caller(key_of(place.world.bureau, "needs:read"))
    full = caller(key_of(place.world.bureau, "collaborations:read"))

    assert send(narrow, "GET", f"/collaborations/{screening}").status_code == 404
    assert send(full, "GET", f"/collaborations/{screening}").status_code == 200
    assert send(narrow, "GET", "/me").status_code == 403


@pytest.mark.parametrize("header", ["Bearer balai_x", "Bearer ", "Basic YTpi", "balai"])
def test_a_key_that_is_none_is_turned_away_even_where_all_may_read(place, header):
    response = Client(headers={"Authorization": header}).get("/api/v1/needs")

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_session_writes_only_with_its_token(place):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(place.citizen, backend="django.contrib.auth.backends.ModelBackend")
    path = f"/api/v1/needs/{place.need.reference}/support"
    other = make_user()

    refused = browser.put(path)
    browser.get("/akun/login/")
    browser.force_login(other, backend="django.contrib.auth.backends.ModelBackend")
    browser.get("/akun-saya/")
    token = browser.cookies["csrftoken"].value
    let_in = browser.put(path, headers={"X-CSRFToken": token})

    assert (refused.status_code, refused.json()["kind"]) == (403, "refused")
    assert (let_in.status_code, let_in.json()["support_count"]) == (200, place.need.support_count + 1)


def test_a_stranger_writes_nothing(place):
    response = send(caller(), "POST", "/needs", {"title": "a", "text": "b", "dimension": "mobility"})

    assert response.status_code == 401


def test_who_writes_too_often_is_asked_to_wait(place, settings, monkeypatch):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    monkeypatch.setattr(doors, "WRITES_PER_MINUTE", 2)
    monkeypatch.setattr(doors.time, "time", lambda: 1_800_000_000.0)
    machine = caller(key_of(make_user()))
    path = f"/needs/{place.need.reference}/support"

    answers = [send(machine, "PUT", path) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "60"


# Words, sizes, pages


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("en", "There is no such record, or you may not see it."),
        ("id", "Catatan itu tidak ada, atau bukan untuk Anda lihat."),
        ("fr", "Catatan itu tidak ada, atau bukan untuk Anda lihat."),
    ],
)
def test_the_language_is_the_one_asked_for(place, language, reason):
    response = send(caller(language=language), "GET", "/needs/KBT-1999-0001")

    assert (response.status_code, response.json()["reason"]) == (404, reason)


@pytest.mark.parametrize("body", ["{", "", "[]", '"a"', '{"title": 1}'])
def test_a_body_that_does_not_fit_is_told_so(place, body):
    machine = caller(key_of(place.citizen))

    response = machine.post("/api/v1/needs", body, content_type="application/json")

    assert response.status_code in (400, 422)
    assert response.json()["kind"] == "invalid"


def test_a_body_too_big_is_told_so(place, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    machine = caller(key_of(place.citizen))

    response = send(machine, "POST", "/needs", {"title": "a" * 2000})

    assert (response.status_code, response.json()["kind"]) == (413, "too_big")


@pytest.mark.parametrize(
    "path", ["/needs", "/challenges", "/collaborations", "/agreements", "/me/notifications"]
)
@pytest.mark.parametrize("cursor", ["x", "W10", "WyI8IiwxLDFd", "%00", "é", "a" * 999])
def test_a_damaged_cursor_is_told_so(place, path, cursor):
    response = send(caller(key_of(place.world.founder)), "GET", f"{path}?cursor={cursor}")

    assert (response.status_code, response.json()["kind"]) == (422, "invalid")


def test_pages_by_key_hold_every_need_once_there_and_back(place):
    for number in range(60):
        voice_need(
            by=make_user(),
            city=place.world.city,
            title=f"Lampu {number} padam",
            text="Lampu jalan padam di tikungan ini.",
            dimension="living",
        )
    machine = caller()

    pages = [send(machine, "GET", "/needs").json()]
    while pages[-1]["next"]:
        pages.append(send(machine, "GET", f"/needs?cursor={pages[-1]['next']}").json())
    back = send(machine, "GET", f"/needs?cursor={pages[-1]['previous']}").json()

    found = [need["reference"] for page in pages for need in page["items"]]
    assert sorted(found) == sorted(Need.objects.values_list("reference", flat=True))
    assert len(found) == len(set(found)) == 61
    assert [need["reference"] for need in back["items"]] == [need["reference"] for need in pages[1]["items"]]


def test_a_need_sent_twice_is_voiced_once(place):
    machine = caller(key_of(place.citizen))
    body = {
        "title": "Halte gelap",
        "text": "Halte di jalan ini gelap sejak sebulan.",
        "dimension": "mobility",
        "key": "0192f1a0-0000-7000-8000-000000000001",
    }

    first, second = (send(machine, "POST", "/needs", body).json() for _ in range(2))

    assert first["reference"] == second["reference"]


@pytest.mark.parametrize(
    ("fault", "status"), [(Refused("x"), 403), (Stale("x"), 409)], ids=["refused", "stale"]
)
def test_refusals_have_their_status(fault, status, rf):
    from balai.api.urls import refused

    response = refused(rf.get("/"), fault)

    assert (response.status_code, json.loads(response.content)["reason"]) == (status, "x")


# Every reading, in how many queries


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/needs", 1),
        ("/challenges", 1),
        ("/collaborations", 1),
        ("/agreements", 2),
        ("/partners", 1),
        ("/schemes", 1),
        ("/dimensions", 0),
        ("/indicators", 2),
        ("/ledger/head", 1),
    ],
)
def test_lists_are_read_in_few_queries(place, django_assert_num_queries, path, count):
    machine = caller()
    send(machine, "GET", path)

    with django_assert_num_queries(count):
        response = send(machine, "GET", path)

    assert response.status_code == 200


def test_what_an_incident_was_is_told_inside_only(place):
    reference = place.at["running"].reference
    inside = caller(key_of(place.world.founder))

    told = [
        send(client, "GET", f"/collaborations/{reference}/pilot").json()["incidents"][0]["text"]
        for client in (caller(), inside)
    ]

    assert told == [None, "Unit rekaan terguling."]


def test_the_register_of_a_stranger_holds_what_is_public(place):
    references = {stage: it.reference for stage, it in place.at.items()}

    found = send(caller(), "GET", "/collaborations").json()["items"]

    assert [row["reference"] for row in found] == [references["running"]]


def test_a_sealed_agreement_of_what_is_not_public_is_not_found(place):
    Collaboration.objects.filter(pk=place.at["running"].pk).update(public_since=None)
    machine = caller()

    listed = send(machine, "GET", "/agreements").json()["items"]
    found = send(machine, "GET", f"/agreements/{place.sha256}")

    assert (found.status_code, place.sha256 in {row["sha256"] for row in listed}) == (404, False)


def test_a_sealed_agreement_is_found_by_its_hash(place):
    found = send(caller(), "GET", f"/agreements/{place.sha256}").json()

    assert (found["collaboration"], found["sha256"]) == (place.at["running"].reference, place.sha256)
