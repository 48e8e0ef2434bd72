"""Every change of an application: begun, drafted, papered, screened, reviewed. A decision is a record."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import IO, Any, cast

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.applications import answers as typed
from balai.applications.models import Application, Attachment, Recommendation, Review, ScreeningCheck
from balai.applications.queries import application_of, counted_reviews
from balai.applications.rules import may_declare, may_edit, may_review, may_screen
from balai.applications.scoring import LEVELS
from balai.challenges.models import Challenge
from balai.collaborations.actions import begin_collaboration, describe_collaboration
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.inspection import PAPERS
from balai.core.rules import require
from balai.indicators.models import Dimension
from balai.people.models import City, Organisation, User

ABOUT_LIMITS = {"title": 160, "title_en": 160, "summary": 1000, "summary_en": 1000}
PAPERS_EACH = 5


class Conflict(Stale):
    """Somebody else saved other values meanwhile. ``theirs`` holds them by key; nothing was written."""

    def __init__(self, reason: Text, theirs: Mapping[str, Any], revision: int) -> None:
        super().__init__(reason)
        self.theirs = theirs
        self.revision = revision


def start_application(
    *,
    by: User,
    partner: Organisation,
    city: City,
    scheme_key: str,
    title: str,
    challenge: Challenge | None = None,
) -> Application:
    """Begin a collaboration and its form. Pressing twice gives the same draft.

    Raises Refused unless the person acts for the partner, Invalid for a missing title or a challenge that
    is not open to the scheme.
    """
    title = " ".join(title.split())
    if not title:
        raise Invalid(_("Give it a title."), {"title": [_("A few words that name what you propose.")]})
    if len(title) > ABOUT_LIMITS["title"]:
        raise Invalid(_("The title is too long."), {"title": [_("At most 160 characters.")]})
    if not city.hosted:
        raise Invalid(_("This city does not take applications here."))
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=partner.pk)
        for same in Collaboration.objects.filter(
            partner=partner,
            city=city,
            scheme_version__key=scheme_key,
            challenge=challenge,
            title=title,
            submitted_at=None,
            ended_at=None,
        ).select_related("scheme_version", "partner", "agency", "challenge", "city"):
            if same.stage == same.scheme.start.key and hat_for(by, same, "applicant"):
                return ensure_application(collaboration=same, by=by)
        collaboration = begin_collaboration(
            by=by, partner=partner, city=city, scheme_key=scheme_key, title=title, challenge=challenge
        )
        return ensure_application(collaboration=collaboration, by=by)


def ensure_application(*, collaboration: Collaboration, by: User) -> Application:
    """The form of a collaboration, made when missing (a successor), with the predecessor's answers."""
    application = application_of(collaboration)
    if not application._state.adding:
        return application
    require(may_edit(by, collaboration))
    with transaction.atomic():
        _locked(collaboration)
        application = application_of(collaboration)
        if not application._state.adding:
            return application
        application.started_by = by.pseudonym
        application.save(force_insert=True)
        ledger.append(
            verb="application.started",
            subject=application.thread,
            by=by,
            role="applicant",
            organisation=collaboration.partner_id,
            city=collaboration.city_id,
            public=False,
            data={
                "collaboration": collaboration.reference,
                "carried_over": sorted(application.answers),
            },
        )
    return application


