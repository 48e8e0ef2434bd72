import threading
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from balai.agreements import numbers
from balai.agreements.actions import approve_version, decline, set_signatory, sign
from balai.agreements.models import Agreement, DocumentNumber, NumberPattern, Party
from balai.agreements.numbering import add_pattern, put_number, reserve_number, void_number
from balai.core.errors import BalaiError, Invalid, Refused, Stale
from balai.core.models import Entry
from balai.people.models import Organisation
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of
from tests.builders import client_of, make_bureau, make_city, make_user

pytestmark = pytest.mark.django_db

TEMPLATE = "{classification}/{serial}/{type}/{unit}/{month}/{year}"
PARTS = {"classification": "415.4", "document_type": "PKS", "unit": "BKS", "digits": 3}
TODAY = date(2026, 11, 23)


def use_pattern(cast: Cast, agency: Organisation | None = None, **extra) -> NumberPattern:
    values = {"organisation": agency or cast.agency, "kind": "pks", "template": TEMPLATE, **PARTS}
    return add_pattern(**(values | {"source": "Contoh rekaan"} | extra), by=cast.bureau)


def own(agreement: Agreement, place: int) -> Party:
    return agreement.parties.get(place=place)


def why(action, *, field: str = "number") -> str:
    with pytest.raises(Invalid) as refusal:
        action()
    return str(refusal.value.fields[field][0])


@pytest.mark.parametrize(
    ("serial", "day", "number"),
    [
        (1, TODAY, "415.4/001/PKS/BKS/XI/2026"),
        (46, date(2027, 1, 4), "415.4/046/PKS/BKS/I/2027"),
        (1000, date(2026, 9, 1), "415.4/1000/PKS/BKS/IX/2026"),
    ],
)
def test_a_number_is_built_and_read_back(serial: int, day: date, number: str) -> None:
    pattern = NumberPattern(template=TEMPLATE, **PARTS)

    assert numbers.built(pattern, serial, day) == number
    assert numbers.parts_of(number, pattern) == {
        "classification": "415.4",
        "serial": serial,
        "type": "PKS",
        "unit": "BKS",
        "month": number.split("/")[4],
        "year": day.year,
    }


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("134.4/MOU.46/BagPem/2020", {"year": 2020}),
        ("08/MOU/Rek/UNSUR/IX/2020", {"year": 2020, "month": "IX"}),
        ("07.01/2.6/2339", {}),
    ],
)
def test_what_can_be_read_from_a_number_without_a_pattern(number: str, parts: dict) -> None:
    assert numbers.parts_of(number) == parts


def test_blanks_and_capitals_make_no_other_number() -> None:
    cast = make_cast()
    use_pattern(cast)
    first = make_agreement(cast, upto="approved")
    held = reserve_number(agreement=first, by=cast.bureau)
    decoy = " / ".join(held.number.lower().split("/"))
    second = make_agreement(make_cast(), upto="approved")
    Party.objects.filter(agreement=second, place=1).update(organisation=cast.agency)

    reason = why(lambda: reserve_number(agreement=second, by=cast.bureau, number=decoy))

    assert (numbers.parts_of(decoy, held.pattern)["serial"], reason != "") == (1, True)
    assert DocumentNumber.objects.filter(void_at=None).count() == 1


@pytest.mark.parametrize(
    "template",
    [
        "{serial}/{tahun}/{year}",
        "{serial}/PKS",
        "{serial}{year}",
        "{serial}/{serial}/{year}",
        "{serial}/{year",
    ],
)
def test_a_pattern_that_cannot_count_is_refused(template: str) -> None:
    cast = make_cast()

    reason = why(lambda: use_pattern(cast, template=template), field="template")

    assert reason != ""
    assert NumberPattern.objects.count() == 0


def test_a_new_pattern_ends_the_one_before() -> None:
    cast = make_cast()
    first = use_pattern(cast)
    second = use_pattern(cast, template="{serial}/{year}")
    first.refresh_from_db()

    assert (first.valid_until, second.valid_until) == (timezone.localdate(), None)
    assert numbers.pattern_at(cast.agency, "pks", timezone.localdate()) == second
    assert Entry.objects.filter(verb="number.pattern").count() == 2
    with pytest.raises(Refused):
        use_pattern(cast, agency=cast.company)
    with pytest.raises(Refused):
        add_pattern(
            organisation=cast.agency,
            kind="pks",
            template=TEMPLATE,
            source="x",
            by=make_bureau(make_city("3273")),
        )


