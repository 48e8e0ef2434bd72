import hashlib
from datetime import date

import pytest
from django.utils import timezone

from balai.agreements.actions import (
    approve_version,
    decline,
    draft_agreement,
    draft_memorandum,
    open_signing,
    propose_version,
    publish_text,
    record_stamp,
    set_signatory,
    sign,
)
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, AgreementState, Approval, Party, Signature
from balai.agreements.queries import agreement_of, awaiting_signature, match_hash
from balai.agreements.sealing import KeySealer, demonstration_authority, trust_roots
from balai.agreements.tasks import seal_waiting
from balai.agreements.verifying import Finding, verify_pdf
from balai.collaborations.actions import make_move
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.observations.models import Dataset
from tests.agreements_builders import answer_no, make_agreement, make_cast, sha_of
from tests.builders import make_auditor, make_bureau, make_company, make_founder, make_signatory, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    return settings


def test_draft_takes_scheme_articles_and_application_facts() -> None:
    cast = make_cast()
    dataset = Dataset.objects.create(
        city=cast.city, partner=cast.company, name="Perjalanan", direction="to_city"
    )

    agreement = draft_agreement(collaboration=cast.collaboration, by=cast.bureau)

    terms = agreement.versions.get().reading
    assert [p.name for p in terms.parties] == [cast.agency.name, cast.company.name]
    assert terms.variables["asset"].id == "Taman kota milik Dinas Contoh"
    assert terms.variables["financing"].id == "Seluruh biaya ditanggung mitra"
    assert terms.missing() == []
    assert [f.dataset for f in terms.flows] == [str(dataset.pk)]
    assert terms.verify_at.endswith(f"/verifikasi/?dokumen={agreement.pk}")
    assert agreement.starts_on.day == 1
    assert agreement.state == AgreementState.DRAFTING
    entry = Entry.objects.get(verb="agreement.drafted")
    assert (entry.thread, entry.subject) == (cast.collaboration.thread, f"agreement:{agreement.pk}")
    assert entry.facts["sha256"] == sha_of(agreement)


def test_stored_document_is_what_the_terms_make() -> None:
    agreement = make_agreement(make_cast())
    version = agreement.versions.get()

    from balai.agreements.typesetting import typeset

    with documents.open_document(version.document) as file:
        assert hashlib.sha256(file.read()).hexdigest() == hashlib.sha256(typeset(version.reading)).hexdigest()


@pytest.mark.parametrize("who", ["founder", "city_signatory", "partner_signatory"])
def test_draft_is_refused_to_the_wrong_role(who: str) -> None:
    cast = make_cast()

    with pytest.raises(Refused):
        draft_agreement(collaboration=cast.collaboration, by=getattr(cast, who))

    assert Agreement.objects.count() == 0


def test_draft_is_refused_off_stage_and_twice() -> None:
    early = make_cast(stage="review")
    cast = make_cast()
    make_agreement(cast)

    with pytest.raises(Refused):
        draft_agreement(collaboration=early.collaboration, by=early.bureau)
    with pytest.raises(Stale):
        draft_agreement(collaboration=cast.collaboration, by=cast.officer)
    assert Agreement.objects.filter(collaboration=cast.collaboration).count() == 1


def test_proposal_makes_a_version_and_approvals_stay_behind() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    before = agreement.versions.first()

    version = propose_version(
        agreement=agreement,
        changes={
            "clauses": {"dispute": {"id": "Musyawarah saja.", "en": "Deliberation only."}},
            "ends_on": "2027-06-30",
        },
        note="Tanpa pengadilan",
        by=cast.founder,
        seen=before.number,
    )

    agreement.refresh_from_db()
    assert version.number == before.number + 1
    assert version.proposed_for == cast.company
    assert agreement.ends_on == date(2027, 6, 30)
    assert version.reading.clauses[[c.key for c in version.reading.clauses].index("dispute")].text[0].id == (
        "Musyawarah saja."
    )
    assert version.approvals.count() == 0
    assert before.approvals.count() == 2


def test_proposal_without_change_makes_no_version() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    version = propose_version(agreement=agreement, changes={"place": "Jakarta"}, by=cast.founder)

    assert (version.number, agreement.versions.count()) == (1, 1)