def save_draft(
    *,
    application: Application,
    by: User,
    revision: int,
    answers: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    seen: Mapping[str, str] | None = None,
) -> Application:
    """Keep what was typed; checks types and lengths only, completeness when it is submitted.

    ``answers`` by field key and ``about`` (title, title_en, summary, summary_en, dimensions, agency) hold
    only what the page showed. ``revision`` is the one the page was made from, ``seen`` the `stamp` of each
    value on it: what the person left as it was is not written. What others changed since then in other
    fields stays. Raises Conflict where they changed the very same fields to something else,
    Invalid for wrong types, Refused once it is with the city.
    """
    collaboration = application.collaboration
    require(may_edit(by, collaboration))
    given = _cleaned(collaboration, answers or {}) | _about(collaboration, about or {})
    given = {key: value for key, value in given.items() if stamp(value) != (seen or {}).get(key)}
    with transaction.atomic():
        collaboration = _locked(collaboration)
        require(may_edit(by, collaboration))
        stored = application_of(collaboration)
        if stored._state.adding:
            stored = ensure_application(collaboration=collaboration, by=by)
        kept = values_of(stored)
        changes = {key: value for key, value in given.items() if kept.get(key) != value}
        theirs = {key: kept.get(key) for key in changes if stored.touched.get(key, 0) > revision}
        if theirs:
            raise Conflict(
                _("Somebody else changed the same answers while you were writing. Both versions are shown."),
                theirs,
                stored.revision,
            )
        if not changes:
            return stored
        _write(stored, changes, by)
    return stored


def attach(
    *, application: Application, by: User, kind: str, file: File[bytes] | IO[bytes], name: str
) -> Attachment:
    """Add a file under one of the scheme's papers. Raises Invalid for a file that cannot be taken."""
    collaboration = application.collaboration
    require(may_edit(by, collaboration))
    if kind not in {paper.key for paper in collaboration.scheme.papers}:
        raise Invalid(_("This scheme asks for no such paper."))
    document = documents.store(file=file, name=name, by=by, city=collaboration.city_id, allow=PAPERS)
    with transaction.atomic():
        collaboration = _locked(collaboration)
        require(may_edit(by, collaboration))
        stored = ensure_application(collaboration=collaboration, by=by)
        there = list(stored.attachments.filter(kind=kind).select_related("document"))
        for same in there:
            if same.document.sha256 == document.sha256:
                return same
        if len(there) >= PAPERS_EACH:
            raise Invalid(
                _("There are %(count)s files of this kind already. Take one out first.")
                % {"count": len(there)}
            )
        attachment = Attachment.objects.create(application=stored, document=document, kind=kind)
        _papers_changed(stored, attachment, by, "application.attached")
    return attachment


def detach(*, application: Application, by: User, attachment: Attachment) -> None:
    """Take a file out of a draft. The bytes stay as long as anything else names them."""
    require(may_edit(by, application.collaboration))
    with transaction.atomic():
        collaboration = _locked(application.collaboration)
        require(may_edit(by, collaboration))
        stored = application_of(collaboration)
        there = stored.attachments.select_related("document").filter(pk=attachment.pk).first()
        if there is None:
            return
        _papers_changed(stored, there, by, "application.detached")
        there.delete()


def record_checks(
    *, application: Application, by: User, findings: Mapping[str, tuple[bool, str]]
) -> list[ScreeningCheck]:
    """Answer lines of the checklist: item key -> (passed, note). A line that fails needs a note.

    Raises Invalid naming the items at fault, Refused outside the administrative check.
    """
    collaboration = application.collaboration
    require(may_screen(by, collaboration))
    known = {item.key for item in collaboration.scheme.checklist}
    faults: dict[str, list[Text]] = {}
    for item, (passed, note) in findings.items():
        if item not in known:
            raise Invalid(_("The checklist has no such line."))
        if not passed and not note.strip():
            faults[item] = [_("Say what has to be put right; the applicant reads it.")]
        elif len(note) > 500:
            faults[item] = [_("At most 500 characters.")]
    if faults:
        raise Invalid(_("A line that is not passed needs a note."), faults)
    with transaction.atomic():
        collaboration = _locked(collaboration)
        require(may_screen(by, collaboration))
        stored = application_of(collaboration)
        before = {check.item: check for check in stored.screening.all()}
        written = []
        for item, (passed, note) in findings.items():
            old = before.get(item)
            if old and (old.passed, old.note, old.revision) == (passed, note.strip(), stored.revision):
                continue
            values = {"passed": passed, "note": note.strip(), "revision": stored.revision}
            check, _created = ScreeningCheck.objects.update_or_create(
                application=stored, item=item, defaults=values | {"by": by.pseudonym}
            )
            written.append(check)
        if written:
            ledger.append(
                verb="application.checked",
                subject=stored.thread,
                by=by,
                role="bureau",
                city=collaboration.city_id,
                public=False,
                data={
                    "collaboration": collaboration.reference,
                    "revision": stored.revision,
                    "passed": {check.item: check.passed for check in written},
                },
            )
    return written


