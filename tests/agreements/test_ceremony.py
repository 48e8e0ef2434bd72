import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from balai.agreements.ceremonies import (
    board,
    close_ceremony,
    open_ceremony,
    papers_of,
    prepare_ceremony,
    sign_many,
    standing,
)
from balai.agreements.models import Agreement, AgreementState, Ceremony, Signature
from balai.agreements.signing_rounds import plan_signing
from balai.agreements.tasks import seal_waiting
from balai.core import ledger
from balai.core.errors import BalaiError, Invalid, Refused, Stale
from balai.core.models import Entry
from balai.people.models import User
from tests.agreements_builders import sha_of
from tests.agreements_many import Made, open_memorandum, sign_all
from tests.builders import PASSWORD, client_of, make_bureau, make_city, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo(settings, tmp_path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cache.clear()


def three(number: int = 3) -> list[Made]:
    """Memoranda of the same three parties and signatories."""
    first = open_memorandum(3, title="Naskah 1")
    firms = [p.organisation for p in first.agreement.parties.select_related("organisation")[1:]]
    rest = [
        open_memorandum(
            3, bureau=first.bureau, companies=firms, signatories=first.signatories, title=f"Naskah {n}"
        )
        for n in range(2, number + 1)
    ]
    return [first, *rest]


def prepared(made: list[Made], **extra: Any) -> Ceremony:
    values = {
        "city": made[0].agreement.city,
        "title": "Penandatanganan bersama",
        "place": "Balai Kota",
        "starts_at": timezone.now(),
        "agreements": [m.agreement for m in made],
        "by": made[0].bureau,
    }
    return prepare_ceremony(**(values | extra))


def all_of(ceremony: Ceremony, by: User) -> list[tuple[Any, str]]:
    return [(p.agreement.pk, p.version.document.sha256) for p in papers_of(by, ceremony)]


def test_the_bureau_prepares_what_is_ready_and_nothing_twice() -> None:
    made = three(2)
    for by in (made[0].signatories[1], make_user(), make_bureau(make_city("3273"))):
        with pytest.raises(Refused):
            prepared(made, by=by)
    for wrong in ({"agreements": []}, {"title": ""}, {"place": "a\nb"}):
        with pytest.raises(Invalid) as refused:
            prepared(made, **wrong)
        assert list(refused.value.fields) == list(wrong)

    ceremony = prepared(made)
    with pytest.raises(Invalid) as refused:
        prepared(made[:1])

    assert list(refused.value.fields) == ["agreements"]
    assert [a.title for a in board(ceremony)] == ["Naskah 1", "Naskah 2"]
    assert Entry.objects.get(verb="ceremony.prepared").facts == {"agreements": 2}


def test_one_press_signs_all_and_the_last_one_seals_each() -> None:
    made = three(3)
    ceremony = prepared(made)
    signatories = made[0].signatories
    with pytest.raises(Refused):
        sign_many(ceremony=ceremony, chosen=all_of(ceremony, signatories[0]), by=signatories[0], consent=True)
    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    with pytest.raises(Stale):
        open_ceremony(ceremony=ceremony, by=made[0].bureau)

    for by in signatories:
        results = sign_many(ceremony=ceremony, chosen=all_of(ceremony, by), by=by, consent=True)
        assert [r.signature is not None for r in results] == [True] * 3

    now = standing(ceremony)
    assert (now.agreements, now.complete, now.sealed, now.signatures, now.wanted) == (3, 3, 0, 9, 9)
    from balai.agreements.completion import seal

    for one in made:
        seal(agreement_id=one.agreement.pk)
    assert seal_waiting.func() == 0
    assert standing(ceremony).sealed == 3
    close_ceremony(ceremony=ceremony, by=made[0].bureau)
    assert Entry.objects.get(verb="ceremony.closed").facts["sealed"] == 3
    assert ledger.verify().faults == []


def test_what_fails_is_said_and_the_rest_is_signed() -> None:
    made = three(3)
    ceremony = prepared(made)
    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    by = made[0].signatories[1]
    stray = open_memorandum(2, bureau=made[0].bureau, title="Di luar acara")
    first, second, third = all_of(ceremony, by)
    Agreement.objects.filter(pk=second[0]).update(state=AgreementState.DECLINED)
    chosen = [first, second, (third[0], "0" * 64), (stray.agreement.pk, sha_of(stray.agreement))]

    results = sign_many(ceremony=ceremony, chosen=chosen, by=by, consent=True)
    again = sign_many(ceremony=ceremony, chosen=[first, third], by=by, consent=True)

    assert [r.signature is not None for r in results] == [True, False, False, False]
    assert all(str(r.reason) for r in results[1:])
    assert [r.signature is not None for r in again] == [False, True]
    assert sorted(s.agreement.title for s in Signature.objects.all()) == ["Naskah 1", "Naskah 3"]
    for wrong in ({"consent": ""}, {"chosen": []}):
        with pytest.raises(Invalid):
            sign_many(**({"ceremony": ceremony, "chosen": [first], "by": by, "consent": True} | wrong))


def test_a_round_in_ceremony_manner_is_signed_only_while_one_is_under_way() -> None:
    made = three(1)
    plan_signing(agreement=made[0].agreement, mode="ceremony", by=made[0].bureau)
    ceremony = prepared(made)
    with pytest.raises(Refused):
        sign_all(made[0])

    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    sign_all(made[0])

    assert Signature.objects.count() == 3


def test_who_has_no_part_has_no_papers() -> None:
    made = three(2)
    ceremony = prepared(made)
    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    stranger = open_memorandum(2, bureau=make_bureau(make_city("3273"))).signatories[1]

    results = sign_many(
        ceremony=ceremony, chosen=all_of(ceremony, made[0].signatories[0]), by=stranger, consent=True
    )

    assert papers_of(stranger, ceremony) == papers_of(make_user(), ceremony) == []
    assert [r.signature for r in results] == [None, None]


@pytest.mark.django_db(transaction=True)
def test_three_signatories_press_at_once_and_every_signature_is_kept() -> None:
    made = three(2)
    ceremony = prepared(made)
    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    pressed = {by.pk: all_of(ceremony, by) for by in made[0].signatories}
    start = threading.Barrier(6)
    kept: list[bool] = []

    def press(by: User) -> None:
        start.wait()
        try:
            results = sign_many(ceremony=ceremony, chosen=pressed[by.pk], by=by, consent=True)
            kept.extend(r.signature is not None for r in results)
        except BalaiError:
            kept.append(False)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=press, args=(by,)) for by in made[0].signatories for _twice in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(kept) == [False] * 6 + [True] * 6
    assert Signature.objects.count() == 6
    assert set(Agreement.objects.values_list("state", flat=True)) == {"sealing"}


