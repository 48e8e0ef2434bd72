"""Messages out: what is told to whom, how it is signed, tried again, and given up."""

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from balai.core import notifications
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Cursor, Entry, Notification
from balai.observations.actions import make_key, publish_contract, retire_contract, rotate_key, stop_key
from balai.observations.models import Quarantined, Receipt, ReleasedDay
from balai.observations.tasks import tell_missed
from balai.observations.webhooks import actions, events, outbox, sending, signing
from balai.observations.webhooks.client import Answer
from balai.observations.webhooks.models import (
    DeliveryState,
    Scheme,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookMessage,
)
from balai.observations.webhooks.tasks import forget_old
from tests.builders import make_bureau, make_city, make_company, make_founder, make_user, seat
from tests.observations_builders import DOCUMENT, make_data_key, put_in_force
from tests.webhook_builders import KEY, Receiver, answers, listening, make_delivery, make_webhook

pytestmark = pytest.mark.django_db

SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def resolves(*addresses: str):
    return lambda _host, _port: list(addresses)


PUBLIC = resolves("93.184.215.14")


@pytest.fixture
def here(settings):
    """Receivers on this machine may be told."""
    settings.DEBUG = True


@pytest.fixture
def roda():
    return make_company(name="PT Roda Rekaan", slug="roda")


@pytest.fixture
def founder(roda):
    return make_founder(roda)


def published(city, partner, **more) -> Entry:
    publish_contract(by=make_bureau(city), city=city, partner=partner, document=DOCUMENT, **more)
    return Entry.objects.get(verb="data.contract_published")


# Signatures


def test_the_published_vector_of_the_standard() -> None:
    # From the standard's own libraries, Apache-2.0: the same in each of them.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = signing.sign("v1", key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_goes_out_is_verified_by_the_library_and_anything_changed_is_not(here, roda) -> None:
    with listening() as receiver:
        webhook = make_webhook(roda, receiver.url)
        make_delivery(webhook)
        sending.serve(webhook.pk)

    ((headers, body, path),) = receiver.came
    assert Verifier(SECRET).verify(body, headers) == {"type": "webhook.test"}
    assert (path, headers["content-type"]) == ("/terima?dari=balai", "application/json")
    for wrong in (
        {"webhook-id": "msg_lain"},
        {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)},
        {"webhook-signature": "v1,AAAA"},
    ):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(body, headers | wrong)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body + b" ", headers)


def test_while_a_replaced_secret_counts_both_verify_and_then_only_the_new_one(here, roda, founder) -> None:
    with listening() as receiver:
        webhook = make_webhook(roda, receiver.url)
        _same, fresh = actions.rotate_secret(by=founder, webhook=webhook)
        make_delivery(webhook)
        sending.serve(webhook.pk)
        Webhook.objects.update(old_until=timezone.now() - timedelta(seconds=1))
        make_delivery(webhook)
        sending.serve(webhook.pk)

    (both, body, _p), (later, later_body, _q) = receiver.came
    assert both["webhook-signature"].count("v1,") == 2
    Verifier(SECRET).verify(body, both)
    Verifier(fresh).verify(body, both)
    Verifier(fresh).verify(later_body, later)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(later_body, later)