def record_check(
    *, application: Application, by: User, item: str, passed: bool, note: str = ""
) -> list[ScreeningCheck]:
    """Answer one line of the checklist; see `record_checks`."""
    return record_checks(application=application, by=by, findings={item: (passed, note)})


def declare_conflict(*, application: Application, by: User, reason: str) -> Review:
    """Take no part in this application. What the person had judged so far no longer counts."""
    require(may_declare(by, application))
    reason = reason.strip()
    if not reason:
        raise Invalid(_("Say why."), {"reason": [_("One sentence; the cooperation bureau reads it.")]})
    if len(reason) > 300:
        raise Invalid(_("The reason is too long."), {"reason": [_("At most 300 characters.")]})
    with transaction.atomic():
        _locked(application.collaboration)
        require(may_declare(by, application))
        review, _created = Review.objects.update_or_create(
            application=application,
            reviewer=by,
            defaults={"conflict": True, "conflict_reason": reason, "submitted_at": None},
        )
        _told(review, by, "review.conflicted")
    return review


def clear_conflict(*, application: Application, by: User) -> Review:
    """Take back a conflict that was declared by mistake. A detected one stays."""
    require(may_declare(by, application))
    with transaction.atomic():
        _locked(application.collaboration)
        review = Review.objects.filter(application=application, reviewer=by, conflict=True).first()
        if review is None:
            raise Refused(_("You have declared no conflict here."))
        review.conflict, review.conflict_reason = False, ""
        review.save(update_fields=["conflict", "conflict_reason", "saved_at"])
        _told(review, by, "review.cleared")
    return review


def save_review(
    *,
    application: Application,
    by: User,
    scores: Mapping[str, int | None],
    recommendation: str = "",
    comment: str = "",
) -> Review:
    """Keep a reviewer's own draft, as far as it is; a judgement of an earlier text becomes a draft again.

    Raises Refused once they submitted it.
    """
    require(may_review(by, application))
    values = _judgement(application, scores, recommendation, comment)
    with transaction.atomic():
        collaboration = _locked(application.collaboration)
        require(may_review(by, application))
        stored = application_of(collaboration)
        review, created = Review.objects.get_or_create(application=stored, reviewer=by, defaults=values)
        if not created:
            if review.submitted_at and review.revision == stored.revision:
                raise Refused(_("Your review is submitted. Take it back first to change it."))
            for name, value in (values | {"submitted_at": None}).items():
                setattr(review, name, value)
            review.save()
    return review