def test_pages_lead_from_the_programme_to_one_press() -> None:
    made = three(2)
    bureau = client_of(made[0].bureau, language="en")
    fields = {
        "title": "Penandatanganan bersama",
        "place": "Balai Kota",
        "starts_at": "2026-12-01T09:00",
        "agreements": [m.agreement.pk for m in made],
    }
    assert bureau.post("/en/upacara/baru/", fields | {"place": ""}).status_code == 422
    page = bureau.post("/en/upacara/baru/", fields).url
    assert bureau.post(f"{page}giliran/", {"to": "open"}).status_code == 302
    by = made[0].signatories[1]
    client = client_of(by, language="en")
    table = f"{page}tanda-tangan/"
    assert "Your 2 documents" in client.get(page).text
    assert "/reauthenticate/" in client.get(table).url
    client.post(f"/en/akun/reauthenticate/?next={table}", {"password": PASSWORD})
    keys = [paper.key for paper in papers_of(by, Ceremony.objects.get())]

    unticked = client.post(table, {"consent": "on"})
    unsaid = client.post(table, {"papers": keys})
    Agreement.objects.filter(title="Naskah 2").update(state=AgreementState.DECLINED)
    partly = client.post(table, {"papers": keys[:1], "consent": "on"})

    assert [r.status_code for r in (unticked, unsaid)] == [422, 422]
    assert unsaid.text.count(" checked") == 2
    assert partly.status_code == 302
    assert Signature.objects.get().agreement.title == "Naskah 1"
    shown = client_of().get(f"{page}layar/?segarkan=10", headers={"Accept-Language": "en"}).text
    assert ('http-equiv="refresh" content="10"' in shown, "1 of 6 signatures" in shown) == (True, True)
    assert ("Naskah 1" in shown, "an agreement not public yet" in shown) == (False, True)
    assert "http-equiv" not in client_of().get(f"{page}layar/?segarkan=1").text
    assert client_of(make_user()).get(page).status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_board_and_table_cost_the_same_for_more_agreements(rows: int, django_assert_num_queries) -> None:
    made = three(rows)
    ceremony = prepared(made, starts_at=timezone.now() + timedelta(1))
    open_ceremony(ceremony=ceremony, by=made[0].bureau)
    by = User.objects.get(pk=made[0].signatories[1].pk)
    assert by.hats

    with django_assert_num_queries(3):
        client_of().get(f"/upacara/{ceremony.pk}/layar/")
    with django_assert_num_queries(5):
        papers_of(by, ceremony)
