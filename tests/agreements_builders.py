"""Makers for agreement tests: a negotiation's people, and agreements taken through the real doors."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from django.utils import timezone

from balai.agreements.actions import approve_version, draft_agreement, open_signing, set_signatory, sign
from balai.agreements.legal import answer_council
from balai.agreements.models import Agreement, AgreementVersion
from balai.applications.models import Application
from balai.collaborations.actions import publish_shipped_schemes
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.people.models import City, Organisation, User
from tests.builders import (
    make_agency,
    make_bureau,
    make_city,
    make_company,
    make_founder,
    make_officer,
    make_signatory,
)

_numbers = count(1)


@dataclass
class Cast:
    """Everybody a negotiation needs, and the collaboration between them."""

    city: City
    agency: Organisation
    company: Organisation
    bureau: User
    officer: User
    founder: User
    city_signatory: User
    partner_signatory: User
    collaboration: Collaboration


ANSWERS: dict[str, Any] = {
    "purpose": "Menguji sepeda listrik di taman kota.",
    "hypothesis": "Apakah warga memakainya untuk jarak pendek?",
    "months": 6,
    "asset": "Taman kota milik Dinas Contoh",
    "insurance": "Polis contoh nomor 1",
    "financing": "Seluruh biaya ditanggung mitra.",
    "contact_unit": "Unit Operasi",
    "ownership": "Purwarupa milik mitra, hak pakai bagi kota",
    "together": "Mengembangkan purwarupa bersama dinas",
    "service_levels": "tersedia 99 persen setiap bulan",
    "adoption": "Dipakai tiga unit layanan",
}


def make_cast(*, scheme: str = "playground", stage: str = "drafting", **answers: Any) -> Cast:
    """A collaboration under ``scheme`` at ``stage`` with its application, parties and people."""
    publish_shipped_schemes()
    city = make_city()
    agency = make_agency(city, name=f"Dinas Contoh {next(_numbers)}")
    company = make_company(name=f"PT Roda Rekaan {next(_numbers)}")
    founder = make_founder(company, name="Penanda Tangan 2")
    now = timezone.now()
    collaboration = Collaboration.objects.create(
        reference=f"UJI-2026-{next(_numbers):04d}",
        city=city,
        scheme_version=SchemeVersion.objects.get(key=scheme, current=True),
        partner=company,
        agency=agency,
        title="Uji coba sepeda listrik",
        title_en="Trial of electric bicycles",
        summary="Sepeda listrik di taman kota.",
        stage=stage,
        stage_since=now,
        created_at=now,
        submitted_at=now,
        public_since=now,
    )
    Application.objects.create(
        collaboration=collaboration, answers=ANSWERS | answers, started_by=founder.pseudonym
    )
    return Cast(
        city,
        agency,
        company,
        make_bureau(city),
        make_officer(agency),
        founder,
        make_signatory(agency, name="Penanda Tangan 1"),
        make_signatory(company, name="Penanda Tangan 2"),
        collaboration,
    )


def make_agreement(cast: Cast, *, upto: str = "drafted", council: bool = True) -> Agreement:
    """An agreement taken through the real doors, up to one of ``steps``."""
    steps = ("drafted", "named", "approved", "open", "signed")
    reach = steps.index(upto)
    agreement = draft_agreement(collaboration=cast.collaboration, by=cast.bureau)
    if reach >= 1:
        for place, by in ((1, cast.officer), (2, cast.founder)):
            set_signatory(
                party=agreement.parties.get(place=place),
                name=f"Penanda Tangan {place}",
                title="Kepala",
                mandate=f"Surat Kuasa Nomor {place}",
                number="",
                by=by,
            )
    if reach >= 2:
        for by in (cast.bureau, cast.founder):
            latest = agreement.versions.first()
            approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
        if council:
            answer_no(cast)
    if reach >= 3:
        open_signing(agreement=agreement, by=cast.bureau)
    if reach >= 4:
        for by in (cast.city_signatory, cast.partner_signatory):
            sign(agreement=agreement, by=by, seen_sha256=sha_of(agreement), consent=True)
    cast.collaboration.refresh_from_db()
    return Agreement.objects.get(pk=agreement.pk)


def answer_no(cast: Cast) -> None:
    """Both questions about the council's approval: no."""
    answer_council(
        subject=cast.collaboration,
        burdens=False,
        burdens_reason="Tidak ada beban baru.",
        unbudgeted=False,
        unbudgeted_reason="Biaya ditanggung mitra.",
        by=cast.bureau,
    )


def sha_of(agreement: Agreement) -> str:
    """The hash of the latest text, as a person who reads it now sees it."""
    return AgreementVersion.objects.filter(agreement=agreement).latest("number").document.sha256
