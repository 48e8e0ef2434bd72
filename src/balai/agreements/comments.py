"""Comments on an agreement's text: for all parties, or for one's own side alone.

What one side says to itself never reaches another party: not its text, not that it exists. So it is told
in a thread of its own in the ledger, to that side's people only.
"""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.actions import _locked
from balai.agreements.models import Agreement, Comment, CommentAudience, Party
from balai.agreements.models.negotiation import LONGEST_COMMENT, CommentQuerySet
from balai.agreements.proposals import clause_of
from balai.agreements.queries import current_version
from balai.agreements.terms import tidy
from balai.collaborations.rules import hat_for, is_partner
from balai.core import ledger
from balai.core.errors import Invalid, Stale
from balai.core.rules import YES, Verdict, no, require
from balai.people.models import Membership, User
from balai.people.rules import Reader

MOST_COMMENTS = 2000


def side_in(user: Reader, agreement: Agreement) -> tuple[Party, Membership] | None:
    """The side a person belongs to: those who negotiate, and on the city's side the cooperation team."""
    if side := rules.side_of(user, agreement):
        return side
    collaboration = agreement.collaboration
    if collaboration is None or is_partner(user, collaboration):
        return None
    hat = hat_for(user, collaboration, "tkksd")
    city = next(
        (p for p in rules.parties_of(agreement) if p.organisation_id != collaboration.partner_id), None
    )
    return (city, hat) if hat and city else None


def may_comment(user: Reader, agreement: Agreement) -> Verdict:
    """The people of each side comment until everybody has signed."""
    if side_in(user, agreement) is None:
        return no(_("Only the parties comment on the text."))
    if agreement.phase not in rules.OPEN or current_version(agreement) is None:
        return no(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    return YES


def may_resolve(user: Reader, agreement: Agreement, comment: Comment) -> Verdict:
    """Whoever may comment where the thread can be read marks it as settled."""
    if not (verdict := may_comment(user, agreement)):
        return verdict
    if not comments_for(user, agreement).filter(pk=comment.pk).exists():
        return no(_("There is no such comment."))
    return YES


def comments_for(user: Reader, agreement: Agreement) -> CommentQuerySet:
    """The comments the person may read, oldest first; the caller knows them to be inside."""
    side = side_in(user, agreement)
    rows = Comment.objects.filter(agreement=agreement).select_related("organisation")
    return rows.readable_for(side[0] if side else None)


def comment(
    *, agreement: Agreement, by: User, text: str, audience: str, key: str = "", parent: Comment | None = None
) -> Comment:
    """Say something on an article, or on the whole text with an empty ``key``; or reply to a thread.

    A reply has the audience and the article of its thread. Raises Refused, Invalid (``text``,
    ``audience``, ``key``), and Stale where the thread was settled meanwhile.
    """
    text = tidy(text)
    if not text or len(text) > LONGEST_COMMENT:
        raise Invalid(_("Nothing was kept."), {"text": [_("A comment has 1 to 2,000 characters.")]})
    if parent is None and audience not in CommentAudience.values:
        raise Invalid(_("Nothing was kept."), {"audience": [_("Choose who may read it.")]})
    with transaction.atomic():
        locked = _locked(agreement)
        require(may_comment(by, locked))
        side = side_in(by, locked)
        assert side is not None
        if parent is not None:
            root = comments_for(by, locked).filter(pk=parent.pk, parent=None).first()
            if root is None:
                raise Invalid(_("Nothing was kept."), {"text": [_("There is no such comment.")]})
            if root.resolved_at:
                raise Stale(_("This thread was settled meanwhile. Nothing was kept."))
            audience, key, parent = root.audience, root.key, root
        else:
            _check_article(locked, key)
        if Comment.objects.filter(agreement=locked).count() >= MOST_COMMENTS:
            raise Invalid(_("There are too many comments on this agreement."))
        made = Comment.objects.create(
            agreement=locked,
            key=key,
            audience=audience,
            party=side[0],
            parent=parent,
            organisation=side[1].organisation,
            role=side[1].role,
            text=text,
            by=by.pseudonym,
            at=timezone.now(),
        )
        _say(locked, made, "commented", by, side)
    return made


def resolve_comment(*, comment: Comment, by: User, resolved: bool = True) -> Comment:
    """Mark a thread as settled, or open it again. Raises Refused, and Stale where it is so already."""
    with transaction.atomic():
        locked = _locked(comment.agreement)
        require(may_resolve(by, locked, comment))
        side = side_in(by, locked)
        assert side is not None
        rows = Comment.objects.filter(pk=comment.pk, parent=None, resolved_at__isnull=resolved)
        if not rows.update(resolved_at=timezone.now() if resolved else None):
            raise Stale(_("Somebody was faster: the thread is as you want it."))
        held = Comment.objects.get(pk=comment.pk)
        _say(locked, held, "settled" if resolved else "reopened", by, side)
    return held


def side_thread(party_id: int) -> str:
    """The ledger's thread of one side of one agreement."""
    return f"side:{party_id}"


def _check_article(agreement: Agreement, key: str) -> None:
    latest = current_version(agreement)
    if key and (latest is None or clause_of(latest.reading, key) is None):
        raise Invalid(_("Nothing was kept."), {"key": [_("The text has no such article.")]})


def _say(agreement: Agreement, made: Comment, what: str, by: User, side: tuple[Party, Membership]) -> None:
    own = made.audience == CommentAudience.OWN
    facts: Mapping[str, object] = {"comment": made.pk, "article": made.key}
    ledger.append(
        verb=f"side.{what}" if own else f"agreement.{what}",
        subject=side_thread(made.party_id) if own else agreement.subject,
        thread=side_thread(made.party_id) if own else agreement.thread,
        by=by,
        role=side[1].role,
        organisation=side[1].organisation_id,
        city=agreement.city_id,
        public=False,
        data=facts,
    )
