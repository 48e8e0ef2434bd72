from datetime import timedelta

import pytest
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balai.agreements import rules
from balai.agreements.actions import decline, record_stamp, sign
from balai.agreements.completion import seal
from balai.agreements.linking import link_memorandum, memoranda_for
from balai.agreements.models import Agreement, AgreementState, Party, Signature, SigningReminder, SigningRound
from balai.agreements.names import same_person
from balai.agreements.queries import awaiting_signature
from balai.agreements.signing_rounds import expire, plan_signing, remind
from balai.core.errors import Invalid, Refused
from balai.core.models import Entry
from balai.people.models import User
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of
from tests.agreements_many import open_memorandum, sign_all
from tests.builders import client_of, make_bureau, make_city

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()


def consent(agreement: Agreement, by: User) -> Signature:
    return sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)


def why(agreement: Agreement, by: User) -> str:
    with translation.override("en"), pytest.raises(Refused) as refused:
        consent(agreement, by)
    return str(refused.value.reason)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("BUDI SANTOSO", "Budi Santoso", True),
        ("Dr. Budi Santoso, M.T.", "Budi Santoso", True),
        ("Santoso Budi", "Budi Santoso", True),
        ("Rènée Çelik", "Renee Celik", True),
        ("Budi", "Budi", True),
        ("Budi", "Budi Santoso", False),
        ("Budi Hartono", "Budi Santoso", False),
        ("Budi, S.H.", "Budi Santoso, S.H.", False),
        ("Dr. Budi", "Dr. Budi Santoso", False),
        ("Budi, M.Kom.", "Budi Santoso, M.Kom.", False),
        ("Dr. Budi", "Budi, Dr.", True),
        ("", "", False),
        ("Budi Santoso", "", False),
    ],
)
def test_names_are_of_one_person_or_not(one: str, other: str, same: bool) -> None:
    assert (same_person(one, other), same_person(other, one)) == (same, same)


def test_an_account_of_another_name_cannot_sign_and_learns_who_corrects_it() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    User.objects.filter(pk=cast.city_signatory.pk).update(name="Orang Lain")
    other = User.objects.get(pk=cast.city_signatory.pk)

    assert why(agreement, other) == (
        f"The text names Penanda Tangan 1 as the signatory of {cast.agency.name}; your account is of Orang"
        " Lain. If you are that person, correct your name in your account. If another person signs,"
        f" {cast.agency.name} names them while the text is negotiated."
    )
    assert Signature.objects.count() == 0


def test_in_an_ordered_round_the_parties_sign_in_their_order() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    plan_signing(agreement=agreement, mode="desk", ordered=True, by=cast.bureau)

    assert why(agreement, cast.partner_signatory) == (
        f"The parties sign in their order: {cast.agency.name} is next."
    )
    consent(agreement, cast.city_signatory)
    consent(agreement, cast.partner_signatory)

    current = SigningRound.objects.get()
    assert (current.outcome, current.closed_at is not None) == ("signed", True)


def test_an_agreement_waits_for_whoever_can_sign_it_now() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    both = (cast.city_signatory, cast.partner_signatory)

    def waiting() -> list[int]:
        return [awaiting_signature(User.objects.get(pk=by.pk)).count() for by in both]

    seen = [waiting()]
    plan_signing(agreement=agreement, mode="desk", ordered=True, until=TODAY, by=cast.bureau)
    seen.append(waiting())
    consent(agreement, cast.city_signatory)
    seen.append(waiting())
    expire(TODAY + timedelta(1))
    seen.append(waiting())
    plan_signing(agreement=agreement, mode="desk", by=cast.bureau)
    seen.append(waiting())

    assert seen == [[1, 1], [1, 0], [0, 1], [0, 0], [0, 1]]


def test_a_round_is_planned_by_the_bureau_and_ends_in_time() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")

    for by in (cast.officer, cast.founder, make_bureau(make_city("3273"))):
        with pytest.raises(Refused):
            plan_signing(agreement=agreement, mode="desk", by=by)
    for until in (TODAY - timedelta(1), TODAY + timedelta(367)):
        with pytest.raises(Invalid) as refused:
            plan_signing(agreement=agreement, mode="desk", until=until, by=cast.bureau)
        assert list(refused.value.fields) == ["until"]
    with pytest.raises(Invalid):
        plan_signing(agreement=agreement, mode="pigeon", by=cast.bureau)
    plan_signing(agreement=agreement, mode="desk", until=TODAY, by=cast.bureau)
    plan_signing(agreement=agreement, mode="hybrid", until=TODAY + timedelta(7), by=cast.bureau)

    current = SigningRound.objects.get()
    assert (current.number, current.mode, current.until) == (1, "hybrid", TODAY + timedelta(7))
    assert Entry.objects.filter(verb="agreement.planned").count() == 2


def test_after_the_last_day_nobody_signs_until_another_round_opens() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    plan_signing(agreement=agreement, mode="desk", until=TODAY, by=cast.bureau)
    consent(agreement, cast.city_signatory)
    SigningRound.objects.update(until=TODAY - timedelta(1))

    assert why(agreement, cast.partner_signatory).startswith("The round of signing ended on ")
    assert (expire(), expire()) == (1, 0)
    assert why(agreement, cast.partner_signatory).startswith("The round of signing ended on ")
    assert Signature.objects.count() == 1
    entry = Entry.objects.get(verb="agreement.signing_expired")
    assert entry.facts == {"signed": 1, "reopened": False}
    plan_signing(agreement=agreement, mode="desk", until=TODAY, by=cast.bureau)
    consent(agreement, cast.partner_signatory)

    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALING
    assert list(SigningRound.objects.order_by("number").values_list("number", "outcome")) == [
        (1, "expired"),
        (2, "signed"),
    ]


