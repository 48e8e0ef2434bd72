"""Terms of an agreement for tests; needs neither Django nor a database."""

from datetime import date
from typing import Any

from balai.agreements.standard import standard
from balai.agreements.terms import (
    AgreementTerms,
    Both,
    FlowTerms,
    MilestoneTerms,
    ObligationTerms,
    PartyTerms,
    SiteTerms,
)


def make_terms(*, scheme: str = "playground", **over: Any) -> AgreementTerms:
    """A full PKS under the scheme, every blank filled, every schedule present."""
    articles = standard("pks", scheme)
    filled = {v.name: v.default if v.default.id else Both("isi", "content") for v in articles.variables}
    values: dict[str, Any] = {
        "kind": "pks",
        "scheme": scheme,
        "reference": "PLG-2026-0007",
        "version": 3,
        "title": Both("Uji coba sepeda listrik di taman kota", "Trial of electric bicycles in city parks"),
        "city": "Jakarta",
        "place": "Jakarta",
        "dated_on": date(2026, 11, 23),
        "starts_on": date(2026, 12, 1),
        "ends_on": date(2027, 11, 30),
        "parties": (
            PartyTerms(
                1,
                "Dinas Contoh Kota Rekaan",
                "Dinas Contoh",
                Both("pemilik masalah", "problem owner"),
                "134.4/PKS.46/2026",
                "Sari Rekaan",
                "Kepala Dinas",
                "Surat Kuasa Nomor 12 Tahun 2026",
            ),
            PartyTerms(
                2,
                "PT Roda Rekaan",
                "Roda",
                Both("mitra", "partner"),
                "",
                "Budi Rekaan",
                "Direktur",
                "Akta Nomor 5 Tahun 2020",
            ),
        ),
        "clauses": articles.clauses,
        "variables": filled,
        "obligations": (
            ObligationTerms(2, Both("Membatasi kecepatan", "Limit the speed"), date(2026, 12, 1)),
            ObligationTerms(1, Both("Menyediakan lokasi", "Provide the sites")),
        ),
        "flows": (
            FlowTerms(
                Both("Perjalanan", "Trips"),
                "to_city",
                "per perjalanan",
                "harian",
                "GeoJSON",
                personal=True,
                legal_basis="UU 27/2022 pasal 20",
                controller="Dinas Contoh",
                retention_days=30,
            ),
        ),
        "sites": (SiteTerms("Taman Contoh", -6.2, 106.8, 300),),
        "milestones": (
            MilestoneTerms(Both("Evaluasi bulan ketiga", "Review in month three"), date(2027, 3, 1)),
        ),
        "exit": articles.exit,
        "verify_at": "http://127.0.0.1:8000/verifikasi/?dokumen=3f2c",
    }
    return AgreementTerms(**(values | over))
