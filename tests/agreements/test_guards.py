from datetime import date

import pytest

from balai.agreements.actions import propose_version, sign
from balai.agreements.models import Agreement
from balai.collaborations.actions import make_move, unmet
from balai.core.errors import Refused
from balai.observations.models import Dataset
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

FLOW = {"name": {"id": "Wajah", "en": "Faces"}, "direction": "to_city", "personal": True}
WHOLE = FLOW | {"legal_basis": "UU 27/2022 pasal 20", "controller": "Dinas", "retention_days": 30}


def missing(cast: Cast, *names: str) -> list[str]:
    return unmet(cast.collaboration, names)


def test_without_an_agreement_each_guard_says_so() -> None:
    cast = make_cast()

    answers = {
        name: bool(missing(cast, f"agreement.{name}"))
        for name in ("drafted", "approved", "unsigned", "sealed", "term", "lawful_data", "procurement")
    }

    assert answers == {
        "drafted": True,
        "approved": True,
        "unsigned": False,
        "sealed": True,
        "term": True,
        "lawful_data": False,
        "procurement": True,
    }


def test_blanks_are_named() -> None:
    cast = make_cast(asset="")
    make_agreement(cast)

    (sentence,) = missing(cast, "agreement.drafted")

    assert "City asset used, and its owner" in sentence


def test_approval_is_counted_on_the_latest_text_only() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    assert missing(cast, "agreement.approved", "agreement.drafted", "agreement.term") == []

    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder)

    assert missing(cast, "agreement.approved") == [
        "0 of 2 parties approved version 4. The others approve it or propose another."
    ]


@pytest.mark.parametrize(
    ("ends_on", "fits"), [("2027-12-31", True), ("2028-01-01", False), ("2030-01-01", False)]
)
def test_playground_ends_within_twelve_months(ends_on: str, fits: bool) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_version(
        agreement=agreement, changes={"starts_on": "2027-01-01", "ends_on": ends_on}, by=cast.bureau
    )

    assert (missing(cast, "agreement.term") == []) is fits


def test_draft_keeps_the_months_asked_for_within_the_limit() -> None:
    six, many = make_cast(months=6), make_cast(months=40)

    terms = [make_agreement(cast).versions.get().reading for cast in (six, many)]

    days = [(t.ends_on - t.starts_on).days + 1 for t in terms]
    assert (180 < days[0] < 186, days[1] in (365, 366)) == (True, True)
    assert isinstance(terms[0].ends_on, date)


def test_personal_data_needs_basis_controller_and_retention() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    propose_version(agreement=agreement, changes={"flows": [FLOW]}, by=cast.founder)
    (sentence,) = missing(cast, "agreement.lawful_data")
    propose_version(agreement=agreement, changes={"flows": [WHOLE]}, by=cast.founder)

    assert "Wajah" in sentence
    assert "UU 27/2022" in sentence
    assert missing(cast, "agreement.lawful_data") == []


def test_personal_dataset_on_record_counts_too() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    dataset = Dataset.objects.create(
        city=cast.city, partner=cast.company, name="Penerima bantuan", direction="to_partner", personal=True
    )
    agreement.datasets.add(dataset)

    assert "Penerima bantuan" in missing(cast, "agreement.lawful_data")[0]


def test_personal_flow_stops_the_signing() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_version(agreement=agreement, changes={"flows": [FLOW]}, by=cast.founder)

    with pytest.raises(Refused, match="legal basis"):
        make_move(collaboration=cast.collaboration, move="open_signing", by=cast.bureau, seen="drafting")


def test_regional_budget_needs_a_procurement_reference() -> None:
    spending = make_cast(scheme="user", regional_budget="yes")
    free = make_cast(scheme="user", regional_budget="no")
    agreement = make_agreement(spending)
    make_agreement(free)

    assert "Perpres 16/2018" in missing(spending, "agreement.procurement")[0]
    assert missing(free, "agreement.procurement") == []
    assert agreement.versions.get().reading.missing() == ["procurement"]

    propose_version(
        agreement=agreement, changes={}, by=spending.officer, procurement_reference="SPSE 123/2026"
    )

    assert missing(spending, "agreement.procurement", "agreement.drafted") == []
    assert Agreement.objects.get(pk=agreement.pk).procurement_reference == "SPSE 123/2026"


def test_a_signature_closes_the_way_back() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    assert missing(cast, "agreement.unsigned") == []

    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)

    assert len(missing(cast, "agreement.unsigned")) == 1
    assert len(missing(cast, "agreement.sealed")) == 1


@pytest.mark.parametrize("scheme", ["playground", "co-develop", "user"])
def test_each_scheme_reaches_signatures(scheme: str) -> None:
    cast = make_cast(scheme=scheme)

    agreement = make_agreement(cast, upto="signed")

    assert agreement.state == "sealing"