def test_a_number_waits_for_the_approvals_and_leaves_them_standing() -> None:
    cast = make_cast()
    use_pattern(cast)
    agreement = make_agreement(cast, upto="named")
    with pytest.raises(Refused, match=r"menyetujui|approved"):
        reserve_number(agreement=agreement, by=cast.bureau)
    for by in (cast.bureau, cast.founder):
        latest = agreement.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    before = agreement.versions.first()

    held = reserve_number(agreement=agreement, by=cast.bureau)

    after = Agreement.objects.get().versions.first()
    year = timezone.localdate().year
    assert held.number == numbers.built(held.pattern, 1, timezone.localdate())
    assert (held.serial, held.year, held.origin) == (1, year, "series")
    assert (own(agreement, 1).number, after.reading.parties[0].number) == (held.number, held.number)
    assert (after.number, after.reading.wording) == (before.number + 1, before.reading.wording)
    assert after.fingerprint != before.fingerprint
    assert list(after.approvals.values_list("party", "by", "at")) == list(
        before.approvals.values_list("party", "by", "at")
    )
    entry = Entry.objects.get(verb="agreement.numbered")
    assert (entry.facts["sha256"], entry.facts["wording"]) == (after.document.sha256, before.reading.wording)


def test_the_letter_office_gives_a_number_and_the_series_goes_on_after_it() -> None:
    cast = make_cast()
    use_pattern(cast)
    first = make_agreement(cast, upto="approved")
    other = make_cast()
    second = make_agreement(other, upto="approved")
    Party.objects.filter(agreement=second, place=1).update(organisation=cast.agency)
    year = timezone.localdate().year

    given = reserve_number(agreement=first, by=cast.bureau, number=f"415.4/046/PKS/BKS/XI/{year}")
    follows = reserve_number(agreement=second, by=cast.bureau)

    assert (given.origin, given.serial) == ("office", 46)
    assert (follows.origin, follows.serial) == ("series", 47)


def test_without_a_pattern_the_hub_makes_up_no_number() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")

    reason = why(lambda: reserve_number(agreement=agreement, by=cast.bureau))
    assert cast.agency.name in reason
    assert DocumentNumber.objects.count() == 0
    held = reserve_number(agreement=agreement, by=cast.bureau, number="134.4/PKS.46/Biro")

    assert (held.number, held.serial, held.parts) == ("134.4/PKS.46/Biro", None, {})


def test_only_the_bureau_reserves_and_each_other_party_puts_its_own() -> None:
    cast = make_cast()
    use_pattern(cast)
    agreement = make_agreement(cast, upto="approved")

    for by in (cast.officer, cast.founder, cast.city_signatory, make_user(), make_bureau(make_city("3273"))):
        with pytest.raises(Refused):
            reserve_number(agreement=agreement, by=by)
    for by in (cast.bureau, cast.officer, make_user()):
        with pytest.raises(Refused):
            put_number(party=own(agreement, 2), number="08/PT/2026", by=by)
    put_number(party=own(agreement, 2), number="08/PT/2026", by=cast.founder)
    put_number(party=own(agreement, 2), number="09/PT/2026", by=cast.founder)

    assert own(agreement, 2).number == "09/PT/2026"
    rows = DocumentNumber.objects.filter(party=own(agreement, 2)).order_by("pk")
    assert [(row.number, row.void_at is None, row.void_reason != "") for row in rows] == [
        ("08/PT/2026", False, True),
        ("09/PT/2026", True, False),
    ]
    reason = why(
        lambda: set_signatory(
            party=own(agreement, 1), name="A B", title="K", mandate="S", number="1/X/2026", by=cast.officer
        )
    )
    assert reason != ""


def test_a_number_stands_once_in_a_year_for_an_organisation() -> None:
    cast = make_cast()
    first, other = make_agreement(cast, upto="approved"), make_cast()
    second = make_agreement(other, upto="approved")
    Party.objects.filter(agreement=second, place=1).update(organisation=cast.agency)
    reserve_number(agreement=first, by=cast.bureau, number="134.4/PKS.46/2026")

    why(lambda: reserve_number(agreement=second, by=cast.bureau, number="134.4/PKS.46/2026"))
    held = reserve_number(agreement=second, by=cast.bureau, number="134.4/PKS.47/2026")

    with pytest.raises(IntegrityError), transaction.atomic():
        DocumentNumber.objects.filter(pk=held.pk).update(number="134.4/PKS.46/2026")
    with pytest.raises(Stale):
        reserve_number(agreement=second, by=cast.bureau, number="134.4/PKS.48/2026")


