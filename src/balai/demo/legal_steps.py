"""The legal path of an invented story: discussed, answered for the council, checked when signed."""

import datetime as dt
from io import BytesIO
from typing import Protocol

from django.utils import timezone

from balai.agreements.discussion import ask_applicant, close_discussion, give_opinion, request_discussion
from balai.agreements.legal import answer_council, file_approval, settle_step
from balai.agreements.models import Aspect, Discussion
from balai.collaborations.models import Collaboration
from balai.demo.facts import Row
from balai.demo.papers import paper
from balai.people.models import User


class Desks(Protocol):
    """Who works on the path of a story."""

    collaboration: Collaboration
    row: Row
    number: int
    bureau: User
    officer: User
    reviewers: list[User]


def begin(desks: Desks) -> None:
    """The agency prepares, the bureau leaves the memorandum out and asks the TKKSD."""
    subject = desks.collaboration
    settle_step(subject=subject, step="preparation", state="done", by=desks.officer)
    reason = "Kerja sama tunggal; tidak ada payung yang perlu dibuat lebih dahulu (contoh)."
    settle_step(subject=subject, step="mou", state="waived", rule="hub", reason=reason, by=desks.bureau)
    if len(desks.reviewers) > 1:
        chair, *members = desks.reviewers
        request_discussion(subject=subject, members=members, chair=chair, by=desks.bureau)


def ask(desks: Desks) -> None:
    """One side is judged; then the applicant is asked, and the clock rests."""
    talk = Discussion.objects.filter(case__collaboration=desks.collaboration).first()
    if talk is None:
        return
    chair, member = desks.reviewers[:2]
    text = "Rancangannya dapat dijalankan (contoh)."
    give_opinion(discussion=talk, aspect=Aspect.TECHNICAL, verdict="agrees", text=text, by=member)
    ask_applicant(discussion=talk, asked="Lengkapi uraian aliran data dan masa simpannya (contoh).", by=chair)


def agree(desks: Desks) -> None:
    """All three sides are judged and the discussion is closed as agreed."""
    talk = Discussion.objects.filter(case__collaboration=desks.collaboration).first()
    if talk is None:
        return
    chair, member = desks.reviewers[:2]
    for aspect, by in ((Aspect.TECHNICAL, member), (Aspect.DRAFTING, member), (Aspect.LEGAL, chair)):
        give_opinion(discussion=talk, aspect=aspect, verdict="agrees", text="", by=by)
    close_discussion(discussion=talk, agreed=True, grounds="", by=chair)


def answer(desks: Desks) -> None:
    """The two questions; where the story says so, the council's approval."""
    needed = bool(desks.row.get("council"))
    proposed = "Pendanaannya baru diusulkan untuk perubahan APBD (contoh)."
    budgeted = "Biaya ditanggung mitra atau sudah ada dalam APBD tahun berjalan (contoh)."
    answer_council(
        subject=desks.collaboration,
        burdens=False,
        burdens_reason="Tidak ada pungutan atau beban baru bagi warga dan daerah (contoh).",
        unbudgeted=needed,
        unbudgeted_reason=proposed if needed else budgeted,
        by=desks.bureau,
    )
    if needed:
        name = "Persetujuan DPRD (contoh)"
        data = paper(name, [desks.row["title"], "Dokumen rekaan untuk peragaan."])
        file_approval(
            subject=desks.collaboration,
            number=f"{desks.number}/DPRD-CONTOH",
            dated_on=timezone.localdate() - dt.timedelta(days=1),
            file=BytesIO(data),
            name=f"persetujuan-{desks.row['key']}.pdf",
            by=desks.bureau,
        )


def check(desks: Desks) -> None:
    """The signed document is checked and kept."""
    subject = desks.collaboration
    checks = {"check": ("initials", "stamp", "seal"), "administration": ("archived",)}
    for step, keys in checks.items():
        settle_step(subject=subject, step=step, state="done", checks=keys, by=desks.bureau)
