"""A draft edited in a word processor comes back: read, laid over the articles, and proposed by choice.

The file itself is not kept, only what was found in it; it may hold more than its sender knows.
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.actions import _fresh, _latest, _locked
from balai.agreements.comments import comment, side_in, side_thread
from balai.agreements.docx_matching import Findings, match
from balai.agreements.docx_reading import Draft, read_docx
from balai.agreements.models import Agreement, AgreementVersion, BroughtDraft, ClauseProposal, CommentAudience
from balai.agreements.models.negotiation import LONGEST_COMMENT
from balai.agreements.negotiation import propose_change
from balai.core import ledger
from balai.core.documents import clean_name
from balai.core.errors import Invalid, Refused, Stale
from balai.core.inspection import refused
from balai.core.rules import require
from balai.people.models import User
from balai.people.rules import Reader

MOST_DRAFTS = 100


def drafts_for(user: Reader, agreement: Agreement) -> QuerySet[BroughtDraft]:
    """The drafts the reader's own side brought, newest first."""
    side = side_in(user, agreement)
    rows = BroughtDraft.objects.filter(agreement=agreement).select_related("base")
    return rows.filter(party=side[0]) if side else rows.none()


def findings_of(draft: BroughtDraft) -> Findings:
    """What was found in the draft."""
    return Findings.from_json(draft.findings)


def bring_draft(*, agreement: Agreement, file: IO[bytes], name: str, by: User) -> BroughtDraft:
    """Read a .docx made from this agreement and keep what it changes, for the sender's side to see.

    Raises Refused, and Invalid (field ``file``) for a file that cannot be read, is unsafe, or was made
    from another agreement. Nothing is kept then, and never the file.
    """
    agreement = _fresh(agreement)
    require(rules.may_propose(by, agreement))
    side = rules.side_of(by, agreement)
    assert side is not None
    data = file.read(settings.UPLOAD_LIMIT_BYTES + 1)
    read = read_docx(data)
    base = _base(agreement, read)
    findings = match(read, base.reading)
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_propose(by, locked))
        if BroughtDraft.objects.filter(agreement=locked, party=side[0]).count() >= MOST_DRAFTS:
            raise Refused(_("Your side has brought too many drafts of this agreement."))
        draft = BroughtDraft.objects.create(
            agreement=locked,
            party=side[0],
            base=base,
            name=clean_name(name),
            sha256=hashlib.sha256(data).hexdigest(),
            findings=findings.as_json(),
            by=by.pseudonym,
            at=timezone.now(),
        )
        ledger.append(
            verb="side.drafted",
            subject=side_thread(side[0].pk),
            thread=side_thread(side[0].pk),
            by=by,
            role=side[1].role,
            organisation=side[1].organisation_id,
            city=locked.city_id,
            public=False,
            data={"draft": draft.pk, "version": base.number, "sha256": draft.sha256},
        )
    return draft


def propose_from_draft(
    *,
    draft: BroughtDraft,
    chosen: Collection[int],
    reason: str,
    by: User,
    comments: Mapping[int, str] | None = None,
) -> list[ClauseProposal]:
    """Table the chosen changes of a draft (by their place in its findings), all or none, once.

    ``comments`` maps the place of a margin comment to its audience. Raises Refused, Invalid with the
    field ``item_<place>`` or ``reason``, and Stale where an article changed since or it was done before.
    """
    if draft.used_at:
        raise Stale(_("Proposals were made of this draft already."))
    findings = findings_of(draft)
    comments = comments or {}
    if not chosen and not comments:
        raise Invalid(_("Choose at least one change or comment."))
    if not set(chosen) <= set(range(len(findings.found))) or not set(comments) <= set(
        range(len(findings.margins))
    ):
        raise Invalid(_("The draft has no such change."))
    made = []
    with transaction.atomic():
        locked = _locked(draft.agreement)
        require(rules.may_propose(by, locked))
        side = rules.side_of(by, locked)
        if side is None or side[0].pk != draft.party_id:
            raise Refused(_("Only the side that brought this draft uses it."))
        if not BroughtDraft.objects.filter(pk=draft.pk, used_at=None).update(used_at=timezone.now()):
            raise Stale(_("Proposals were made of this draft already."))
        for place in sorted(chosen):
            item = findings.found[place]
            try:
                made.append(
                    propose_change(
                        agreement=locked, edit=item.edit, reason=reason, by=by, seen=draft.base.number
                    )
                )
            except Invalid as fault:
                if "reason" in fault.fields:
                    raise
                texts = [text for texts in fault.fields.values() for text in texts] or [fault.reason]
                raise Invalid(fault.reason, {f"item_{place}": texts}) from fault
        latest = _latest(locked, None)
        known = {clause.key for clause in latest.reading.clauses}
        for place, audience in sorted(comments.items()):
            note = findings.margins[place]
            if audience not in CommentAudience.values:
                raise Invalid(_("Nothing was kept."), {f"comment_{place}": [_("Choose who may read it.")]})
            for start in range(0, len(note.text), LONGEST_COMMENT):
                comment(
                    agreement=locked,
                    by=by,
                    text=note.text[start : start + LONGEST_COMMENT],
                    audience=audience,
                    key=note.key if note.key in known else "",
                )
    return made


def _base(agreement: Agreement, read: Draft) -> AgreementVersion:
    """The version the file was made from, the latest where it does not say."""
    latest = _latest(agreement, None)
    if not read.fingerprint:
        read.odd("no_version")
        return latest
    version = AgreementVersion.objects.filter(agreement=agreement, fingerprint=read.fingerprint).first()
    if version is None:
        raise refused(
            _("This file was made from another agreement (%(reference)s). Take the draft of this one.")
            % {"reference": read.reference or "?"}
        )
    return version