def test_proposal_on_an_older_text_is_stale() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder, seen=1)

    with pytest.raises(Stale):
        propose_version(agreement=agreement, changes={"place": "Depok"}, by=cast.officer, seen=1)

    assert agreement.versions.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clauses": {"dispute": {"id": "Satu.\n\nDua.", "en": "One."}}}, "clause_dispute_en"),
        ({"clauses": {"baru": {"id": "Isi"}}}, "clause_baru"),
        ({"starts_on": "2027-01-31", "ends_on": "2027-01-30"}, "ends_on"),
        ({"starts_on": "kapan-kapan"}, "starts_on"),
        ({"title": {"id": ""}}, "title"),
        ({"milestones": [{"title": {"id": "x"}}]}, "milestones"),
        ({"flows": [{"name": {"id": "x"}, "direction": "to_city", "rahasia": 1}]}, "flows"),
        ({"obligations": "x" * 61}, "obligations"),
    ],
)
def test_proposal_names_the_field_that_is_wrong(changes, field: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    with pytest.raises(Invalid) as refused:
        propose_version(agreement=agreement, changes=changes, by=cast.bureau)

    assert list(refused.value.fields) == [field]
    assert agreement.versions.count() == 1


def test_proposal_with_characters_the_document_lacks_is_refused() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    with pytest.raises(Invalid, match=r"U\+202E"):
        propose_version(agreement=agreement, changes={"place": "Jak\u202earta"}, by=cast.bureau)


def test_strangers_and_auditors_change_nothing() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="named")
    version = agreement.versions.first()
    others = [
        make_user(),
        make_auditor(cast.city),
        make_founder(),
        make_bureau(None),
        make_signatory(make_company()),
    ]
    others[3].memberships.update(ended_at=timezone.now())
    others[3].__dict__.pop("hats", None)

    for other in others:
        for attempt in (
            lambda who: propose_version(agreement=agreement, changes={"place": "X"}, by=who),
            lambda who: approve_version(version=version, by=who, seen_sha256=version.document.sha256),
            lambda who: decline(agreement=agreement, by=who, reason="tidak"),
            lambda who: sign(agreement=agreement, by=who, seen_sha256=version.document.sha256, consent=True),
            lambda who: set_signatory(
                party=agreement.parties.first(), name="A", title="B", mandate="C", number="D", by=who
            ),
            lambda who: record_stamp(party=agreement.parties.first(), serial="1" * 22, by=who),
        ):
            with pytest.raises(Refused):
                attempt(other)

    assert agreement.versions.count() == 3
    assert Approval.objects.count() == Signature.objects.count() == 0


def test_each_party_names_its_own_signatory() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    own, theirs = agreement.parties.get(place=2), agreement.parties.get(place=1)

    set_signatory(
        party=own, name="Budi", title="Direktur", mandate="Akta 5", number="08/PT/2026", by=cast.founder
    )
    with pytest.raises(Refused):
        set_signatory(party=theirs, name="X", title="Y", mandate="Z", number="", by=cast.founder)
    with pytest.raises(Invalid) as refused:
        set_signatory(party=own, name="", title="Y\nZ", mandate="😀", number="", by=cast.founder)

    own.refresh_from_db()
    assert (own.signatory_name, own.mandate, own.number) == ("Budi", "Akta 5", "08/PT/2026")
    assert agreement.versions.first().reading.parties[1].number == "08/PT/2026"
    assert set(refused.value.fields) == {"signatory_name", "signatory_title", "mandate"}


def test_number_of_a_party_is_used_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    other = Agreement.objects.create(city=cast.city, kind="mou", title="Lain")
    Party.objects.create(agreement=other, organisation=cast.company, place=1, number="08/PT/2026")

    with pytest.raises(Invalid) as refused:
        set_signatory(
            party=agreement.parties.get(place=2),
            name="B",
            title="D",
            mandate="A",
            number="08/PT/2026",
            by=cast.founder,
        )

    assert list(refused.value.fields) == ["number"]


def test_approval_binds_to_the_hash_that_was_read() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    first = agreement.versions.get()
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder)
    second = agreement.versions.first()

    with pytest.raises(Stale):
        approve_version(version=first, by=cast.bureau, seen_sha256=first.document.sha256)
    with pytest.raises(Stale):
        approve_version(version=second, by=cast.bureau, seen_sha256=first.document.sha256)
    approve_version(version=second, by=cast.bureau, seen_sha256=second.document.sha256)
    with pytest.raises(Refused):
        approve_version(version=second, by=cast.officer, seen_sha256=second.document.sha256)

    assert [a.party.place for a in second.approvals.all()] == [1]


def test_blank_is_filled_before_approval() -> None:
    cast = make_cast(asset="")
    agreement = make_agreement(cast)
    version = agreement.versions.get()

    with pytest.raises(Refused, match=r"Aset kota|City asset"):
        approve_version(version=version, by=cast.bureau, seen_sha256=version.document.sha256)


def test_signing_opens_once_both_approved() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="named")

    with pytest.raises(Refused):
        open_signing(agreement=agreement, by=cast.bureau)
    cast.collaboration.refresh_from_db()
    assert cast.collaboration.stage == "drafting"

    for by in (cast.officer, cast.founder):
        latest = agreement.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    answer_no(cast)
    opened = open_signing(agreement=agreement, by=cast.bureau)

    assert (opened.state, opened.collaboration.stage) == ("signing", "signing")
    with pytest.raises(Refused):
        propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder)