def test_a_public_key_verifies_what_its_private_half_signed(here, roda, founder, city) -> None:
    with listening() as receiver:
        webhook, told = actions.add_webhook(
            by=founder,
            city=city,
            organisation=roda,
            url=receiver.url,
            chosen=["data.key_stopped"],
            scheme=Scheme.PUBLIC,
        )
        make_delivery(webhook)
        sending.serve(webhook.pk)

    ((headers, body, _path),) = receiver.came
    name, _, signature = headers["webhook-signature"].partition(",")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(told.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key.verify(base64.b64decode(signature), signed)
    assert (name, signing.public_key(webhook)) == ("v1a", told)


def test_a_receiver_written_as_the_documentation_says_verifies_and_refuses() -> None:
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(import base64.*?)```", text, re.DOTALL)
    known: dict[str, Any] = {}
    exec(block, known)
    at, body = int(time.time()), b'{"type":"x"}'
    signature = signing.sign("v1", KEY, "msg_1", at, body)
    sent = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,AAAA {signature}"}
    old = {
        "webhook-timestamp": str(at - 301),
        "webhook-signature": signing.sign("v1", KEY, "msg_1", at - 301, body),
    }

    ours = [
        known["ours"](SECRET, headers, body) for headers in (sent, sent | {"webhook-id": "a"}, sent | old)
    ]

    assert ours == [True, False, False]


def test_no_secret_lies_open_in_the_database(city, roda, founder) -> None:
    webhook, told = actions.add_webhook(
        by=founder,
        city=city,
        organisation=roda,
        url="https://hooks.contoh.id/",
        chosen=["data.key_made"],
        resolve=PUBLIC,
    )

    secret = base64.b64decode(told.removeprefix("whsec_"))
    webhook.refresh_from_db()
    assert len(secret) == 32
    assert secret not in bytes(webhook.sealed)
    assert told not in "".join(Entry.objects.values_list("data", flat=True))
    assert Entry.objects.get(verb="webhook.added").facts == {
        "host": "hooks.contoh.id",
        "events": ["data.key_made"],
    }


def test_a_secret_the_hub_cannot_read_is_said_and_replaced(here, roda, founder) -> None:
    """As after a restore without the keys: nothing fails but the attempt, and a new secret mends it."""
    with listening() as receiver:
        webhook = make_webhook(roda, receiver.url, sealed=b"sealed by another hub", scheme=Scheme.PUBLIC)
        sent = make_delivery(webhook)
        made = sending.serve(webhook.pk)
        unread = signing.public_key(webhook)
        actions.rotate_secret(by=founder, webhook=webhook)
        _let_time_pass(webhook)
        sending.serve(webhook.pk)

    faults = list(sent.attempts.order_by("pk").values_list("fault", flat=True))
    assert (made, unread, faults, len(receiver.came)) == (1, "", ["secret", ""], 1)


# What is told, and to whom


def test_the_partner_and_the_city_hear_of_a_contract_and_nobody_else_does(city, roda, founder) -> None:
    bureau = make_bureau(city)
    theirs, others = make_company(), make_company()
    make_founder(theirs)
    elsewhere = make_city(code="3273")
    hooks = {
        "partner": make_webhook(roda),
        "city": make_webhook(bureau.hats[0].organisation),
        "rival": make_webhook(theirs),
        "nobody": make_webhook(others),
        "other city": make_webhook(roda, city=elsewhere),
        "other news": make_webhook(roda, events=["pilot.suspended"]),
        "too late": make_webhook(roda, after=10**9),
    }
    entry = published(city, roda)

    outbox.spread()

    told = set(WebhookDelivery.objects.values_list("webhook", flat=True))
    assert {name for name, hook in hooks.items() if hook.pk in told} == {"partner", "city"}
    message = WebhookMessage.objects.get()
    whole = json.loads(message.body)
    assert message.pk == outbox.number_of(f"entry:{entry.hash}")
    assert (
        whole["type"],
        whole["data"]["contract"],
        whole["data"]["sha256"],
        whole["data"]["simulated"],
    ) == (
        "data.contract_published",
        "roda-trips",
        entry.facts["sha256"],
        False,
    )
    assert datetime.fromisoformat(whole["timestamp"]) == entry.at.replace(
        microsecond=entry.at.microsecond // 1000 * 1000
    )


def test_who_is_told_by_webhook_has_people_who_are_told_in_the_hub(city, roda, founder) -> None:
    """Somebody of two firms hears of one; the other firm's webhook does not."""
    other = make_company()
    seat(founder, other, "founder")
    key = make_data_key(put_in_force(city=city, partner=roda))
    mine, theirs = make_webhook(roda), make_webhook(other)
    stop_key(by=make_bureau(city), key=key, reason="Kunci bocor.")

    while notifications.deliver():
        pass
    outbox.spread()

    assert Notification.objects.filter(user=founder, verb="data.key_stopped").count() == 1
    assert list(WebhookDelivery.objects.values_list("webhook", flat=True)) == [mine.pk]
    assert theirs.deliveries.count() == 0


def test_a_firm_that_nobody_acts_for_any_more_is_told_nothing(city, roda, founder) -> None:
    make_webhook(roda)
    founder.memberships.update(ended_at=timezone.now())
    published(city, roda)

    outbox.spread()

    assert WebhookDelivery.objects.count() == 0


def test_the_ledger_is_read_once_and_two_readers_tell_once(city, roda, founder) -> None:
    make_webhook(roda)
    published(city, roda)

    first = outbox.spread()
    Cursor.objects.filter(name=outbox.CURSOR).update(seq=0)
    outbox.spread()

    assert (first, outbox.spread(), WebhookDelivery.objects.count()) == (Entry.objects.count(), 0, 1)


def test_quarantined_rows_are_told_once_an_hour_with_the_reasons(city, roda, founder) -> None:
    contract = put_in_force(city=city, partner=roda)
    key, sandbox = make_data_key(contract), make_data_key(contract, sandbox=True)
    webhook = make_webhook(roda, events=["data.rows_quarantined"])
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    Webhook.objects.update(created_at=hour - timedelta(hours=3))
    for number, (door, ago, bad) in enumerate([(key, 60, 2), (key, 30, 1), (sandbox, 30, 1), (key, -5, 1)]):
        Receipt.objects.create(
            id=f"{number:032d}",
            key=door.pk,
            contract=contract.contract,
            version="1.0.0",
            table=contract.table,
            digest="0" * 64,
            node="a",
            segment=1,
            offset=number,
            received_at=hour - timedelta(minutes=ago),
            received=10,
            accepted=10 - bad,
            quarantined=bad,
            duplicates=0,
            sandbox=door.sandbox,
        )
        Quarantined.objects.create(
            batch=f"{number:032d}",
            row=0,
            key=door.pk,
            contract=contract.contract,
            version="1.0.0",
            pointer="/zone",
            reason="Not a zone.",
            received_at=hour - timedelta(minutes=ago),
        )

    made = [outbox.gather(hour + timedelta(minutes=minutes)) for minutes in (5, 12, 17)]

    told = json.loads(WebhookMessage.objects.get().body)["data"]
    assert made == [0, 1, 0]
    assert (told["received"], told["quarantined"]) == (20, 3)
    assert told["reasons"] == [{"pointer": "/zone", "reason": "Not a zone.", "rows": 2}]
    assert webhook.deliveries.count() == 1


def test_a_released_day_is_told_once(city, roda, founder) -> None:
    contract = put_in_force(city=city, partner=roda)
    make_webhook(roda, events=["data.released"])
    now = timezone.now() + timedelta(seconds=1)
    ReleasedDay.objects.create(
        table=contract.table,
        day="2026-01-05",
        contract=contract.contract,
        version="1.0.0",
        k=10,
        rows=40,
        unknown=3,
        atoms=b"[]",
        sha256="a" * 64,
        files=[],
        made_at=now,
    )

    made = [outbox.gather(), outbox.gather()]

    told = json.loads(WebhookMessage.objects.get().body)
    assert (made, told["type"]) == ([1, 0], "data.released")
    assert told["data"] == {
        "city": "31", "subject": "data-contract:roda-trips", "contract": "roda-trips", "simulated": False,
        "version": "1.0.0", "day": "2026-01-05", "k": 10, "sha256": "a" * 64,
    }  # fmt: skip


def test_every_message_says_what_its_kind_is_listed_with(city, roda, founder) -> None:
    make_webhook(roda, events=list(events.registered()), created_at=timezone.now())
    Webhook.objects.update(created_at=timezone.now() - timedelta(days=1))
    contract = put_in_force(city=city, partner=roda)
    make_key(by=founder, contract=contract, sandbox=True)
    key = make_data_key(contract)
    rotate_key(by=founder, key=key)
    stop_key(by=founder, key=key, reason="Kunci bocor.")
    retire_contract(by=make_bureau(city), contract=contract, reason="Uji coba selesai.")
    outbox.spread()
    ReleasedDay.objects.create(
        table=contract.table, day="2026-01-05", contract=contract.contract, version="1.0.0", k=10, rows=40,
        unknown=3, atoms=b"[]", sha256="a" * 64, files=[], made_at=timezone.now(),
    )  # fmt: skip
    outbox.gather()

    said = {
        message.type: set(json.loads(message.body)["data"]) - {"city", "subject", "thread", "url", "entry"}
        for message in WebhookMessage.objects.all()
    }
    assert said == {name: set(events.registered()[name].fields) for name in said}
    assert len(said) == 5


def test_rows_that_come_again_after_a_missed_refresh_are_told_once(city, roda, founder) -> None:
    make_webhook(roda, events=["data.refresh_resumed"])
    contract = put_in_force(city=city, partner=roda)
    key = make_data_key(contract)
    since = timezone.now() - timedelta(days=2)
    contract.__class__.objects.update(missed_since=since)
    Receipt.objects.create(
        id="0" * 32, key=key.pk, contract=contract.contract, version="1.0.0", table=contract.table,
        digest="0" * 64, node="a", segment=1, offset=0, received_at=timezone.now(), received=1, accepted=1,
        quarantined=0, duplicates=0, sandbox=False,
    )  # fmt: skip

    tell_missed.call()
    tell_missed.call()
    outbox.spread()

    (message,) = WebhookMessage.objects.all()
    assert json.loads(message.body)["data"]["since"] == since.isoformat(timespec="seconds")
    assert Entry.objects.filter(verb="data.refresh_resumed").count() == 1


# Attempts


def test_the_waits_are_those_of_the_standard_with_some_jitter_and_then_it_is_given_up() -> None:
    waits = [sending.wait_after(tries) for tries in range(1, 10)]

    for wait, least in zip(waits, (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400), strict=True):
        assert wait is not None
        assert timedelta(seconds=least) <= wait <= timedelta(seconds=least * 1.2)
    assert sending.wait_after(10) is None
    assert sending.wait_after(1, retry_after=900) == timedelta(seconds=900)
    assert sending.rest_after(1) < timedelta(seconds=7)
    assert timedelta(minutes=10) <= sending.rest_after(500) <= timedelta(minutes=12)


def test_a_failed_attempt_is_logged_and_made_again_under_the_same_id(here, roda) -> None:
    with listening(Receiver(answers(500, 204))) as receiver:
        webhook = make_webhook(roda, receiver.url)
        sent = make_delivery(webhook)
        first = sending.serve(webhook.pk)
        at_once = sending.serve(webhook.pk)
        _let_time_pass(webhook)
        again = sending.serve(webhook.pk)

    sent.refresh_from_db()
    log = list(sent.attempts.order_by("pk").values_list("status", "fault", "excerpt"))
    assert (first, at_once, again) == (1, 0, 1)
    assert receiver.ids == [sent.message_id] * 2
    assert log == [(500, "status", "jawaban penerima"), (204, "", "")]
    assert (sent.state, sent.tries) == (DeliveryState.DELIVERED, 2)


def test_after_ten_attempts_it_is_given_up_until_somebody_asks_for_it(roda, founder) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook)
    for _attempt in range(10):
        sent.refresh_from_db()
        sending.note(webhook, sent, Answer(500, "status", 5))
    sent.refresh_from_db()
    given_up = (sent.state, sent.tries, sent.attempts.count())

    actions.redeliver(by=founder, delivery=sent)

    assert given_up == (DeliveryState.FAILED, 10, 10)
    assert (sent.state, sent.tries, sent.attempts.count()) == (DeliveryState.WAITING, 0, 10)


def test_what_is_asked_for_during_its_last_attempt_is_not_given_up(roda, founder) -> None:
    webhook = make_webhook(roda)
    make_delivery(webhook, tries=9)
    sent = webhook.deliveries.get()  # and is on its way
    actions.redeliver(by=founder, delivery=webhook.deliveries.get())

    sending.note(webhook, sent, Answer(500, "status", 5))

    sent.refresh_from_db()
    assert (sent.state, sent.tries, sent.ended_at) == (DeliveryState.WAITING, 1, None)
    assert sent.next_at < timezone.now() + timedelta(seconds=7)


def test_what_was_given_up_since_then_goes_out_again(roda, founder) -> None:
    webhook = make_webhook(roda)
    now = timezone.now()
    for days, state in ((3, "failed"), (1, "failed"), (1, "delivered")):
        make_delivery(webhook, state=state, made_at=now - timedelta(days=days))

    asked = actions.redeliver_failed(by=founder, webhook=webhook, since=now - timedelta(days=2))

    assert (asked, webhook.deliveries.filter(state="waiting").count()) == (1, 1)


def test_gone_disables_at_once_and_tells_those_who_keep_it(here, roda, founder) -> None:
    staff = seat(make_user(), roda, "staff")
    with listening(Receiver(answers(410))) as receiver:
        webhook = make_webhook(roda, receiver.url)
        sent = make_delivery(webhook)
        make_delivery(webhook)
        made = sending.serve(webhook.pk), sending.serve(webhook.pk)
    while notifications.deliver():
        pass

    webhook.refresh_from_db()
    sent.refresh_from_db()
    assert (made, webhook.disabled_reason, sent.state) == ((1, 0), "gone", "failed")
    told = Notification.objects.filter(verb="webhook.disabled").values_list("user", flat=True)
    assert list(told) == [founder.pk]
    assert staff.pk not in told


def test_an_address_that_fails_is_warned_of_after_a_day_and_disabled_after_five(roda) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook)
    seen = []
    for days in (0, 0.5, 1.1, 2, 4.9, 5.1):
        Webhook.objects.filter(pk=webhook.pk).exclude(failing_since=None).update(
            failing_since=timezone.now() - timedelta(days=days)
        )
        sending.note(webhook, sent, Answer(None, "connection", 5))
        webhook.refresh_from_db()
        seen.append((webhook.warned_at is not None, webhook.disabled_reason))

    assert seen == [(False, ""), (False, ""), (True, ""), (True, ""), (True, ""), (True, "failing")]
    verbs = Entry.objects.filter(verb__startswith="webhook.").values_list("verb", flat=True)
    assert sorted(verbs) == ["webhook.disabled", "webhook.failing"]


def test_one_success_forgets_the_failures(roda) -> None:
    webhook = make_webhook(roda, failures=9, failing_since=timezone.now() - timedelta(days=4))
    sending.note(webhook, make_delivery(webhook), Answer(200, "", 5))

    webhook.refresh_from_db()
    assert (webhook.failures, webhook.failing_since, webhook.rest_until) == (0, None, None)


def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(roda) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook)
    now = timezone.now()
    sending.note(webhook, sent, Answer(429, "status", 5, retry_after=900))

    webhook.refresh_from_db()
    sent.refresh_from_db()
    assert webhook.rest_until is not None
    assert timedelta(seconds=899) < webhook.rest_until - now < timedelta(seconds=960)
    assert timedelta(seconds=899) < sent.next_at - now < timedelta(seconds=960)


def test_one_message_that_the_receiver_cannot_take_does_not_keep_the_others(here, roda) -> None:
    def answer(number: int) -> tuple[int, dict[str, str], bytes]:
        return (500 if number == 1 else 204, {}, b"")

    with listening(Receiver(answer)) as receiver:
        webhook = make_webhook(roda, receiver.url)
        sent = [make_delivery(webhook) for _number in range(4)]
        sending.serve(webhook.pk)
        Webhook.objects.update(rest_until=None)
        sending.serve(webhook.pk)

    assert receiver.ids == [one.message_id for one in sent]
    assert list(webhook.deliveries.order_by("pk").values_list("state", flat=True)) == [
        "waiting", "delivered", "delivered", "delivered",
    ]  # fmt: skip


def test_what_waits_while_paused_goes_out_in_order_afterwards(here, city, roda, founder) -> None:
    with listening() as receiver:
        webhook = make_webhook(roda, receiver.url, events=["data.key_stopped"])
        actions.pause_webhook(by=founder, webhook=webhook)
        contract = put_in_force(city=city, partner=roda)
        for _number in range(3):
            stop_key(by=founder, key=make_data_key(contract), reason="Diganti.")
        outbox.spread()
        paused = sending.serve(webhook.pk)
        actions.resume_webhook(by=founder, webhook=webhook)
        sending.serve(webhook.pk)

    stops = Entry.objects.filter(verb="data.key_stopped").order_by("seq")
    assert (paused, receiver.ids) == (0, [outbox.number_of(f"entry:{entry.hash}") for entry in stops])


def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_id(here, roda) -> None:
    with listening() as receiver:
        webhook = make_webhook(roda, receiver.url)
        sent = make_delivery(webhook)
        claimed = sending.claim(webhook.pk)
        assert claimed is not None
        sending.attempt(claimed, sent)  # and the worker dies here
        meanwhile = sending.serve(webhook.pk)
        Webhook.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        later = sending.serve(webhook.pk)

    assert (meanwhile, later, receiver.ids) == (0, 1, [sent.message_id] * 2)


def test_an_address_removed_while_it_is_told_leaves_nothing(roda, founder) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook)
    actions.remove_webhook(by=founder, webhook=Webhook.objects.get())

    noted = sending.note(webhook, sent, Answer(200, "", 5))

    assert (noted, WebhookAttempt.objects.count(), Webhook.objects.count()) == (False, 0, 0)


ON_A_DELIVERY = {
    "delivered": lambda by, sent: sending.note(sent.webhook, sent, Answer(200, "", 5)),
    "failed": lambda by, sent: sending.note(sent.webhook, sent, Answer(500, "status", 5)),
    "resumed": lambda by, sent: actions.resume_webhook(by=by, webhook=sent.webhook),
    "sent again": lambda by, sent: actions.redeliver(by=by, delivery=sent),
    "all sent again": lambda by, sent: actions.redeliver_failed(by=by, webhook=sent.webhook),
    "tested": lambda by, sent: actions.send_test(by=by, webhook=sent.webhook),
    "removed": lambda by, sent: actions.remove_webhook(by=by, webhook=sent.webhook),
    "forgotten": lambda by, sent: forget_old.call(),
}


@pytest.mark.parametrize("step", ON_A_DELIVERY)
def test_whoever_writes_takes_the_address_before_its_deliveries(roda, founder, step: str) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook, state="failed" if step == "all sent again" else "waiting")
    if step == "resumed":
        actions.pause_webhook(by=founder, webhook=webhook)
    WebhookMessage.objects.update(made_at=timezone.now() - timedelta(days=31))

    with CaptureQueriesContext(connection) as caught:
        ON_A_DELIVERY[step](founder, sent)

    said = [query["sql"] for query in caught.captured_queries]
    begun = next(place for place, sql in enumerate(said) if sql.startswith("SAVEPOINT"))
    table = re.compile(r"(?:FROM|UPDATE|INTO) \"(observations_webhook\w*)\"")
    touched = [found[1] for sql in said[begun:] if (found := table.search(sql))]
    assert touched[0] == "observations_webhook"


def test_messages_are_forgotten_after_a_month(roda) -> None:
    webhook = make_webhook(roda)
    old, young = make_delivery(webhook), make_delivery(webhook)
    sending.note(webhook, old, Answer(200, "", 5))
    WebhookMessage.objects.filter(pk=old.message_id).update(made_at=timezone.now() - timedelta(days=31))

    forget_old.call()

    assert list(WebhookDelivery.objects.values_list("pk", flat=True)) == [young.pk]
    assert WebhookAttempt.objects.count() == 0


def _let_time_pass(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(rest_until=None)
    webhook.deliveries.filter(state="waiting").update(next_at=timezone.now())


# Who may do what


def test_only_those_who_run_the_organisation_keep_its_webhooks(city, roda, founder) -> None:
    webhook = make_webhook(roda)
    sent = make_delivery(webhook)
    for person in (make_user(), seat(make_user(), roda, "staff"), make_founder(), make_bureau(city)):
        for act in (
            lambda by: actions.add_webhook(
                by=by, city=city, organisation=roda, url="https://a.contoh.id/", chosen=["data.key_made"]
            ),
            lambda by: actions.change_webhook(by=by, webhook=webhook, chosen=["data.key_made"]),
            lambda by: actions.rotate_secret(by=by, webhook=webhook),
            lambda by: actions.pause_webhook(by=by, webhook=webhook),
            lambda by: actions.resume_webhook(by=by, webhook=webhook),
            lambda by: actions.remove_webhook(by=by, webhook=webhook),
            lambda by: actions.send_test(by=by, webhook=webhook),
            lambda by: actions.redeliver(by=by, delivery=sent),
            lambda by: actions.redeliver_failed(by=by, webhook=webhook),
        ):
            with pytest.raises(Refused):
                act(person)


def test_the_bureau_keeps_its_agencys_own(city) -> None:
    bureau = make_bureau(city)
    agency = bureau.hats[0].organisation
    values = {"by": bureau, "organisation": agency, "url": "https://kota.contoh.id/", "resolve": PUBLIC}

    webhook, _secret = actions.add_webhook(city=city, chosen=["data.refresh_missed"], **values)
    with pytest.raises(Refused):
        actions.add_webhook(city=make_city(code="3273"), chosen=["data.refresh_missed"], **values)

    assert webhook.organisation == agency


@pytest.mark.parametrize(
    ("chosen", "scheme", "field"),
    [([], "v1", "events"), (["no.such"], "v1", "events"), (["data.key_made"], "v2", "scheme")],
)
def test_what_cannot_be_added(city, roda, founder, chosen, scheme, field) -> None:
    with pytest.raises(Invalid) as fault:
        actions.add_webhook(
            by=founder,
            city=city,
            organisation=roda,
            url="https://a.contoh.id/",
            chosen=chosen,
            scheme=scheme,
            resolve=PUBLIC,
        )

    assert list(fault.value.fields) == [field]
    assert Webhook.objects.count() == 0


def test_ten_are_enough(city, roda, founder) -> None:
    for _number in range(actions.MOST):
        make_webhook(roda)

    with pytest.raises(Invalid):
        actions.add_webhook(
            by=founder,
            city=city,
            organisation=roda,
            url="https://a.contoh.id/",
            chosen=["data.key_made"],
            resolve=PUBLIC,
        )


def test_one_address_is_told_once(city, roda, founder) -> None:
    first, second = make_webhook(roda), make_webhook(roda)
    values = {"url": first.url, "chosen": ["data.key_made"], "resolve": PUBLIC}
    with pytest.raises(Invalid) as added:
        actions.add_webhook(by=founder, city=city, organisation=roda, **values)
    with pytest.raises(Invalid) as changed:
        actions.change_webhook(by=founder, webhook=second, **values)

    assert [list(fault.value.fields) for fault in (added, changed)] == [["url"], ["url"]]


def test_another_address_gets_what_waits(here, roda, founder) -> None:
    with listening(Receiver(answers(500))) as old, listening() as new:
        webhook = make_webhook(roda, old.url)
        sent = make_delivery(webhook)
        sending.serve(webhook.pk)
        actions.change_webhook(by=founder, webhook=webhook, url=new.url, chosen=["pilot.suspended"])
        sent.__class__.objects.update(next_at=timezone.now())
        sending.serve(webhook.pk)

    assert (old.ids, new.ids) == ([sent.message_id], [sent.message_id])
    webhook.refresh_from_db()
    assert (webhook.events, webhook.failures) == (["pilot.suspended"], 0)
    assert Entry.objects.get(verb="webhook.changed").facts == {
        "host": "127.0.0.1",
        "events": ["pilot.suspended"],
    }


def test_pressed_twice_says_so(roda, founder) -> None:
    webhook = make_webhook(roda)
    actions.pause_webhook(by=founder, webhook=webhook)
    with pytest.raises(Stale):
        actions.pause_webhook(by=founder, webhook=webhook)
    with pytest.raises(Invalid):
        actions.send_test(by=founder, webhook=webhook)
    actions.resume_webhook(by=founder, webhook=webhook)
    with pytest.raises(Stale):
        actions.resume_webhook(by=founder, webhook=webhook)
    before = Webhook.objects.get()
    actions.rotate_secret(by=founder, webhook=webhook)
    with pytest.raises(Stale):
        actions.rotate_secret(by=founder, webhook=before)


def test_every_kind_of_news_that_comes_from_the_ledger_is_a_verb_of_it() -> None:
    from balai.core import verbs

    assert set(events.from_ledger()) <= set(verbs.registered())
