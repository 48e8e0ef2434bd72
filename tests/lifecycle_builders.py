"""Makers for what becomes of agreements after the seal."""

import datetime as dt
from typing import Any

from django.utils import timezone

from balai.agreements import amending, paper
from balai.agreements.actions import approve_version, open_signing, set_signatory, sign
from balai.agreements.completion import seal
from balai.agreements.models import Agreement
from balai.people.models import City, Organisation, User
from tests.agreements_builders import Cast, make_agreement, sha_of


def make_sealed(cast: Cast, *, starts_on: dt.date | None = None, ends_on: dt.date | None = None) -> Agreement:
    """A sealed agreement; its term is put where a test needs it, as time would have."""
    agreement = make_agreement(cast, upto="signed")
    seal(agreement_id=agreement.pk)
    values: dict[str, Any] = {"starts_on": starts_on or timezone.localdate() - dt.timedelta(days=30)}
    if ends_on:
        values["ends_on"] = ends_on
    Agreement.objects.filter(pk=agreement.pk).update(**values)
    return Agreement.objects.get(pk=agreement.pk)


def make_addendum(cast: Cast, agreement: Agreement, *, upto: str = "drafted", **facts: Any) -> Agreement:
    """An addendum taken through the real doors, up to one of ``steps``."""
    steps = ("drafted", "approved", "open", "signed", "sealed")
    reach = steps.index(upto)
    given = {"reason": "Masa uji diperpanjang."} | facts
    addendum = amending.draft_addendum(agreement=agreement, by=cast.officer, **given)
    if reach >= 1:
        for place, by in ((1, cast.officer), (2, cast.founder)):
            name = addendum.parties.get(place=place).signatory_name
            set_signatory(
                party=addendum.parties.get(place=place), name=name, title="Kepala", mandate="SK 9", by=by
            )
        for by in (cast.officer, cast.founder):
            latest = addendum.versions.first()
            approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    if reach >= 2:
        open_signing(agreement=addendum, by=cast.officer)
    if reach >= 3:
        for by in (cast.city_signatory, cast.partner_signatory):
            sign(agreement=addendum, by=by, seen_sha256=sha_of(addendum), consent=True)
    if reach >= 4:
        seal(agreement_id=addendum.pk)
    return Agreement.objects.get(pk=addendum.pk)


def make_facts(agency: Organisation, **extra: Any) -> paper.PaperFacts:
    """What is known of an agreement on paper."""
    values: dict[str, Any] = {
        "kind": "pks",
        "title": "Parkir elektronik",
        "city_party": agency,
        "city_number": "134/1/2019",
        "partners": ("PT Lama Sekali",),
        "source": "Arsip Biro Kerja Sama, map 7",
        "certainty": "original",
        "signed_on": dt.date(2019, 9, 13),
        "starts_on": dt.date(2019, 9, 13),
        "ends_on": dt.date(2099, 9, 12),
    }
    return paper.PaperFacts(**(values | extra))


def make_paper(city: City, agency: Organisation, by: User, **extra: Any) -> Agreement:
    """An agreement recorded from paper."""
    return paper.record_paper(city=city, facts=make_facts(agency, **extra), by=by)
