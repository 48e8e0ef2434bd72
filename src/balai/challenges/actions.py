"""Every change of a challenge: drafted from needs, edited, opened, asked about, answered, closed, ended."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.challenges import rules
from balai.challenges.models import SCHEMES, BudgetRoute, Challenge, ChallengeState, Question
from balai.challenges.threads import url_of
from balai.core import ledger, search
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.models import Follow
from balai.core.numbering import reference
from balai.core.rules import require
from balai.core.text import published
from balai.core.workflow import written
from balai.needs.actions import pose_from_need
from balai.needs.models import DIMENSIONS, Need, NeedState
from balai.people.models import Membership, Organisation, Role, User

QUESTIONS_PER_DAY = 10
"""How many questions a person may ask on a challenge in a day. Ours."""

WORDS = {
    "title": 160,
    "title_en": 160,
    "brief": 8000,
    "brief_en": 8000,
    "baseline_period": 40,
    "baseline_source": 300,
    "contact": 200,
    "data_access": 4000,
    "budget_note": 300,
    "adoption_route": 4000,
}
OTHERS = frozenset(
    {
        "dimension",
        "indicator",
        "baseline",
        "target",
        "budget_route",
        "schemes",
        "questions_until",
        "closes_on",
    }
)


def open_challenge_draft(
    *,
    by: User,
    agency: Organisation,
    title: str,
    needs: Iterable[Need] = (),
    dimension: str = "",
    invented: bool = False,
    **fields: Any,
) -> Challenge:
    """Begin to write a challenge, usually from needs; seen by the city's staff only until it opens.

    ``fields`` as in `edit_challenge`. The dimension is the most frequent among the needs where none is given.
    """
    require(rules.may_write_for(by, agency))
    chosen = list(needs)
    _check_needs(agency, chosen)
    if not dimension and chosen:
        kinds = [need.dimension for need in chosen]
        dimension = max(kinds, key=kinds.count)
    values = _clean({**fields, "title": title, "dimension": dimension})
    with transaction.atomic():
        challenge = Challenge.objects.create(
            reference=reference("TAN", timezone.localdate().year),
            city_id=str(agency.city_id),
            agency=agency,
            invented=invented,
            **values,
        )
        challenge.needs.set(chosen)
        Follow.objects.get_or_create(user=by, thread=challenge.thread)
        _append(
            challenge, "challenge.drafted", by, public=False, data={"needs": [n.reference for n in chosen]}
        )
    return challenge


def edit_challenge(
    *,
    challenge: Challenge,
    by: User,
    needs: Iterable[Need] | None = None,
    seen: int | None = None,
    **fields: Any,
) -> Challenge:
    """Change a draft. Of two who edit at once the second is told and nothing is lost of the first."""
    require(rules.may_edit(by, challenge))
    chosen = None if needs is None else list(needs)
    if chosen is not None:
        _check_needs(challenge.agency, chosen)
    values = _clean(fields)
    with transaction.atomic():
        _step(challenge, seen, **values)
        if chosen is not None:
            challenge.needs.set(chosen)
        _append(challenge, "challenge.edited", by, public=False, data={"fields": sorted(values)})
    return challenge


def open_challenge(*, challenge: Challenge, by: User, seen: int | None = None) -> Challenge:
    """Publish the call. Refused, naming what is missing, until it is ready; its needs become challenged."""
    require(rules.may_open(by, challenge))
    with transaction.atomic():
        _step(challenge, seen, state=ChallengeState.OPEN, opened_at=timezone.now())
        for need in Need.objects.select_for_update(of=("self",)).filter(challenges=challenge).order_by("pk"):
            pose_from_need(need=need, by=by, agency=challenge.agency, challenge=challenge.reference)
        _append(
            challenge,
            "challenge.opened",
            by,
            data={"closes_on": challenge.closes_on, "schemes": challenge.schemes},
        )
        _index(challenge)
    return challenge


def ask_question(*, challenge: Challenge, by: User, text: str) -> Question:
    """Ask in public without one's name. The same question sent twice by one person is kept once."""
    require(rules.may_ask(by, challenge))
    text = published(text, "text", 1000)
    with transaction.atomic():
        Challenge.objects.select_for_update().get(pk=challenge.pk)
        same = Question.objects.filter(challenge=challenge, asked_by=by.pseudonym, text=text).first()
        if same:
            return same
        since = timezone.now() - dt.timedelta(days=1)
        asked = Question.objects.filter(challenge=challenge, asked_by=by.pseudonym, asked_at__gte=since)
        if asked.count() >= QUESTIONS_PER_DAY:
            raise Refused(
                _("You asked %(count)d questions in the last day, which is the most. Ask again tomorrow.")
                % {"count": QUESTIONS_PER_DAY}
            )
        question = Question.objects.create(challenge=challenge, text=text, asked_by=by.pseudonym)
        Follow.objects.get_or_create(user=by, thread=challenge.thread)
        ledger.append(
            verb="challenge.asked",
            subject=challenge.thread,
            by=None,
            city=challenge.city_id,
            public=True,
            data={"question": question.pk},
        )
    return question


