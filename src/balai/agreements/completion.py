"""What the hub does once every party has signed: it seals the document and keeps the schedule of data."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from balai.agreements import rules, trust
from balai.agreements.addenda import take_effect
from balai.agreements.certified import content_of, newest_file
from balai.agreements.findable import make_findable
from balai.agreements.models import Agreement, AgreementState
from balai.agreements.queries import current_version, with_file
from balai.agreements.sealing import Sealer, default_sealer, trust_roots
from balai.agreements.terms import AgreementTerms
from balai.agreements.typesetting import Consent, called, typeset_consents
from balai.agreements.verifying import verify_pdf
from balai.core import documents, ledger
from balai.core.models import Document
from balai.observations.models import Dataset


def seal(*, agreement_id: UUID, sealer: Sealer | None = None) -> Document | None:
    """Seal a fully signed agreement and store the file; None where there is nothing to seal.

    Safe to run twice or at once: the seal that is stored first stays. Raises ValueError where the sealed
    file does not verify.
    """
    agreement = with_file(Agreement.objects.filter(pk=agreement_id, state=AgreementState.SEALING)).first()
    latest = current_version(agreement) if agreement else None
    if agreement is None or latest is None:
        return None
    sealer = sealer or default_sealer()
    pdf = content_of(newest_file(agreement, latest))
    now = timezone.now()
    consents = [
        Consent(
            called(party.place).id,
            party.signatory_name,
            party.signatory_title,
            party.mandate,
            timezone.localtime(party.signature.at),
        )
        for party in rules.parties_of(agreement)
    ]
    face = typeset_consents(
        consents, sha256=latest.document.sha256, sealed_at=timezone.localtime(now), sealer=sealer.name
    )
    sealed = sealer.seal(pdf, face=face)
    authorities = [*trust_roots(), *trust.roots(agreement.city)]
    report = verify_pdf(sealed, authorities, revoked=trust.revocations(agreement.city), patient=True)
    if not report.sound or report.consented_sha256 != latest.document.sha256:
        raise ValueError(f"the seal of agreement {agreement_id} does not verify: {report.finding}")
    document = documents.store_made(pdf=sealed, name=_name(agreement), by=None, city=agreement.city_id)
    with transaction.atomic():
        if not Agreement.objects.filter(pk=agreement_id, state=AgreementState.SEALING).update(
            state=AgreementState.SEALED, sealed_document=document, sealed_at=now
        ):
            return None
        _schedule_datasets(agreement, latest.reading)
        if agreement.amends_id is not None:
            take_effect(agreement, latest.reading, document)
        ledger.append(
            verb="agreement.sealed",
            subject=agreement.subject,
            thread=agreement.thread,
            by=None,
            city=agreement.city_id,
            public=True,
            data={
                "sha256": document.sha256,
                "consented_sha256": latest.document.sha256,
                "fingerprint": latest.fingerprint,
                "version": latest.number,
                "kind": agreement.kind,
                "starts_on": agreement.starts_on,
                "ends_on": agreement.ends_on,
            },
        )
        make_findable(Agreement.objects.get(pk=agreement_id))
    return document


def _schedule_datasets(agreement: Agreement, terms: AgreementTerms) -> None:
    """The sealed schedule becomes the record of what data flows."""
    collaboration = agreement.collaboration
    if collaboration is None:
        return
    kept = []
    for flow in terms.flows:
        values: dict[str, Any] = {
            "name": flow.name.id[:200],
            "name_en": flow.name.en[:200],
            "direction": flow.direction,
            "granularity": flow.granularity[:200],
            "refresh": flow.refresh[:100],
            "form": flow.form[:200],
            "personal": flow.personal,
            "legal_basis": flow.legal_basis[:300],
            "controller": flow.controller[:200],
            "retention_days": flow.retention_days,
        }
        own = Dataset.objects.filter(partner=collaboration.partner, city=agreement.city)
        dataset = own.filter(pk=flow.dataset).first() if flow.dataset else None
        if dataset is None:
            dataset = Dataset.objects.create(partner=collaboration.partner, city=agreement.city, **values)
        else:
            # What is on record as personal stays so, whatever the schedule calls it.
            values["personal"] = flow.personal or dataset.personal
            Dataset.objects.filter(pk=dataset.pk).update(**values)
        kept.append(dataset)
    agreement.datasets.set(kept)


def _name(agreement: Agreement) -> str:
    reference = agreement.collaboration.reference if agreement.collaboration else str(agreement.pk)[:8]
    return f"{agreement.kind.upper()}-{reference}-tersegel.pdf"