def test_an_unsigned_memorandum_goes_back_to_negotiation() -> None:
    made = open_memorandum(2)
    plan_signing(agreement=made.agreement, mode="desk", until=TODAY, by=made.bureau)

    assert expire(TODAY) == 0
    assert expire(TODAY + timedelta(1)) == 1

    made.agreement.refresh_from_db()
    assert made.agreement.state == AgreementState.DRAFTING
    assert Entry.objects.get(verb="agreement.signing_expired").facts == {"signed": 0, "reopened": True}


def test_a_declined_agreement_closes_its_round() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    plan_signing(agreement=agreement, mode="desk", until=TODAY, by=cast.bureau)

    decline(agreement=agreement, by=cast.founder, reason="Tidak jadi.")

    assert SigningRound.objects.get().outcome == "declined"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    left=st.integers(0, 12),
    wakes=st.lists(st.integers(0, 13), min_size=1, max_size=8).map(sorted),
)
def test_whenever_the_worker_wakes_each_reminder_goes_out_once(one_open, left: int, wakes: list[int]) -> None:
    current: SigningRound = one_open
    until = TODAY + timedelta(left)
    SigningReminder.objects.all().delete()
    SigningRound.objects.filter(pk=current.pk).update(until=until)

    sent = [remind(TODAY + timedelta(day)) for day in wakes for _twice in range(2)]

    marks = [min(mark for mark in (7, 1, 0) if mark >= left - day) for day in wakes if 0 <= left - day <= 7]
    assert sorted(SigningReminder.objects.values_list("days", flat=True)) == sorted(set(marks))
    assert sum(sent) == len(set(marks))


@pytest.fixture
def one_open() -> SigningRound:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    return plan_signing(agreement=agreement, mode="desk", until=TODAY, by=cast.bureau)


def test_nine_parties_sign_one_memorandum_under_one_seal(settings, tmp_path) -> None:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    made = open_memorandum(9)

    sign_all(made)
    document = seal(agreement_id=made.agreement.pk)

    made.agreement.refresh_from_db()
    assert (made.agreement.state, made.agreement.sealed_document) == (AgreementState.SEALED, document)
    assert made.agreement.signatures.count() == 9


def test_an_emeterai_serial_is_on_one_document_only() -> None:
    cast, other = make_cast(), make_cast()
    first, second = make_agreement(cast), make_agreement(other)
    record_stamp(party=first.parties.get(place=2), serial="1234567890123456789012", by=cast.founder)

    with pytest.raises(Invalid) as refused:
        record_stamp(party=second.parties.get(place=2), serial="1234567890123456789012", by=other.founder)

    assert list(refused.value.fields) == ["serial"]
    assert Party.objects.filter(stamp_serial="1234567890123456789012").count() == 1


def sealed_memorandum(cast: Cast, settings, tmp_path) -> Agreement:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    made = open_memorandum(2, bureau=cast.bureau, companies=[cast.company])
    sign_all(made)
    seal(agreement_id=made.agreement.pk)
    return Agreement.objects.get(pk=made.agreement.pk)


def test_one_memorandum_carries_agreements_with_the_same_partner(settings, tmp_path) -> None:
    cast, other = make_cast(), make_cast()
    memorandum = sealed_memorandum(cast, settings, tmp_path)
    agreement, strange = make_agreement(cast), make_agreement(other)

    assert list(memoranda_for(agreement)) == [memorandum]
    with pytest.raises(Invalid):
        link_memorandum(agreement=strange, memorandum=memorandum, by=other.bureau)
    for by in (cast.officer, cast.founder):
        with pytest.raises(Refused):
            link_memorandum(agreement=agreement, memorandum=memorandum, by=by)
    assert not rules.may_link(cast.bureau, memorandum)
    page = f"/en/perjanjian/{agreement.pk}/induk/"
    bureau = client_of(cast.bureau)
    assert bureau.post(page, {"memorandum": strange.pk}).status_code == 422
    assert bureau.post(page, {"memorandum": memorandum.pk}).status_code == 302

    agreement.refresh_from_db()
    assert agreement.parent == memorandum
    founder = client_of(cast.founder)
    assert str(memorandum.pk) in founder.get(f"/en/perjanjian/{agreement.pk}/").text
    assert str(agreement.pk) in founder.get(f"/en/perjanjian/{memorandum.pk}/").text
    Agreement.objects.filter(pk=memorandum.pk).update(ends_on=TODAY - timedelta(1))
    assert "The memorandum has ended." in founder.get(f"/en/perjanjian/{agreement.pk}/").text
    assert list(memoranda_for(agreement)) == []


def test_the_page_of_the_plan_keeps_what_was_typed() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    bureau = client_of(cast.bureau)
    page = f"/perjanjian/{agreement.pk}/rencana/"

    wrong = bureau.post(page, {"mode": "hybrid", "ordered": "on", "until": "2001-01-01"})
    right = bureau.post(page, {"mode": "hybrid", "ordered": "on", "until": TODAY.isoformat()})

    assert (wrong.status_code, "2001-01-01" in wrong.text, right.status_code) == (422, True, 302)
    assert client_of(cast.founder).get(page).status_code == 403
    current = SigningRound.objects.get()
    assert (current.mode, current.ordered, current.until) == ("hybrid", True, TODAY)