def answer_question(*, question: Question, by: User, text: str) -> Question:
    """Answer once, for all to read. Raises Stale where somebody answered meanwhile."""
    challenge = question.challenge
    require(rules.may_answer(by, challenge))
    text = published(text, "text", 3000)
    now = timezone.now()
    with transaction.atomic():
        changed = Question.objects.filter(pk=question.pk, answered_at=None).update(
            answer=text, answered_by=by.pseudonym, answered_at=now
        )
        if not changed:
            raise Stale(
                _("Somebody was faster: this question is answered already. Your text was not published.")
            )
        _append(challenge, "challenge.answered", by, data={"question": question.pk, "text": text})
    question.answer, question.answered_by, question.answered_at = text, by.pseudonym, now
    return question


def extend_challenge(
    *, challenge: Challenge, by: User, closes_on: dt.date, reason: str, seen: int | None = None
) -> Challenge:
    """Move the closing day of an open challenge to a later one, with a reason all can read."""
    require(rules.may_close(by, challenge))
    reason = published(reason, "reason", 300)
    if closes_on <= max(challenge.closes_on or closes_on, timezone.localdate()):
        raise Invalid(
            _("The closing day can only move to a later day."),
            {"closes_on": [_("Choose a day after the present closing day.")]},
        )
    with transaction.atomic():
        before = challenge.closes_on
        _step(challenge, seen, closes_on=closes_on)
        _append(challenge, "challenge.extended", by, data={"from": before, "to": closes_on, "reason": reason})
    return challenge


def close_challenge(
    *, challenge: Challenge, by: User | None, reason: str = "", seen: int | None = None
) -> Challenge:
    """Take no more applications: by a person with a reason, by the hub itself once the day is over."""
    if by is None:
        if challenge.closes_on is None or challenge.closes_on >= timezone.localdate():
            raise Refused(_("The closing day is not over yet."))
    else:
        require(rules.may_close(by, challenge))
        reason = published(reason, "reason", 300)
    with transaction.atomic():
        _step(challenge, seen, state=ChallengeState.CLOSED, close_reason=reason)
        _append(challenge, "challenge.closed", by, data={"reason": reason})
        _index(challenge)
    return challenge


def end_challenge(*, challenge: Challenge, by: User, reason: str, seen: int | None = None) -> Challenge:
    """Say how the challenge ended, whether or not anything came of it."""
    require(rules.may_end(by, challenge))
    reason = published(reason, "reason", 300)
    with transaction.atomic():
        _step(challenge, seen, state=ChallengeState.ENDED, close_reason=reason)
        _append(challenge, "challenge.ended", by, data={"reason": reason})
        _index(challenge)
    return challenge


