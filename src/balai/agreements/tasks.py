"""Sealing happens in the worker. It may be started twice or killed; one seal comes out."""

from uuid import UUID

from django.tasks import task

from balai.agreements.completion import seal
from balai.agreements.models import Agreement, AgreementState
from balai.core.periodic import every


@task
def seal_agreement(agreement_id: str) -> str:
    """Seal a fully signed agreement; returns the sealed file's hash, or "" with nothing to do."""
    document = seal(agreement_id=UUID(agreement_id))
    return document.sha256 if document else ""


@every(minutes=5)
@task
def seal_waiting() -> int:
    """Take up agreements whose sealing failed or was lost."""
    waiting = Agreement.objects.filter(state=AgreementState.SEALING).values_list("pk", flat=True)
    for pk in waiting:
        seal_agreement.enqueue(str(pk))
    return len(waiting)


@every(minutes=30)
@task
def watch_terms() -> dict[str, int]:
    """Remind of terms that end, end what is over, and keep the search in step with the register."""
    from balai.agreements.findable import refresh  # the actions below them enqueue tasks of this module
    from balai.agreements.reminding import watch

    return {**watch(), "found": refresh()}
