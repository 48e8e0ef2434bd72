"""The hard stops: what no page, interface or hurry gets past, said with rule, source, certainty and key.

Each question takes what it judges and answers with a verdict. Guards of the schemes ask them before a move,
`rules.may_be_signed` before every signature, whoever makes it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from balai.agreements.legal_path import SHIPPED, LegalPath, parse_cached, shipped
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementVersion,
    CouncilAnswer,
    CouncilApproval,
    LegalPathVersion,
    Party,
)
from balai.agreements.queries import current_version
from balai.collaborations.models import Collaboration
from balai.core.rules import YES, Verdict
from balai.observations.models import Dataset

if TYPE_CHECKING:
    from django.db.models import QuerySet

type Subject = Collaboration | Agreement
"""Whose path it is: a collaboration's, or that of a memorandum of its own."""


@dataclass(frozen=True, slots=True)
class Stopped(Verdict):
    """No, by a hard stop: what was found, beside the whole sentence in ``reason``."""

    finding: str = ""


def subject_of(agreement: Agreement) -> Subject:
    """The record on which an agreement's path is kept."""
    return agreement.collaboration or agreement


def path_of(subject: Subject) -> LegalPath:
    """The path the subject keeps, else the one a new case would take; one query."""
    versions = LegalPathVersion.objects.defer("source")
    field = "collaboration" if isinstance(subject, Collaboration) else "agreement"
    own = versions.filter(**{f"cases__{field}": subject.pk})
    version = (own | versions.filter(key=SHIPPED, current=True)).order_by("current").distinct()
    rows = list(version)
    kept = next((row for row in rows if not row.current), None) or next(iter(rows), None)
    return kept.path if kept else parse_cached(shipped())


def stopped(subject: Subject, key: str, finding: str) -> Verdict:
    """No, because of ``finding``: with the rule, where it comes from, how sure that is, who can lift it."""
    stop = path_of(subject).stop(key)
    reason = _(
        "%(finding)s Rule: %(rule)s Source: %(source)s (%(certainty)s). Who can lift it: %(lift)s."
    ) % {
        "finding": finding,
        "rule": stop.rule,
        "source": stop.source.name,
        "certainty": stop.source.certainty_label,
        "lift": stop.lift,
    }
    return Stopped(False, reason, finding)


def mandated(party: Party) -> Verdict:
    """A party signs by the mandate of a named signatory."""
    if party.mandate.strip() and party.signatory_name.strip() and party.signatory_title.strip():
        return YES
    finding = _(
        "No mandate, no signature: the signatory's name, office and mandate (Surat Kuasa or deed) of"
        " %(party)s are missing."
    ) % {"party": party.organisation.name}
    return stopped(subject_of(party.agreement), "agreement.mandate", finding)


def council_cleared(subject: Subject) -> Verdict:
    """Both questions are answered, and the council's approval is there where one of them is yes."""
    answer = answers_of(subject).first()
    if answer is None:
        finding = _("The two questions about council (DPRD) approval are not answered.")
    elif not answer.needs_council or approvals_of(subject).exists():
        return YES
    else:
        finding = _("The council's (DPRD) approval is needed and missing.")
    return stopped(subject, "agreement.council", finding)


def answers_of(subject: Subject) -> "QuerySet[CouncilAnswer]":
    """The answers to the two questions, the one that counts first."""
    if isinstance(subject, Collaboration):
        return CouncilAnswer.objects.filter(case__collaboration=subject)
    return CouncilAnswer.objects.filter(case__agreement=subject)


def approvals_of(subject: Subject) -> "QuerySet[CouncilApproval]":
    """The council's approval that stands, if any."""
    rows = CouncilApproval.objects.filter(withdrawn_at=None)
    if isinstance(subject, Collaboration):
        return rows.filter(case__collaboration=subject)
    return rows.filter(case__agreement=subject)


def lawful_data(subject: Subject, latest: AgreementVersion | None) -> Verdict:
    """Every flow of personal data, scheduled or on record, has legal basis, controller and retention.

    A dataset recorded as personal stays personal, whatever the schedule calls it.
    """
    if latest is None:
        return YES
    recorded = {
        str(dataset.pk): dataset
        for dataset in Dataset.objects.filter(agreements=latest.agreement_id, personal=True)
    }
    faulty = []
    for flow in latest.reading.flows:
        known = recorded.pop(flow.dataset, None)
        if (flow.personal or known) and not _whole(flow.legal_basis, flow.controller, flow.retention_days):
            faulty.append(flow.name.id)
    faulty += [
        dataset.name
        for dataset in recorded.values()
        if not _whole(dataset.legal_basis, dataset.controller, dataset.retention_days)
    ]
    if not faulty:
        return YES
    finding = _("Personal data flows without legal basis, controller or retention: %(names)s.") % {
        "names": ", ".join(faulty)
    }
    return stopped(subject, "agreement.lawful_data", finding)


def _whole(basis: str, controller: str, days: int | None) -> bool:
    return bool(basis.strip() and controller.strip() and days and days > 0)


def procured(subject: Subject, agreement: Agreement) -> Verdict:
    """Where regional budget is spent there is a procurement reference."""
    if not agreement.spends_regional_budget or agreement.procurement_reference.strip():
        return YES
    finding = _("Regional budget (APBD) is spent and no procurement reference is named.")
    return stopped(subject, "agreement.procurement", finding)


def may_take_effect(party: Party) -> Verdict:
    """Every stop before one party's signature: mandate, personal data, procurement; for a PKS the council.

    An addendum is held to what it amends. A memorandum states intent, but what it schedules is no less real.
    """
    verdict = mandated(party)
    if not verdict:
        return verdict
    agreement = party.agreement
    subject, latest = subject_of(agreement), current_version(agreement)
    binding = agreement.amends.kind if agreement.amends else agreement.kind
    if binding == AgreementKind.PKS:
        verdict = council_cleared(subject)
    elif latest is None or not latest.reading.flows:
        return procured(subject, agreement)
    return verdict and lawful_data(subject, latest) and procured(subject, agreement)