def test_signature_needs_role_mandate_consent_and_the_text_shown() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sha256 = sha_of(agreement)

    for by in (cast.bureau, cast.officer):
        with pytest.raises(Refused):
            sign(agreement=agreement, by=by, seen_sha256=sha256, consent=True)
    with pytest.raises(Invalid):
        sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha256, consent=False)
    with pytest.raises(Stale):
        sign(agreement=agreement, by=cast.city_signatory, seen_sha256="0" * 64, consent=True)
    Party.objects.filter(agreement=agreement, place=1).update(mandate="")
    with pytest.raises(Refused, match="Surat Kuasa"):
        sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha256, consent=True)

    signature = sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha256, consent=True)

    assert Signature.objects.get() == signature
    assert (signature.party.place, signature.sha256) == (2, sha256)
    assert "Penanda Tangan 2" in signature.consent
    assert sha256 in signature.consent
    with pytest.raises(Stale):
        sign(agreement=agreement, by=cast.founder, seen_sha256=sha256, consent=True)


def test_signed_text_is_not_reopened_but_an_unsigned_one_is() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")

    make_move(
        collaboration=cast.collaboration,
        move="reopen_drafting",
        by=cast.bureau,
        seen="signing",
        reason="salah",
    )
    assert agreement_of(cast.collaboration).phase == "drafting"
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder)

    other = make_cast()
    signed = make_agreement(other, upto="open")
    sign(agreement=signed, by=other.city_signatory, seen_sha256=sha_of(signed), consent=True)
    with pytest.raises(Refused):
        make_move(
            collaboration=other.collaboration,
            move="reopen_drafting",
            by=other.bureau,
            seen="signing",
            reason="salah",
        )


def test_last_signature_leads_to_a_seal_everyone_can_check(demo) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="signed")
    consented = sha_of(agreement)
    assert agreement.state == AgreementState.SEALING

    document = seal(agreement_id=agreement.pk)

    agreement.refresh_from_db()
    with documents.open_document(document) as file:
        report = verify_pdf(file.read(), trust_roots())
    assert report.finding is Finding.SOUND
    assert report.consented_sha256 == consented
    assert (agreement.state, agreement.sealed_document) == ("sealed", document)
    entry = Entry.objects.get(verb="agreement.sealed")
    assert (entry.public, entry.facts["sha256"], entry.facts["consented_sha256"]) == (
        True,
        document.sha256,
        consented,
    )
    assert seal(agreement_id=agreement.pk) is None
    assert Entry.objects.filter(verb="agreement.sealed").count() == 1
    make_move(collaboration=cast.collaboration, move="confirm_sealed", by=cast.bureau, seen="signing")
    assert cast.collaboration.stage == "preparation"
    assert ledger.verify().faults == []


def test_failed_seal_is_taken_up_again(demo, tmp_path) -> None:
    agreement = make_agreement(make_cast(), upto="signed")
    foreign = demonstration_authority(tmp_path / "other")

    with pytest.raises(ValueError, match="does not verify"):
        seal(agreement_id=agreement.pk, sealer=KeySealer(foreign / "seal.p12"))
    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALING
    assert seal_waiting.func() == 1
    seal(agreement_id=agreement.pk)

    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALED


def test_sealed_schedule_becomes_the_datasets_on_record(demo) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    flow = {"name": {"id": "Perjalanan", "en": "Trips"}, "direction": "to_city", "refresh": "harian"}
    propose_version(agreement=agreement, changes={"flows": [flow]}, by=cast.founder)
    for place, by in ((1, cast.officer), (2, cast.founder)):
        party = agreement.parties.get(place=place)
        set_signatory(party=party, name=f"Penanda Tangan {place}", title="B", mandate="C", number="", by=by)
    for by in (cast.bureau, cast.founder):
        latest = agreement.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    answer_no(cast)
    open_signing(agreement=agreement, by=cast.bureau)
    for by in (cast.city_signatory, cast.partner_signatory):
        sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)

    seal(agreement_id=agreement.pk)

    dataset = agreement.datasets.get()
    assert (dataset.name, dataset.refresh, dataset.partner) == ("Perjalanan", "harian", cast.company)


def test_declined_agreement_makes_room_for_another() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)

    declined = decline(agreement=agreement, by=cast.founder, reason="Syarat berubah")

    assert (declined.state, declined.declined_reason) == ("declined", "Syarat berubah")
    entry = Entry.objects.get(verb="agreement.declined")
    assert entry.facts == {"party": 2}
    with pytest.raises(Refused):
        decline(agreement=agreement, by=cast.bureau, reason="juga")
    make_move(
        collaboration=cast.collaboration,
        move="reopen_drafting",
        by=cast.bureau,
        seen="signing",
        reason="ulang",
    )
    again = draft_agreement(collaboration=cast.collaboration, by=cast.bureau)
    assert agreement_of(cast.collaboration) == again