def submit_review(
    *,
    application: Application,
    by: User,
    scores: Mapping[str, int | None],
    recommendation: str,
    comment: str,
) -> Review:
    """Hand in one's judgement: every criterion marked or not applicable, a recommendation, and why.

    Submitting the same again changes nothing. Raises Invalid naming what is open.
    """
    require(may_review(by, application))
    values = _judgement(application, scores, recommendation, comment)
    faults: dict[str, list[Text]] = {
        f"score_{criterion.key}": [_("Choose a level, or not applicable.")]
        for criterion in application.collaboration.scheme.criteria
        if criterion.key not in values["scores"]
    }
    if not faults and all(mark is None for mark in values["scores"].values()):
        faults = {
            key: [_("At least one criterion must apply.")] for key in [f"score_{k}" for k in scores][:1]
        }
    if not recommendation:
        faults["recommendation"] = [_("Say what you recommend.")]
    if not values["comment"]:
        faults["comment"] = [_("Say why, so that the panel can follow you.")]
    if faults:
        raise Invalid(_("The review is not complete yet. What you filled in is kept."), faults)
    with transaction.atomic():
        collaboration = _locked(application.collaboration)
        require(may_review(by, application))
        stored = application_of(collaboration)
        review, _created = Review.objects.get_or_create(application=stored, reviewer=by)
        values["revision"] = stored.revision
        if review.submitted_at and review.revision == stored.revision:
            if any(getattr(review, name) != value for name, value in values.items()):
                raise Refused(_("Your review is submitted. Take it back first to change it."))
            return review
        for name, value in (values | {"submitted_at": timezone.now()}).items():
            setattr(review, name, value)
        review.save()
        _told(review, by, "review.submitted")
    return review


def reopen_review(*, application: Application, by: User) -> Review:
    """Take one's own submitted review back, while the review is open."""
    require(may_review(by, application))
    with transaction.atomic():
        _locked(application.collaboration)
        require(may_review(by, application))
        review = Review.objects.filter(application=application, reviewer=by).first()
        if review is None or review.submitted_at is None:
            raise Stale(_("You have no submitted review here."))
        review.submitted_at = None
        review.save(update_fields=["submitted_at", "saved_at"])
        _told(review, by, "review.reopened")
    return review


def stamp(value: Any) -> str:
    """A short mark of a stored value, by which a page remembers what it showed."""
    return sha256(json.dumps(value or None, sort_keys=True).encode()).hexdigest()[:12]


def _locked(collaboration: Collaboration) -> Collaboration:
    """The collaboration as it stands, kept from moving until the transaction ends."""
    Collaboration.objects.select_for_update().only("pk").get(pk=collaboration.pk)
    return Collaboration.objects.select_related(
        "scheme_version", "partner", "agency", "challenge", "city", "predecessor"
    ).get(pk=collaboration.pk)


def _cleaned(collaboration: Collaboration, answers: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.key: field for field in collaboration.scheme.fields}
    cleaned: dict[str, Any] = {}
    faults: dict[str, list[Text]] = {}
    for key, raw in answers.items():
        if key not in fields:
            raise Invalid(_("The form has no such question: %(key)s.") % {"key": key})
        try:
            cleaned[key] = typed.clean(fields[key], raw)
        except typed.AnswerError as fault:
            faults[key] = [str(fault)]
    if faults:
        raise Invalid(_("Some answers cannot be kept as they are."), faults)
    return cleaned


def _about(collaboration: Collaboration, about: Mapping[str, Any]) -> dict[str, Any]:
    """The description's values, keyed ``about.title`` and so on; the agency as its key in text."""
    values: dict[str, Any] = {}
    faults: dict[str, list[Text]] = {}
    for key, raw in about.items():
        if key in ABOUT_LIMITS:
            text = str(raw or "").replace("\x00", "").replace("\r\n", "\n").strip()
            text = " ".join(text.split()) if key.startswith("title") else text
            if len(text) > ABOUT_LIMITS[key]:
                faults[key] = [_("At most %(limit)s characters.") % {"limit": ABOUT_LIMITS[key]}]
            elif key == "title" and not text:
                faults[key] = [_("A few words that name what you propose.")]
            values[f"about.{key}"] = text
        elif key == "dimensions":
            if any(code not in Dimension.values for code in raw):
                faults[key] = [_("Choose among the six dimensions.")]
            values["about.dimensions"] = [code for code in Dimension.values if code in raw]
        elif key == "agency":
            agency = cast(Organisation | None, raw)
            if agency and (agency.kind != "agency" or agency.city_id != collaboration.city_id):
                faults[key] = [_("Choose an agency of this city.")]
            values["about.agency"] = str(agency.pk) if agency else None
        else:
            raise Invalid(_("The form has no such question: %(key)s.") % {"key": key})
    if faults:
        raise Invalid(_("Some answers cannot be kept as they are."), faults)
    if collaboration.challenge_id:
        values.pop("about.agency", None)
    return values