def test_a_void_number_keeps_its_row_and_is_not_given_again() -> None:
    cast = make_cast()
    use_pattern(cast)
    agreement = make_agreement(cast, upto="approved")
    first = reserve_number(agreement=agreement, by=cast.bureau)
    why(lambda: void_number(number=first, reason=" ", by=cast.bureau), field="reason")

    void_number(number=first, reason="Salah tahun.", by=cast.bureau)
    with pytest.raises(Stale):
        void_number(number=first, reason="Lagi.", by=cast.bureau)
    second = reserve_number(agreement=agreement, by=cast.bureau)

    first.refresh_from_db()
    assert (first.void_reason, first.serial, second.serial) == ("Salah tahun.", 1, 2)
    latest = Agreement.objects.get(pk=agreement.pk).versions.first()
    assert latest.reading.parties[0].number == second.number
    assert latest.approvals.count() == 2
    assert Entry.objects.get(verb="agreement.number_void").facts["reason"] == "Salah tahun."


def test_no_number_moves_after_the_first_signature_and_a_declined_one_is_released() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    held = reserve_number(agreement=agreement, by=cast.bureau, number="134.4/PKS.46/2026")
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)

    with pytest.raises(Refused):
        put_number(party=own(agreement, 2), number="08/PT/2026", by=cast.founder)
    with pytest.raises(Refused):
        void_number(number=held, reason="Terlambat.", by=cast.bureau)
    decline(agreement=agreement, by=cast.founder, reason="Tidak jadi.")

    held.refresh_from_db()
    assert held.void_at is not None
    assert held.void_reason != ""


@pytest.mark.django_db(transaction=True)
def test_many_reserve_at_once_and_each_gets_a_number_of_its_own() -> None:
    cast = make_cast()
    use_pattern(cast)
    agreements = [make_agreement(cast, upto="approved")]
    for _n in range(3):
        other = make_cast()
        made = make_agreement(other, upto="approved")
        Party.objects.filter(agreement=made, place=1).update(organisation=cast.agency)
        agreements.append(made)
    start = threading.Barrier(2 * len(agreements))
    outcomes: list[str] = []

    def reserve(agreement: Agreement) -> None:
        start.wait()
        try:
            reserve_number(agreement=agreement, by=cast.bureau)
            outcomes.append("ok")
        except BalaiError as fault:
            outcomes.append(type(fault).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=reserve, args=(a,)) for a in agreements for _twice in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["Stale"] * 4 + ["ok"] * 4
    assert sorted(DocumentNumber.objects.values_list("serial", flat=True)) == [1, 2, 3, 4]
    assert Entry.objects.filter(verb="agreement.numbered").count() == 4
    for agreement in agreements:
        latest = Agreement.objects.get(pk=agreement.pk).versions.first()
        assert latest.reading.parties[0].number == DocumentNumber.objects.get(agreement=agreement).number


def test_pages_reserve_type_void_and_list() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    bureau, founder = client_of(cast.bureau), client_of(cast.founder)
    page = f"/perjanjian/{agreement.pk}/nomor/"

    fields = {"organisation": cast.agency.pk, "kind": "pks", "template": TEMPLATE, **PARTS}
    refused = bureau.post("/perjanjian/nomor/", fields | {"certainty": "counsel", "template": "x"})
    made = bureau.post("/perjanjian/nomor/", fields | {"certainty": "counsel", "source": "Contoh"})
    assert (refused.status_code, made.status_code) == (422, 302)
    proposed = numbers.proposal(cast.agency, "pks", timezone.localdate())
    assert proposed in bureau.get(page).text
    assert bureau.post(page, {"place": 1, "number": ""}).status_code == 302
    assert founder.post(page, {"place": 2, "number": ""}).status_code == 422
    assert founder.post(page, {"place": 2, "number": "08/PT/2026"}).status_code == 302
    held = DocumentNumber.objects.get(party__place=1)
    assert founder.get(f"{page}{held.pk}/batal/").status_code == 403
    assert bureau.post(f"{page}{held.pk}/batal/", {"reason": ""}).status_code == 422
    assert bureau.post(f"{page}{held.pk}/batal/", {"reason": "Salah tahun."}).status_code == 302

    book = bureau.get("/perjanjian/nomor/")
    assert (proposed in book.text, "Salah tahun." in book.text, "08/PT/2026" in book.text) == (
        True,
        True,
        False,
    )
    assert founder.get("/perjanjian/nomor/").status_code == 403
    assert client_of().get("/perjanjian/nomor/").status_code == 302


@pytest.mark.parametrize("rows", [1, 3])
def test_the_book_costs_the_same_for_more_numbers(rows: int, django_assert_num_queries) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    for number in range(rows):
        held = reserve_number(agreement=agreement, by=cast.bureau, number=f"{number}/X/2026")
        void_number(number=held, reason="Contoh.", by=cast.bureau)
    client = client_of(cast.bureau)
    client.get("/perjanjian/nomor/")

    with django_assert_num_queries(7):
        client.get("/perjanjian/nomor/")