def test_decline_needs_a_reason() -> None:
    cast = make_cast()

    with pytest.raises(Invalid):
        decline(agreement=make_agreement(cast), by=cast.founder, reason=" ")


def test_stamp_serial_has_22_digits_and_is_used_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    city, partner = agreement.parties.all()

    record_stamp(party=city, serial="12345 67890 12345 67890 12", by=cast.officer)

    with pytest.raises(Invalid):
        record_stamp(party=partner, serial="1" * 21, by=cast.founder)
    with pytest.raises(Invalid):
        record_stamp(party=partner, serial="1234567890123456789012", by=cast.founder)
    city.refresh_from_db()
    assert city.stamp_serial == "1234567890123456789012"


def test_only_the_city_publishes_a_sealed_text(demo) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="signed")

    with pytest.raises(Refused):
        publish_text(agreement=agreement, by=cast.bureau, public=True)
    seal(agreement_id=agreement.pk)
    with pytest.raises(Refused):
        publish_text(agreement=agreement, by=cast.founder, public=True)

    assert Agreement.objects.readable_by(make_user()).count() == 0
    publish_text(agreement=agreement, by=cast.officer, public=True)
    assert Agreement.objects.readable_by(make_user()).get() == agreement


def test_memorandum_lives_without_a_collaboration(demo) -> None:
    bureau = make_bureau()
    office = bureau.hats[0].organisation
    company = make_company()
    values = {
        "city": office.city,
        "parties": (office, company),
        "title": "Kota Cerdas",
        "purpose": "Bekerja sama",
        "starts_on": date(2026, 12, 1),
        "ends_on": date(2028, 11, 30),
    }

    with pytest.raises(Refused):
        draft_memorandum(**values, by=make_founder(company))
    with pytest.raises(Invalid):
        draft_memorandum(**(values | {"parties": (office, office)}), by=bureau)
    agreement = draft_memorandum(**values, by=bureau)
    founder, head = make_founder(company), make_signatory(office)
    for place, by, who in ((1, bureau, head), (2, founder, founder)):
        set_signatory(
            party=agreement.parties.get(place=place), name=who.name, title="T", mandate="M", number="", by=by
        )
    for by in (bureau, founder):
        latest = agreement.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    with pytest.raises(Refused):
        open_signing(agreement=agreement, by=founder)
    open_signing(agreement=agreement, by=bureau)
    for by in (head, founder):
        sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)
    seal(agreement_id=agreement.pk)

    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALED
    assert Entry.objects.filter(thread=f"agreement:{agreement.pk}", verb="agreement.sealed").count() == 1


def test_hash_finds_its_agreement_and_says_what_it_is(demo) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="signed")
    document = seal(agreement_id=agreement.pk)
    old, new = agreement.versions.last(), agreement.versions.first()

    found = {
        name: match_hash(value)
        for name, value in {
            "sealed": document.sha256.upper(),
            "new": new.document.sha256,
            "old": old.document.sha256,
            "terms": new.fingerprint,
            "none": "f" * 64,
        }.items()
    }

    assert {name: m and (m.agreement, m.role, m.version, m.superseded) for name, m in found.items()} == {
        "sealed": (agreement, "sealed", None, False),
        "new": (agreement, "version", 3, False),
        "old": (agreement, "version", 1, True),
        "terms": (agreement, "terms", 3, False),
        "none": None,
    }


def test_waiting_signatures_are_found_for_those_who_can_sign() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)

    waiting = {
        name: list(awaiting_signature(getattr(cast, name)))
        for name in ("city_signatory", "partner_signatory", "founder", "officer", "bureau")
    }

    assert waiting == {
        "city_signatory": [],
        "partner_signatory": [agreement],
        "founder": [agreement],
        "officer": [],
        "bureau": [],
    }


def test_visible_and_readable_rows_follow_the_reader() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    cast.collaboration.public_since = None
    cast.collaboration.save()
    rival, elsewhere = make_founder(), make_bureau(None)
    elsewhere.memberships.update(ended_at=timezone.now())
    elsewhere.__dict__.pop("hats", None)

    seen = {
        name: (Agreement.objects.visible_to(user).count(), Agreement.objects.readable_by(user).count())
        for name, user in {
            "founder": cast.founder,
            "bureau": cast.bureau,
            "auditor": make_auditor(cast.city),
            "rival": rival,
            "nobody": elsewhere,
        }.items()
    }

    assert agreement.text_public is False
    assert seen == {
        "founder": (1, 1),
        "bureau": (1, 1),
        "auditor": (1, 1),
        "rival": (0, 0),
        "nobody": (0, 0),
    }
