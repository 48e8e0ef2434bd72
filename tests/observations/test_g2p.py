"""Payments to people at the door: GovStack's batches, G2P Connect's reports, and what is not kept."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.observations import places
from balai.observations.drain import Drainer
from balai.observations.models import Quarantined, Receipt, StoreFile
from balai.observations.sealing import RowSeal
from balai.observations.simulating import (
    Answer,
    Outgoing,
    rows_of,
    shipped_contract,
    shipped_contracts,
    wire_of,
)
from balai.observations.standards.g2p_items import IDENTITY, payee
from balai.observations.store import connect
from tests.observations.test_http import Client
from tests.observations_builders import bearer, make_data_key, put_in_force

pytestmark = pytest.mark.django_db(transaction=True)

BULK, VALIDATE, RECALL = (
    f"/g2p/{name}" for name in ("bulk-payment", "prepayment-validation", "prepayment-validation-response")
)
DISBURSED, STATUS = "/g2p/on-disburse", "/g2p/disburse/txn/on-status"
JSON = "application/json"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def client(settings, tmp_path: Path) -> Iterator[Client]:
    settings.HOME = tmp_path
    made = Client(make_data_key(put_in_force(shipped_contracts()["duithape-aid"])))
    yield made
    made.close()


def instruction(number: int = 1, **extra: Any) -> dict[str, Any]:
    values = {
        "InstructionID": f"PERINTAH{number:08d}",
        "PayeeFunctionalID": f"PENERIMA{number:012d}",
        "Amount": 300_000,
        "Currency": "IDR",
        "Narration": "Bantuan untuk Siti Rekaan",
    }
    return {name: value for name, value in (values | extra).items() if value is not ...}


def handover(*instructions: dict[str, Any], request: str = "REQUEST00001", **extra: Any) -> dict[str, Any]:
    values = {
        "RequestID": request,
        "SourceBBID": "DINASSOSIAL1",
        "BatchID": "BANSOS-20261",
        "CreditInstructions": list(instructions),
    }
    return {name: value for name, value in (values | extra).items() if value is not ...}


def status(number: int = 1, state: str = "succ", **extra: Any) -> dict[str, Any]:
    values = {
        "reference_id": f"PERINTAH{number:08d}",
        "timestamp": (NOW - timedelta(minutes=5)).isoformat(),
        "status": state,
        "amount": "300000.00",
        "payee_fa": f"token:PENERIMA{number:012d}@bank-rekaan",
        "payee_name": "Siti Rekaan",
    }
    return {name: value for name, value in (values | extra).items() if value is not ...}


def callback(*statuses: dict[str, Any], message: str = "message-1", **head: Any) -> dict[str, Any]:
    header = {
        "version": "1.0.0",
        "message_id": message,
        "message_ts": NOW.isoformat(),
        "action": "on-disburse",
        "status": "succ",
        "sender_id": "duithape.example",
    } | head
    said = {"transaction_id": "BANSOS-20261", "disbursements_status": list(statuses)}
    return {"signature": "Signature: ...", "header": header, "message": said}


def tell(client: Client, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answered, kinds, said = client.post(sent, path=path, **({"content_type": JSON} | headers))
    assert kinds[b"content-type"] == b"application/json"
    return answered, json.loads(said)


def rows() -> list[dict[str, Any]]:
    """What the store holds, after a drain."""
    drainer = Drainer()
    drainer.step()
    drainer.close()
    paths = [str(places.store() / file.path) for file in StoreFile.objects.order_by("pk")]
    if not paths:
        return []
    engine = connect()
    found = engine.execute(
        'SELECT * FROM read_parquet(?) ORDER BY kind, instruction, amount_idr, "at"', [paths]
    )
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, values, strict=True)) for values in found.fetchall()]


def test_a_batch_of_instructions_is_acknowledged_and_kept_without_names(client: Client) -> None:
    at = NOW - timedelta(hours=2)
    bodies = handover(instruction(1), instruction(2, Amount=450_000.0, Narration=...))

    answered, said = tell(client, BULK, bodies, date=format_datetime(at, usegmt=True))

    kept = rows()
    assert (answered, said["ResponseCode"], said["RequestID"]) == (200, "00", "REQUEST00001")
    assert [(one["kind"], one["instruction"], one["amount_idr"]) for one in kept] == [
        ("instructed", "PERINTAH00000001", 300_000),
        ("instructed", "PERINTAH00000002", 450_000),
    ]
    assert {one["payment_batch"] for one in kept} == {"BANSOS-20261"}
    assert {one["at"] for one in kept} == {at.replace(tzinfo=None)}
    assert [len(one["beneficiary"]) for one in kept] == [32, 32]
    assert not any("PENERIMA" in str(one) or "penerima" in str(one) or "Siti" in str(one) for one in kept)


def test_reports_become_rows_of_what_they_say(client: Client) -> None:
    since = NOW - timedelta(hours=1)
    body = callback(
        status(1),
        status(2, "rjct", status_reason_code="rjct.payee_fa.invalid", amount=...),
        status(3, "pdng", amount="0.00"),
        status(4, "rcvd", payee_fa=...),
        meta={"zone": "3171010001", "instructed_at": since.isoformat()},
    )

    answered, said = tell(client, DISBURSED, body)

    assert (answered, said["message"]["ack_status"], "error" in said["message"]) == (200, "ACK", False)
    assert [
        (one["kind"], one["instruction"][-1], one["amount_idr"], one["failure_code"], one["time_to_pay_s"])
        for one in rows()
    ] == [
        ("failed", "2", None, "rjct.payee_fa.invalid", None),
        ("paid", "1", 300_000, None, 3300),
        ("pending", "3", None, None, None),
        ("pending", "4", 300_000, None, None),
    ]
    assert Receipt.objects.get().pk == said["message"]["correlation_id"]


def test_the_answer_to_a_question_for_the_state_is_read_too(client: Client) -> None:
    body = callback(status(1))
    inner = body["message"]
    body["message"] = {
        "transaction_id": "QUESTION-1",
        "correlation_id": "9876543210",
        "txnstatus_response": {"txn_type": "on-disburse", "txn_status": inner},
    }

    first = tell(client, DISBURSED, callback(status(1), message="message-0"))
    second = tell(client, STATUS, body)

    (kept,) = rows()
    assert (first[0], second[0], kept["payment_batch"]) == (200, 200, "BANSOS-20261")
    assert [(one.accepted, one.duplicates) for one in Receipt.objects.order_by("pk")] == [(1, 0), (0, 1)]


def test_what_is_said_again_is_known_and_another_payment_is_not(client: Client) -> None:
    later = (NOW - timedelta(minutes=1)).isoformat()
    tell(client, BULK, handover(instruction(1)))
    tell(client, BULK, handover(instruction(1), request="REQUEST00002"))
    tell(client, BULK, handover(instruction(1, Amount=500_000), request="REQUEST00003"))
    tell(client, DISBURSED, callback(status(1), message="a"))
    tell(client, DISBURSED, callback(status(1), message="b"))
    tell(client, DISBURSED, callback(status(1, timestamp=later), message="c"))

    kept = rows()

    assert [(one["kind"], one["amount_idr"]) for one in kept] == [
        ("instructed", 300_000),
        ("instructed", 500_000),
        ("paid", 300_000),
        ("paid", 300_000),
    ]
    assert sum(Receipt.objects.values_list("duplicates", flat=True)) == 2


def test_a_request_sent_again_is_answered_alike_and_another_body_under_its_number_is_refused(
    client: Client,
) -> None:
    first = tell(client, BULK, handover(instruction(1)))
    again = tell(client, BULK, handover(instruction(1)))
    other = tell(client, BULK, handover(instruction(2)))

    assert again == first
    assert other[0] == 422
    assert (other[1]["ResponseCode"], other[1]["RequestID"]) == ("01", "REQUEST00001")
    assert len(rows()) == 1


@pytest.mark.parametrize(
    ("wrong", "place", "reason"),
    [
        (instruction(9, Amount=1500.5), "/Amount", "not a whole amount"),
        (instruction(9, Amount="300000"), "/Amount", "Expected `int | float`, got `str`"),
        (instruction(9, Amount=...), "", "Object missing required field `Amount`"),
        (instruction(9, Amount=0), "/Amount", "Expected `int` >= 1"),
        (instruction(9, Amount=2_000_000_000), "/Amount", "Expected `int` <= 1000000000"),
        (instruction(9, Currency="USD"), "/Currency", "the contract takes amounts in IDR"),
        (instruction(9, InstructionID="short"), "/InstructionID", "Expected `str` of length >= 16"),
        (instruction(9, PayeeFunctionalID="short"), "/PayeeFunctionalID", "Expected `str` of length >= 20"),
        (
            instruction(9, InstructionID="3171016501900001"),
            "/InstructionID",
            "built like an identity number; number it otherwise",
        ),
    ],
)
def test_a_wrong_instruction_is_quarantined_at_its_place_and_its_neighbours_are_taken(
    client: Client, wrong: dict[str, Any], place: str, reason: str
) -> None:
    answered, said = tell(client, BULK, handover(instruction(1), wrong))

    kept, bad = rows(), Quarantined.objects.get()
    assert (answered, said["ResponseCode"]) == (200, "00")
    assert f"/CreditInstructions/1{place}: {reason}" in said["ResponseDescription"]
    assert (len(kept), bad.row, bad.pointer, bad.reason) == (1, 1, f"/CreditInstructions/1{place}", reason)
    seal = RowSeal(places.row_key())
    sealed = seal.open(bytes(bad.sealed)) if bad.sealed is not None else b""
    assert b"Siti" not in sealed
    assert (sealed == b"") == ("identity" in reason)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (status(9, "done"), "/status"),
        (status(9, amount=...), "/amount"),
        (status(9, amount="300000"), "/amount"),
        (status(9, amount="300000.50"), "/amount"),
        (status(9, amount="-300000.00"), "/amount"),
        (status(9, amount="0.00"), "/amount"),
        (status(9, currency_code="USD"), "/currency_code"),
        (status(9, "rjct", status_reason_code="Siti Rekaan pindah"), "/status_reason_code"),
        (status(9, timestamp="2026-01-05 08:30"), "/timestamp"),
        (status(9, timestamp=(NOW + timedelta(days=1)).isoformat()), "/timestamp"),
        (status(9, reference_id="3171016501900001"), "/reference_id"),
        (status(9, reference_id="Siti Rekaan"), "/reference_id"),
        (status(9, payee_fa="token:" + "1" * 70 + "@bank"), "/payee_fa"),
        (status(9, timestamp=...), ""),
    ],
)
def test_a_wrong_report_is_quarantined_at_its_place(
    client: Client, wrong: dict[str, Any], place: str
) -> None:
    answered, said = tell(client, DISBURSED, callback(status(1), wrong))

    assert (len(rows()), answered, said["message"]["ack_status"]) == (1, 200, "ACK")
    bad = Quarantined.objects.get()
    assert bad.pointer == f"/message/disbursements_status/1{place}"
    assert said["message"]["error"]["code"] == "err.request.bad"
    assert not any("Siti" in text for text in (bad.reason, bad.pointer, json.dumps(said)))


def test_a_zone_that_is_none_points_to_the_header(client: Client) -> None:
    answered, said = tell(client, DISBURSED, callback(status(1), meta={"zone": "Menteng"}))

    assert (answered, said["message"]["ack_status"], rows()) == (200, "ERR", [])
    assert Quarantined.objects.get().pointer == "/header/meta/zone"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        handover(instruction(1), SourceBBID=...),
        handover(instruction(1), BatchID=...),
        handover(instruction(1), RequestID=...),
        handover(instruction(1), SourceBBID="invalid"),
        handover(instruction(1), BatchID="invalid"),
        handover(instruction(1), RequestID=12),
        handover(),
        handover(instruction(1), CreditInstructions=None),
    ],
    ids=range(12),
)
def test_an_envelope_that_is_none_is_refused_whole(client: Client, body: Any) -> None:
    answered, said = tell(client, BULK, body)

    assert (answered, said["ResponseCode"]) == (400, "01")
    assert (rows(), Receipt.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"action": "on-search"}, "err.request.bad"),
        ({"status": "done"}, "err.request.bad"),
        ({"version": "2.0.0"}, "err.version.not_supported"),
        ({"is_msg_encrypted": True}, "err.encryption.invalid"),
        ({"message_id": ""}, "err.request.bad"),
        ({"message_ts": "yesterday"}, "err.request.bad"),
    ],
)
def test_a_callback_that_is_none_is_refused_in_its_own_words(
    client: Client, changed: dict[str, Any], code: str
) -> None:
    answered, said = tell(client, DISBURSED, callback(status(1), **changed))

    assert (answered, said["message"]["ack_status"]) == (400, "ERR")
    assert said["message"]["error"]["code"] == code
    assert (rows(), Receipt.objects.count()) == ([], 0)


def test_who_has_no_key_is_told_so_in_each_standards_form(client: Client) -> None:
    govstack = tell(client, BULK, handover(instruction(1)), authorization="Bearer chk_live_x.y")
    connect_ = tell(client, DISBURSED, callback(status(1)), authorization="")

    assert (govstack[0], govstack[1]["ResponseCode"]) == (401, "01")
    assert (connect_[0], connect_[1]["errors"][0]["code"]) == (401, "err.request.unauthorized")


def test_a_key_of_another_contract_and_a_stopped_one_open_nothing(client: Client) -> None:
    other = make_data_key(put_in_force())
    client.application.node.doors.read()
    refused = tell(client, BULK, handover(instruction(1)), authorization=bearer(other))
    client.key.stopped_at, client.key.stopped_reason = NOW, "Uji coba dihentikan."
    client.key.save()
    client.application.node.doors.read()
    stopped = tell(client, DISBURSED, callback(status(1)))

    assert (refused[0], refused[1]["ResponseCode"]) == (403, "01")
    assert (stopped[0], stopped[1]["errors"][0]) == (
        403,
        {"code": "err.request.forbidden", "message": "Uji coba dihentikan."},
    )
    assert rows() == []


def test_other_paths_methods_and_forms_are_refused(client: Client) -> None:
    answers = [
        tell(client, "/g2p/other", b"{}")[0],
        tell(client, BULK, handover(instruction(1)), method="GET")[0],
        tell(client, BULK, handover(instruction(1)), content_type="text/csv")[0],
        tell(client, BULK, handover(instruction(1)), date="someday")[0],
    ]

    assert answers == [404, 405, 415, 400]


def test_a_validation_says_what_would_be_taken_and_keeps_nothing(client: Client) -> None:
    good = tell(client, VALIDATE, handover(instruction(1), instruction(2)))
    wrong = tell(
        client,
        VALIDATE,
        handover(
            instruction(1),
            instruction(2, Currency="US"),
            instruction(3, Narration=...),
            request="REQUEST00002",
        ),
    )
    none = tell(client, VALIDATE, handover(instruction(1), BatchID=...))
    asked = {"RequestID": "REQUEST00002", "Source_BatchID": "BANSOS-20261"}
    outcome = tell(client, RECALL, asked)
    unknown = tell(client, RECALL, asked | {"RequestID": "REQUEST00009"})

    assert (good[0], good[1]["ResponseCode"], good[1]["RequestID"]) == (200, "00", "REQUEST00001")
    assert (wrong[0], wrong[1]["ResponseCode"]) == (200, "01")
    assert (none[0], none[1]["ResponseCode"], none[1]["RequestID"]) == (200, "01", "REQUEST00001")
    assert outcome == (
        200,
        asked
        | {
            "NumberFailedCases": 2,
            "FailedAccounts": [
                {
                    "InstructionID": "PERINTAH00000002",
                    "FailureReason": "/CreditInstructions/1/Currency: Expected `str` of length >= 3",
                },
                {
                    "InstructionID": "PERINTAH00000003",
                    "FailureReason": "/CreditInstructions/2/Narration: needed",
                },
            ],
        },
    )
    assert unknown[0] == 404
    assert (rows(), Receipt.objects.count(), Quarantined.objects.count()) == ([], 0, 0)


def test_a_payer_is_told_what_it_may_still_send(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    client = Client(make_data_key(put_in_force(shipped_contracts()["duithape-aid"]), rows_per_day=2))

    bodies = [
        json.dumps(handover(instruction(n), instruction(n + 1), request=f"REQUEST0000{n}")) for n in (1, 3)
    ]
    (taken, after, _said), (refused, still, _why) = (
        client.post(body.encode(), path=BULK, content_type=JSON) for body in bodies
    )

    client.close()
    assert (taken, refused) == (200, 429)
    assert ['"daily";r=0;' in headers[b"ratelimit"].decode() for headers in (after, still)] == [True, True]


def test_validations_have_their_quota(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    key = make_data_key(put_in_force(shipped_contracts()["duithape-aid"]), rows_per_second=1)
    client = Client(key)

    answers = [
        tell(client, VALIDATE, handover(*map(instruction, range(6)), request=f"REQUEST0000{n}"))[0]
        for n in range(3)
    ]

    client.close()
    assert answers == [200, 429, 429]


def test_one_payee_is_one_subject_at_every_bank_and_in_both_standards() -> None:
    assert {payee("token:12345@bank-a"), payee("TOKEN:12345@bank-b"), payee("12345@bank-c")} == {"12345"}
    assert payee("account:A1@abcd0000001.ifsc.rail") == "a1"


@given(
    st.sampled_from(("11", "21", "31", "36", "53", "76", "92")),
    st.integers(0, 9999),
    st.dates(),
    st.booleans(),
    st.integers(0, 9999),
)
def test_every_number_built_like_a_nik_is_known(province, place, born, woman, serial) -> None:
    day = born.day + (40 if woman else 0)

    assert IDENTITY.fullmatch(
        f"{province}{place:04d}{day:02d}{born.month:02d}{born.year % 100:02d}{serial:04d}"
    )


@pytest.mark.parametrize("back", range(1, 5))
def test_the_simulated_payer_is_taken_at_its_word(client: Client, back: int) -> None:
    contract = shipped_contract("duithape-aid")
    made = list(rows_of(contract, (NOW - timedelta(days=back)).date(), 120))
    line = wire_of(contract, bearer(client.key).removeprefix("Bearer "))

    def send(build: Callable[[], Outgoing]) -> Answer:
        outgoing = build()
        headers = {name.lower().replace("-", "_"): value for name, value in outgoing.headers.items()}
        answered, kinds, body = client.post(outgoing.body, path=outgoing.path, **headers)
        return Answer(answered, body, {name.decode(): value.decode() for name, value in kinds.items()})

    first = line.tell(made, "simulated-1", send)
    again = line.tell(made, "simulated-1", send)
    other = line.tell(made, "simulated-2", send)

    kept = rows()
    assert first == again == {"received": len(made), "accepted": len(made), "quarantined": 0, "duplicates": 0}
    assert other == {"received": len(made), "accepted": 0, "quarantined": 0, "duplicates": len(made)}
    assert {one["event_id"] for one in kept} == {one["event_id"] for one in made}
    words = ("kind", "instruction", "amount_idr", "failure_code", "time_to_pay_s")
    assert sorted(str([one[word] for word in words]) for one in kept) == sorted(
        str([one.get(word) for word in words]) for one in made
    )
    assert len({one["zone"] for one in kept}) > 10
