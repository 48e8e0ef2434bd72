"""The pages and the interface of webhooks: who sees what, what it costs, and a secret that is shown once."""

import re

import pytest

from balai.observations.webhooks.models import Webhook
from balai.people.keys import create_key
from tests.builders import client_of, make_city, make_company, make_founder, make_user, seat
from tests.webhook_builders import make_delivery, make_webhook

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:9/balai"


@pytest.fixture
def firm(settings):
    settings.DEBUG = True
    make_city()
    return make_company(name="PT Roda Rekaan", slug="roda")


@pytest.fixture
def founder(firm):
    return make_founder(firm)


def test_a_founder_adds_one_and_reads_its_secret_once(firm, founder) -> None:
    client = client_of(founder)
    sent = {"url": URL, "events": ["data.key_made", "data.released"], "scheme": "v1"}

    made = client.post("/data/webhook/baru/roda/", sent)

    webhook = Webhook.objects.get()
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", made.content.decode())
    page = client.get(f"/data/webhook/{webhook.pk}/")
    listed = client.get("/data/webhook/")
    assert (made.status_code, made["Cache-Control"].count("no-store")) == (200, 1)
    assert (webhook.events, webhook.city_id) == (["data.key_made", "data.released"], "31")
    assert secret not in page.content.decode() + listed.content.decode()
    assert b"127.0.0.1:9" in listed.content


def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(firm, founder, settings) -> None:
    settings.DEBUG = False
    sent = {"url": "https://dalam/", "events": ["data.key_made"], "scheme": "v1a"}

    answer = client_of(founder, language="en").post("/en/data/webhook/baru/roda/", sent)

    text = answer.content.decode()
    assert (answer.status_code, Webhook.objects.count()) == (422, 0)
    assert "Give the host by its full name" in text
    assert 'value="https://dalam/"' in text
    assert re.search(r'value="v1a"[^>]*checked', text)


def test_a_public_key_stays_on_the_page(firm, founder) -> None:
    client = client_of(founder)
    made = client.post("/data/webhook/baru/roda/", {"url": URL, "events": ["data.key_made"], "scheme": "v1a"})

    (key,) = re.findall(r"whpk_[A-Za-z0-9+/=]{44}", made.content.decode())
    assert key in client.get(f"/data/webhook/{Webhook.objects.get().pk}/").content.decode()


def test_a_replaced_secret_is_shown_once_and_both_are_named(firm, founder) -> None:
    webhook = make_webhook(firm, scheme="v1")
    client = client_of(founder)

    asked = client.get(f"/data/webhook/{webhook.pk}/rahasia/").content.decode()
    made = client.post(f"/data/webhook/{webhook.pk}/rahasia/").content.decode()
    again = client.get(f"/data/webhook/{webhook.pk}/").content.decode()

    assert ["whsec_" in text for text in (asked, made, again)] == [False, True, False]
    assert "Rahasia lama ikut menandatangani sampai" in again


def test_the_log_is_told_apart_by_state_and_each_message_shows_what_was_sent(firm, founder) -> None:
    webhook = make_webhook(firm)
    given_up = make_delivery(webhook, state="failed")
    given_up.attempts.create(
        at=given_up.made_at, status=500, fault="status", milliseconds=12, excerpt="<b>rusak"
    )
    make_delivery(webhook, state="delivered")
    client = client_of(founder)

    failed = client.get(f"/data/webhook/{webhook.pk}/?state=failed").content.decode()
    whole = client.get(f"/data/webhook/{webhook.pk}/").content.decode()
    one = client.get(f"/data/webhook/{webhook.pk}/kiriman/{given_up.pk}/").content.decode()

    links = rf"/data/webhook/{webhook.pk}/kiriman/\d+/"
    assert (len(re.findall(links, failed)), len(re.findall(links, whole))) == (1, 2)
    assert "&lt;b&gt;rusak" in one
    assert "penerima tidak menjawab dengan status berhasil" in one
    assert "&quot;webhook.test&quot;" in one


@pytest.mark.parametrize(("path", "most"), [("", 6), ("{pk}/", 9), ("{pk}/kiriman/{number}/", 8)])
def test_what_a_page_costs_does_not_grow(
    firm, founder, path, most, django_assert_max_num_queries, django_assert_num_queries
) -> None:
    client = client_of(founder)
    counts = []
    for _round in range(2):
        for _row in range(1 if not counts else 2):
            webhook = make_webhook(firm)
            for _delivery in range(len(counts) + 1):
                delivery = make_delivery(webhook)
                for _attempt in range(len(counts) + 1):
                    delivery.attempts.create(at=delivery.made_at, status=200, milliseconds=3)
        url = f"/data/webhook/{path}".format(pk=webhook.pk, number=delivery.pk)
        client.get(url)
        with django_assert_max_num_queries(most) as seen:
            assert client.get(url).status_code == 200
        counts.append(len(seen.captured_queries))

    assert counts[0] == counts[1]


