"""Every change of a collaboration: it is begun, moved along its scheme, and followed by another."""

import datetime as dt
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations import registry, schemes
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.collaborations.rules import hat_for, may_move
from balai.collaborations.threads import url_of
from balai.core import ledger, search
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Follow
from balai.core.numbering import reference
from balai.core.rules import require
from balai.core.schedule import add_working_days
from balai.people.models import City, Organisation, User
from balai.people.rules import hats_in

LONGEST_REASON = 2000
PARTNER_SIDE = ("applicant", "partner_signatory")
JUDGED = ("application", "decision")
"""Phases in which the city judges: whoever has a conflict of interest keeps out of them."""


def publish_scheme(*, source: str) -> SchemeVersion:
    """Store a scheme as an immutable version and make it the current one of its key.

    Publishing the same text again changes nothing. Raises SchemeError for a text that does not
    validate and Invalid for other text under a version that exists.
    """
    scheme = schemes.parse_cached(source)
    digest = sha256(source.encode()).hexdigest()
    with transaction.atomic():
        same = SchemeVersion.objects.filter(key=scheme.key, version=scheme.version).first()
        if same and same.sha256 != digest:
            raise Invalid(
                _("%(key)s %(version)s is published already with another text. Give it a new version.")
                % {"key": scheme.key, "version": scheme.version}
            )
        if same:
            return same
        SchemeVersion.objects.filter(key=scheme.key, current=True).update(current=False)
        stored = SchemeVersion.objects.create(
            key=scheme.key, version=scheme.version, sha256=digest, source=source
        )
        ledger.append(
            verb="scheme.published",
            subject=f"scheme:{stored.pk}",
            by=None,
            public=True,
            data={"key": scheme.key, "version": scheme.version, "sha256": digest},
        )
        return stored


def publish_shipped_schemes() -> list[SchemeVersion]:
    """Publish the three schemes that come with the hub, unless the city has its own newer ones."""
    return [
        SchemeVersion.objects.filter(key=key, current=True).first() or publish_scheme(source=source)
        for key, source in schemes.shipped().items()
    ]


def begin_collaboration(
    *,
    by: User,
    partner: Organisation,
    city: City,
    scheme_key: str,
    title: str,
    title_en: str = "",
    challenge: Challenge | None = None,
    agency: Organisation | None = None,
    predecessor: Collaboration | None = None,
    dimensions: list[str] | None = None,
    invented: bool = False,
) -> Collaboration:
    """Open the record of a new collaboration in its scheme's first stage.

    Raises Refused unless the person acts for the partner (or opens a successor for the city), and
    Invalid where the challenge is not open to this scheme.
    """
    version = SchemeVersion.objects.filter(key=scheme_key, current=True).first()
    if version is None:
        raise Invalid(_("There is no such scheme."))
    if predecessor is None and not hats_in(by, partner, *registry.SEATS["applicant"]):
        raise Refused(_("Only the partner's own people can begin an application."))
    if challenge is not None:
        over = challenge.closes_on is not None and challenge.closes_on < timezone.localdate()
        if (challenge.state != ChallengeState.OPEN or over) and predecessor is None:
            raise Refused(_("This challenge does not take new applications now."))
        if challenge.city_id != city.pk or (challenge.schemes and scheme_key not in challenge.schemes):
            raise Invalid(_("This challenge is not open to this scheme."))
        agency = agency or challenge.agency
        dimensions = dimensions or [challenge.dimension]
    scheme, now = version.scheme, timezone.now()
    with transaction.atomic():
        collaboration = Collaboration.objects.create(
            reference=reference(scheme.prefix, timezone.localdate(now).year),
            city=city,
            scheme_version=version,
            partner=partner,
            agency=agency,
            challenge=challenge,
            predecessor=predecessor,
            title=title,
            title_en=title_en,
            summary=predecessor.summary if predecessor else "",
            dimensions=dimensions or [],
            stage=scheme.start.key,
            stage_since=now,
            due_on=_due(scheme.start, now),
            created_at=now,
            invented=invented,
        )
        ledger.append(
            verb="collaboration.begun",
            subject=collaboration.thread,
            by=by,
            role=_role_of(by, collaboration),
            organisation=partner.pk,
            city=city.pk,
            public=False,
            data={
                "scheme": scheme.key,
                "version": scheme.version,
                "predecessor": predecessor.reference if predecessor else None,
            },
        )
        Follow.objects.get_or_create(user=by, thread=collaboration.thread)
    return collaboration


def describe_collaboration(
    *,
    collaboration: Collaboration,
    by: User,
    title: str,
    title_en: str,
    summary: str,
    summary_en: str,
    dimensions: list[str],
    agency: Organisation | None,
) -> Collaboration:
    """Change how a draft names and describes itself. Raises Refused once it has been submitted."""
    if hat_for(by, collaboration, "applicant") is None:
        raise Refused(_("Only the partner's own people can change this."))
    scheme = collaboration.scheme
    if scheme.stage(collaboration.stage).turn != "applicant" or collaboration.public_since:
        raise Refused(_("The application is with the city now and cannot be changed."))
    values = {
        "title": title,
        "title_en": title_en,
        "summary": summary,
        "summary_en": summary_en,
        "dimensions": dimensions,
        "agency": collaboration.challenge.agency if collaboration.challenge else agency,
    }
    with transaction.atomic():
        rows = Collaboration.objects.filter(pk=collaboration.pk, stage=collaboration.stage)
        if not rows.update(**values):
            raise Stale(_("The collaboration has moved on since you opened this page."))
    for name, value in values.items():
        setattr(collaboration, name, value)
    return collaboration