def follow_challenge(*, challenge: Challenge, by: User) -> None:
    """Hear of every later hop. Doing it again changes nothing."""
    Follow.objects.get_or_create(user=by, thread=challenge.thread)


def unfollow_challenge(*, challenge: Challenge, by: User) -> None:
    Follow.objects.filter(user=by, thread=challenge.thread).delete()


def _clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as stored; a draft may lack any. Raises Invalid naming each that cannot be accepted."""
    unknown = fields.keys() - WORDS.keys() - OTHERS
    if unknown:
        raise TypeError(f"no such field: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {}
    wrong: dict[str, list[Text]] = {}
    for name, value in fields.items():
        if name in WORDS:
            text = str(value or "").strip()
            if len(text) > WORDS[name]:
                wrong[name] = [_("At most %(most)d characters.") % {"most": WORDS[name]}]
            if "\0" in text:
                wrong[name] = [_("This text contains a character that cannot be stored.")]
            values[name] = text
        else:
            values[name] = value
    if "title" in values and not values["title"]:
        wrong["title"] = [_("Give the challenge a title.")]
    if values.get("dimension") and values["dimension"] not in DIMENSIONS:
        wrong["dimension"] = [_("Choose one of the six dimensions.")]
    if values.get("budget_route") and values["budget_route"] not in BudgetRoute.values:
        wrong["budget_route"] = [_("Choose one of the routes.")]
    if "schemes" in values:
        chosen = set(values["schemes"] or [])
        if chosen - set(SCHEMES):
            wrong["schemes"] = [_("Choose from the three schemes.")]
        values["schemes"] = [key for key in SCHEMES if key in chosen]
    indicator = values.get("indicator")
    if indicator is not None and values.get("dimension") and indicator.dimension != values["dimension"]:
        wrong["indicator"] = [_("This indicator belongs to another dimension.")]
    if wrong:
        raise Invalid(_("Something cannot be accepted."), wrong)
    for name in ("dimension", "budget_route"):
        if name in values:
            values[name] = values[name] or ""
    return values


def _check_needs(agency: Organisation, needs: list[Need]) -> None:
    if any(need.city_id != agency.city_id or need.state == NeedState.HIDDEN for need in needs):
        raise Invalid(_("Choose needs of this city."), {"needs": [_("Choose needs of this city.")]})


def _step(challenge: Challenge, seen: int | None, **values: Any) -> None:
    """Write ``values`` if nobody changed the challenge since revision ``seen``; raises Refused or Stale."""
    state = values.get("state")
    if state is not None and state not in rules.STEPS[challenge.state]:
        raise Refused(_("This challenge cannot go there from where it is."))
    if not written(challenge, seen=seen, **values):
        raise Stale(
            _("Somebody was faster: this challenge was changed since you opened the page. Nothing was saved.")
        )


def _append(
    challenge: Challenge,
    verb: str,
    by: User | None,
    *,
    public: bool = True,
    data: dict[str, Any] | None = None,
) -> None:
    hat = rules.hat_for(by, challenge.agency) if by else None
    organisation = hat.organisation_id if hat else None
    ledger.append(
        verb=verb,
        subject=challenge.thread,
        by=by,
        role=_role(hat),
        organisation=organisation if by else challenge.agency_id,
        city=challenge.city_id,
        public=public,
        data=data,
    )


def _role(hat: Membership | None) -> str:
    """The hat as the ledger names it."""
    if hat is None:
        return ""
    return "agency" if hat.role == Role.OFFICER else hat.role


def _index(challenge: Challenge) -> None:
    """Make the challenge findable as it now stands."""
    search.index(
        thread=challenge.thread,
        kind="challenge",
        city=challenge.city_id,
        public=challenge.state != ChallengeState.DRAFT,
        title=challenge.title,
        title_en=challenge.title_en,
        body=f"{challenge.brief} {challenge.brief_en} {challenge.agency.name}",
        summary=challenge.brief[:200],
        url=url_of(challenge),
    )