def values_of(application: Application) -> dict[str, Any]:
    """Everything the form holds, by key; the description's keys begin with ``about.``."""
    collaboration = application.collaboration
    kept: dict[str, Any] = {f"about.{key}": getattr(collaboration, key) for key in ABOUT_LIMITS}
    kept["about.dimensions"] = [code for code in Dimension.values if code in collaboration.dimensions]
    kept["about.agency"] = str(collaboration.agency_id) if collaboration.agency_id else None
    kept.update(application.answers)
    return kept


def _write(application: Application, changes: Mapping[str, Any], by: User) -> None:
    collaboration = application.collaboration
    described = {
        key.removeprefix("about."): value for key, value in changes.items() if key.startswith("about.")
    }
    _keep_shown(application)
    for key, value in changes.items():
        if key.startswith("about."):
            continue
        if value is None:
            application.answers.pop(key, None)
        else:
            application.answers[key] = value
    application.revision += 1
    application.touched |= dict.fromkeys(changes, application.revision)
    application.save()
    if described:
        values = {key: getattr(collaboration, key) for key in (*ABOUT_LIMITS, "dimensions")} | described
        agency = collaboration.agency
        if "agency" in described:
            agency = Organisation.objects.get(pk=described["agency"]) if described["agency"] else None
        describe_collaboration(collaboration=collaboration, by=by, **(values | {"agency": agency}))


def _keep_shown(application: Application) -> None:
    """Before the first change after a return: keep what the city has read."""
    collaboration = application.collaboration
    if collaboration.submitted_at is None:
        return
    if application.shown_at is None or application.shown_at < collaboration.stage_since:
        application.shown = dict(application.answers)
        application.shown_at = timezone.now()


def _papers_changed(application: Application, attachment: Attachment, by: User, verb: str) -> None:
    _keep_shown(application)
    application.revision += 1
    application.save()
    ledger.append(
        verb=verb,
        subject=application.thread,
        by=by,
        role="applicant",
        organisation=application.collaboration.partner_id,
        city=application.collaboration.city_id,
        public=False,
        data={
            "collaboration": application.collaboration.reference,
            "kind": attachment.kind,
            "sha256": attachment.document.sha256,
        },
    )


def _judgement(
    application: Application, scores: Mapping[str, int | None], recommendation: str, comment: str
) -> dict[str, Any]:
    known = {criterion.key for criterion in application.collaboration.scheme.criteria}
    faults: dict[str, list[Text]] = {}
    for key, mark in scores.items():
        if key not in known:
            raise Invalid(_("The scheme has no such criterion: %(key)s.") % {"key": key})
        if mark is not None and (isinstance(mark, bool) or mark not in LEVELS):
            faults[f"score_{key}"] = [_("Choose a level from 1 to 5, or not applicable.")]
    if recommendation and recommendation not in Recommendation.values:
        faults["recommendation"] = [_("Choose one of the options.")]
    comment = comment.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(comment) > 4000:
        faults["comment"] = [_("At most %(limit)s characters.") % {"limit": 4000}]
    if faults:
        raise Invalid(_("Some of this cannot be kept as it is."), faults)
    return {"scores": dict(scores), "recommendation": recommendation, "comment": comment}


def _told(review: Review, by: User, verb: str) -> None:
    """The ledger learns that a review was given, never what it says."""
    application = review.application
    ledger.append(
        verb=verb,
        subject=application.thread,
        by=by,
        role="tkksd",
        city=application.collaboration.city_id,
        public=False,
        data={
            "collaboration": application.collaboration.reference,
            "revision": application.revision,
            "counted": len(counted_reviews(application)),
        },
    )