def test_members_without_the_seat_and_strangers_are_kept_out(firm, founder) -> None:
    webhook = make_webhook(firm)
    url = f"/data/webhook/{webhook.pk}/"
    people = (None, make_user(), make_founder(), seat(make_user(), firm, "staff"))

    assert [client_of(person).get(url).status_code for person in people] == [302, 404, 404, 403]


# The interface


def bearer(person, *scopes: str) -> dict[str, str]:
    from datetime import timedelta

    from django.utils import timezone

    _key, secret = create_key(
        by=person, name="Uji", scopes=list(scopes), expires_at=timezone.now() + timedelta(days=1)
    )
    return {"Authorization": f"Bearer {secret}"}


def test_a_machine_keeps_its_own_webhooks(firm, founder) -> None:
    client, key = client_of(None), bearer(founder, "observations:write")

    def send(method: str, path: str, body: object = None):
        call = getattr(client, method)
        return call(f"/api/v1/data/{path}", body or {}, content_type="application/json", headers=key)

    made = send(
        "post", "webhooks", {"organisation": "roda", "url": URL, "events": ["data.key_made"], "scheme": "v1a"}
    )
    pk = made.json()["webhook"]["id"]
    changed = send("patch", f"webhooks/{pk}", {"events": ["pilot.suspended", "data.released"]}).json()
    rotated = send("post", f"webhooks/{pk}/rotate").json()
    tested = send("post", f"webhooks/{pk}/test").json()
    listed = client.get(f"/api/v1/data/webhooks/{pk}/deliveries?state=waiting", headers=key).json()
    one = client.get(f"/api/v1/data/webhooks/{pk}/deliveries/{tested['id']}", headers=key).json()
    again = send("post", f"webhooks/{pk}/deliveries/{tested['id']}/redeliver").status_code
    paused = send("post", f"webhooks/{pk}/pause").json()["paused_at"]
    refused = send("post", f"webhooks/{pk}/test")
    resumed = send("post", f"webhooks/{pk}/resume").json()["paused_at"]
    failed = send("post", f"webhooks/{pk}/redeliver", {"since": "2026-01-01T00:00:00+07:00"}).json()
    mine = client.get("/api/v1/data/webhooks", headers=key).json()
    removed = client.delete(f"/api/v1/data/webhooks/{pk}", headers=key)

    assert (made.status_code, made.json()["key"][:5]) == (201, "whpk_")
    assert changed["events"] == ["data.released", "pilot.suspended"]
    assert rotated["key"] == rotated["webhook"]["public_key"] != made.json()["key"]
    assert [row["id"] for row in listed["items"]] == [tested["id"]]
    assert (one["body"]["type"], one["message"], one["log"]) == ("webhook.test", tested["message"], [])
    assert (again, bool(paused), refused.status_code, resumed, failed) == (
        200,
        True,
        422,
        None,
        {"deliveries": 0},
    )
    assert ([row["id"] for row in mine], removed.json(), Webhook.objects.count()) == ([pk], {"id": pk}, 0)


def test_others_find_nothing_there(firm, founder) -> None:
    webhook = make_webhook(firm)
    delivery = make_delivery(webhook)
    client = client_of(None)
    rival, reader = bearer(make_founder(), "observations:write"), bearer(founder, "observations:read")
    path = f"/api/v1/data/webhooks/{webhook.pk}"

    seen = [client.get(path, headers=key).status_code for key in ({}, rival, reader)]
    log = [client.get(f"{path}/deliveries/{delivery.pk}", headers=key).status_code for key in ({}, rival)]
    written = [client.post(f"{path}/rotate", headers=key).status_code for key in ({}, rival, reader)]
    added = client.post(
        "/api/v1/data/webhooks",
        {"organisation": "roda", "url": URL, "events": ["data.key_made"]},
        content_type="application/json",
        headers=rival,
    )

    assert (seen, log, written, added.status_code) == ([401, 404, 200], [401, 404], [401, 404, 403], 404)


def test_every_kind_of_news_is_listed_with_its_fields(db) -> None:
    listed = {row["name"]: row["fields"] for row in client_of(None).get("/api/v1/data/webhook-events").json()}

    assert listed["data.contract_published"] == ["contract", "simulated", "version", "sha256"]
    assert {"pilot.suspended", "agreement.sealed", "collaboration.moved", "data.released"} <= set(listed)
