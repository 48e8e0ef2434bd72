"""Two parties of an invented story at the table: proposals on articles, an answer, comments."""

from balai.agreements.comments import comment
from balai.agreements.models import Agreement
from balai.agreements.negotiation import accept_proposals, propose_change
from balai.agreements.proposals import ClauseEdit
from balai.agreements.terms import Both
from balai.demo.agreeing import Parties

MEDIATION = Both(
    "Perselisihan diselesaikan melalui musyawarah paling lama 30 (tiga puluh) hari, lalu mediasi.",
    "Disputes are settled by deliberation within 30 (thirty) days, then by mediation.",
)
REPORTS = (
    Both("PIHAK KEDUA melaporkan kemajuan setiap bulan.", "The SECOND PARTY reports progress every month."),
    Both("PIHAK KEDUA melaporkan kemajuan setiap tiga bulan.", "The SECOND PARTY reports each quarter."),
)


def negotiate(parties: Parties, agreement: Agreement) -> None:
    """One proposal is accepted, one is answered by another that waits, and each side has its say."""
    accepted = propose_change(
        agreement=agreement,
        edit=ClauseEdit("change", "dispute", "", Both("Penyelesaian perselisihan", "Disputes"), (MEDIATION,)),
        reason="Mediasi lebih cepat daripada pengadilan bagi kedua pihak.",
        by=parties.applicant,
    )
    accept_proposals(proposals=[accepted], by=parties.officer)
    heading = Both("Laporan berkala", "Regular reports")
    asked = propose_change(
        agreement=agreement,
        edit=ClauseEdit("add", "", "scope", heading, REPORTS[:1]),
        reason="Perangkat daerah perlu melihat kemajuan sebelum masa uji berakhir.",
        by=parties.officer,
    )
    propose_change(
        agreement=agreement,
        edit=ClauseEdit("add", "", "scope", heading, REPORTS[1:]),
        reason="Data sebulan terlalu sedikit untuk disimpulkan.",
        by=parties.applicant,
        counter_of=asked,
    )
    said = comment(
        agreement=agreement,
        by=parties.bureau,
        text="Apakah bentuk laporannya mengikuti lampiran?",
        audience="all",
        key="scope",
    )
    comment(agreement=agreement, by=parties.applicant, text="Ya, seperti lampiran.", audience="", parent=said)
    comment(
        agreement=agreement,
        by=parties.officer,
        text="Tiga bulan masih dapat diterima bila ada rapat bulanan.",
        audience="own",
        key="scope",
    )