def make_move(
    *,
    collaboration: Collaboration,
    move: str,
    by: User,
    seen: str,
    reason: str = "",
    record: Mapping[str, Any] | None = None,
) -> Collaboration:
    """Move a collaboration along its scheme: the one door for every change of stage.

    ``seen`` is the stage the person was shown. In one transaction: the conditional update that lets
    one of two people win, the guards, the record the move asks for, the ledger entry, and the
    successor where the move opens one. Raises Invalid, Refused or Stale and then leaves nothing.
    """
    scheme = collaboration.scheme
    try:
        step = scheme.move(move)
    except KeyError:
        raise Invalid(_("This scheme has no such move.")) from None
    if seen not in step.sources or collaboration.stage != seen:
        raise Stale(_moved_on(collaboration))
    require(may_move(by, collaboration, step))
    role = next(role for role in step.who if hat_for(by, collaboration, role))
    if role not in PARTNER_SIDE and scheme.stage(seen).phase in JUDGED:
        for question in registry.objections():
            require(question(collaboration, by))
    if len(reason) > LONGEST_REASON or "\0" in reason:
        text = _("At most %(most)s characters, without control characters.") % {"most": LONGEST_REASON}
        raise Invalid(_("The reason cannot be kept as it is."), {"reason": [text]})
    if step.reason and not reason.strip():
        raise Invalid(_("Say why."), {"reason": [_("A reason is needed; it is kept on the record.")]})
    keeper = registry.records()[step.record] if step.record else None
    form = keeper.form(dict(record or {})) if keeper else None
    if form is not None and not form.is_valid():
        raise Invalid(
            _("Something is missing."), {name: list(map(str, texts)) for name, texts in form.errors.items()}
        )
    target, now = scheme.stage(step.target), timezone.now()
    values: dict[str, Any] = {
        "stage": target.key,
        "stage_since": now,
        "due_on": _due(target, now),
        "reminded_at": None,
        "escalated_at": None,
    }
    if seen == scheme.start.key and collaboration.submitted_at is None and not target.is_end:
        values["submitted_at"] = now
    if target.public and collaboration.public_since is None:
        values["public_since"] = now
    if target.is_end:
        values |= {"outcome": target.outcome, "ended_at": now}
    with transaction.atomic():
        if not Collaboration.objects.filter(pk=collaboration.pk, stage=seen).update(**values):
            raise Stale(_moved_on(collaboration))
        missing = unmet(collaboration, step.guards)
        if missing:
            raise Refused(" ".join(missing))
        if keeper and form is not None:
            keeper.write(collaboration, by, form.cleaned_data)
        hat = hat_for(by, collaboration, role)
        ledger.append(
            verb="collaboration.moved",
            subject=collaboration.thread,
            by=by,
            role=role,
            organisation=hat.organisation_id if hat else None,
            city=collaboration.city_id,
            public=target.public or collaboration.public_since is not None,
            data={
                "move": step.key,
                "from": seen,
                "to": target.key,
                "said": {"id": step.done.id, "en": step.done.en},
                "reason": reason.strip(),
                "outcome": target.outcome,
            },
        )
        if step.successor:
            open_successor(collaboration=collaboration, scheme_key=step.successor, by=by)
        for name, value in values.items():
            setattr(collaboration, name, value)
        make_findable(collaboration)
    return collaboration


def make_findable(collaboration: Collaboration) -> None:
    """Bring the search up to date with a public collaboration; one that is not public is not found."""
    if collaboration.public_since is None:
        return
    search.index(
        thread=collaboration.thread,
        kind="collaboration",
        city=collaboration.city_id,
        public=True,
        title=collaboration.title,
        title_en=collaboration.title_en,
        summary=collaboration.summary,
        body=f"{collaboration.reference} {collaboration.partner.name} {collaboration.summary_en}",
        url=url_of(collaboration),
    )


def open_successor(*, collaboration: Collaboration, scheme_key: str, by: User) -> Collaboration:
    """Begin the next collaboration of the same partner, which keeps this one's evidence behind it.

    ``scheme_key`` may be ``same``. The partner completes and submits the new application.
    """
    key = collaboration.scheme.key if scheme_key == "same" else scheme_key
    challenge = collaboration.challenge
    if challenge and challenge.schemes and key not in challenge.schemes:
        challenge = None
    successor = begin_collaboration(
        by=by,
        partner=collaboration.partner,
        city=collaboration.city,
        scheme_key=key,
        title=collaboration.title,
        title_en=collaboration.title_en,
        challenge=challenge,
        agency=collaboration.agency,
        predecessor=collaboration,
        dimensions=list(collaboration.dimensions),
        invented=collaboration.invented,
    )
    ledger.append(
        verb="collaboration.followed",
        subject=collaboration.thread,
        by=by,
        city=collaboration.city_id,
        public=True,
        data={"successor": successor.reference, "scheme": key},
    )
    return successor


def unmet(collaboration: Collaboration, names: tuple[str, ...]) -> list[str]:
    """The refusals of those guards that say no, each a sentence."""
    sentences = []
    for name in names:
        verdict = registry.guards()[name].question(collaboration)
        if not verdict:
            sentences.append(str(verdict.reason))
    return sentences


def _due(stage: schemes.Stage, start: dt.datetime) -> dt.date | None:
    return add_working_days(timezone.localdate(start), stage.clock) if stage.clock else None


def _role_of(by: User, collaboration: Collaboration) -> str:
    return next((role for role in registry.ROLES if hat_for(by, collaboration, role)), "")


def _moved_on(collaboration: Collaboration) -> str:
    current = Collaboration.objects.only("stage", "scheme_version").get(pk=collaboration.pk)
    return _("Somebody was faster: this stands at “%(stage)s” now. Nothing you typed was saved here.") % {
        "stage": current.scheme.stage(current.stage).name
    }
