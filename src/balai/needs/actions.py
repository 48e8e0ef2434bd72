"""Every change of a need: voiced, supported, answered, declined, merged, posed as a challenge, solved."""

from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger, search
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.models import Document, Entry, Follow
from balai.core.numbering import reference
from balai.core.rules import require
from balai.core.schedule import add_working_days
from balai.core.text import published
from balai.core.workflow import written
from balai.needs import rules
from balai.needs.models import (
    DIMENSIONS,
    Answer,
    CloseReason,
    Confirmation,
    Need,
    NeedState,
    Support,
    Terms,
)
from balai.needs.threads import url_of
from balai.people.models import Area, City, Organisation, User

KEYS = UUID("6f1f2a5e-6a3b-4f0e-9d0a-1f8c3d1b7a41")
"""Namespace under which a form's key and its sender make the id of a need."""


def voice_need(
    *,
    by: User,
    city: City,
    title: str,
    text: str,
    dimension: str,
    place: str = "",
    area: Area | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
    photo: Document | None = None,
    show_name: bool = False,
    key: UUID | None = None,
    invented: bool = False,
) -> Need:
    """Record what a citizen wants changed; the author follows it and the answer clock starts.

    ``key`` comes with the form: sent twice, it gives the same need back instead of a second one.
    Raises Refused beyond the day's limit and Invalid for what cannot be accepted.
    """
    pk = uuid5(KEYS, f"{by.pseudonym}/{key}") if key else uuid4()
    known = Need.objects.filter(pk=pk).first()
    if known:
        return known
    title, text, place = title.strip(), text.strip(), place.strip()
    _check(city, title, text, dimension, place, area, latitude, longitude)
    if photo is not None and photo.added_by != by.pseudonym:
        raise Invalid(_("The photo could not be found."), {"photo": [_("Attach the photo again.")]})
    now = timezone.now()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        require(rules.may_voice(by, city))
        try:
            with transaction.atomic():
                need = Need.objects.create(
                    pk=pk,
                    reference=reference("KBT", timezone.localdate(now).year),
                    city=city,
                    author=by,
                    show_name=show_name,
                    title=title,
                    text=text,
                    dimension=dimension,
                    place=place,
                    area=area,
                    latitude=latitude,
                    longitude=longitude,
                    photo=photo,
                    voiced_at=now,
                    answer_due=add_working_days(now, rules.terms_of(city).answer_days),
                    invented=invented,
                )
        except IntegrityError:
            return Need.objects.get(pk=pk)
        _append(
            need,
            "need.voiced",
            by,
            role="citizen",
            data={"dimension": dimension, "answer_due": need.answer_due},
        )
        _follow(by, need)
        _index(need)
    return need


def support_need(*, need: Need, by: User) -> Need:
    """Stand behind a need and follow it. Doing it again changes nothing."""
    if Support.objects.filter(need=need, user=by).exists():
        return need
    require(rules.may_support(by, need))
    with transaction.atomic():
        _support, created = Support.objects.get_or_create(need=need, user=by)
        if created:
            counted = Need.objects.filter(pk=need.pk, state__in=rules.OPEN).update(
                support_count=F("support_count") + 1
            )
            if not counted:
                raise Stale(_("Somebody was faster: this need takes no more support. Nothing was changed."))
            _follow(by, need)
            _append(need, "need.supported", by, role="citizen", public=False)
    need.refresh_from_db(fields=["support_count"])
    return need


def withdraw_support(*, need: Need, by: User) -> Need:
    """Take one's support back. Doing it again changes nothing; a merged need keeps what it had."""
    if not Support.objects.filter(need=need, user=by).exists():
        return need
    if need.state == NeedState.MERGED:
        raise Refused(_("This need was merged into another; withdraw your support there."))
    with transaction.atomic():
        gone, _rows = Support.objects.filter(need=need, user=by).delete()
        if gone:
            Need.objects.filter(pk=need.pk).update(support_count=F("support_count") - 1)
            Confirmation.objects.filter(need=need, user=by).delete()
            _append(need, "need.support_withdrawn", by, role="citizen", public=False)
    need.refresh_from_db(fields=["support_count"])
    return need


def follow_need(*, need: Need, by: User) -> None:
    """Hear of every later hop. Doing it again changes nothing."""
    require(rules.may_follow(by, need))
    _follow(by, need)


def unfollow_need(*, need: Need, by: User) -> None:
    """Hear no more of it; also the author may."""
    Follow.objects.filter(user=by, thread=need.thread).delete()


def answer_need(*, need: Need, by: User, agency: Organisation, text: str, seen: int | None = None) -> Answer:
    """Answer in public. An agency that answers a need nobody had takes charge of it.

    ``seen`` is the revision the person was shown: of two who answer at once, the second is told.
    """
    require(rules.may_answer(by, need))
    _speaks_for(by, need, agency)
    text = published(text, "text", 4000)
    state = need.state if need.state == NeedState.CHALLENGED else NeedState.ANSWERED
    now = timezone.now()
    with transaction.atomic():
        _step(need, seen, state=state, agency=agency, close_reason="", answered_at=need.answered_at or now)
        answer = Answer.objects.create(need=need, agency=agency, text=text, by=by.pseudonym)
        _append(
            need,
            "need.answered",
            by,
            role="agency",
            organisation=agency,
            data={"answer": answer.pk, "text": text, "on_time": timezone.localdate(now) <= need.answer_due},
        )
        _index(need)
    return answer


def decline_need(
    *, need: Need, by: User, agency: Organisation, reason: str, text: str, seen: int | None = None
) -> Answer:
    """Say no in public, for a reason of the closed list and in one's own words. It never counts as solved."""
    require(rules.may_decline(by, need))
    _speaks_for(by, need, agency)
    if reason not in CloseReason.values:
        raise Invalid(_("Choose a reason."), {"reason": [_("Choose one of the reasons.")]})
    text = published(text, "text", 4000)
    now = timezone.now()
    with transaction.atomic():
        _step(
            need,
            seen,
            state=NeedState.DECLINED,
            agency=agency,
            close_reason=reason,
            answered_at=need.answered_at or now,
        )
        answer = Answer.objects.create(need=need, agency=agency, text=text, by=by.pseudonym)
        _append(
            need,
            "need.declined",
            by,
            role="agency",
            organisation=agency,
            data={"answer": answer.pk, "reason": reason, "text": text},
        )
        _index(need)
    return answer


def merge_need(*, need: Need, into: Need, by: User, seen: int | None = None) -> Need:
    """Merge one need into another; its author, supporters and followers go along and are told.

    Returns the need that remains. The target must be open, so chains never form a circle.
    """
    with transaction.atomic():
        locked = {
            row.pk: row
            for row in Need.objects.select_for_update().filter(pk__in=[need.pk, into.pk]).order_by("pk")
        }
        into = locked[into.pk]
        require(rules.may_merge(by, need))
        require(rules.may_merge_into(need, into))
        _step(need, seen, state=NeedState.MERGED, merged_into=into)
        behind = set(need.supports.values_list("user_id", flat=True))
        if need.author_id:
            behind.add(need.author_id)
        behind.discard(into.author_id or 0)
        Support.objects.bulk_create(
            [Support(need=into, user_id=user) for user in sorted(behind)], ignore_conflicts=True
        )
        into.support_count = into.supports.count()
        Need.objects.filter(pk=into.pk).update(support_count=into.support_count)
        Follow.objects.bulk_create(
            [
                Follow(user_id=user, thread=into.thread)
                for user in Follow.objects.filter(thread=need.thread).values_list("user_id", flat=True)
            ],
            ignore_conflicts=True,
        )
        hat = rules.desk_hat(by, need)
        who: dict[str, Any] = {"role": "citizen"}
        if hat is not None and not rules.is_author(by, need):
            who = {"role": "agency", "organisation": hat.organisation}
        _append(
            need, "need.merged", by, data={"into": into.reference, "supporters": into.support_count}, **who
        )
        _append(into, "need.joined", by, data={"from": need.reference}, **who)
        _index(need)
    return into


def link_complaint(*, need: Need, by: User, number: str) -> Need:
    """Note the report's number in the city's complaint system; an empty one takes it away."""
    require(rules.may_link_complaint(by, need))
    number = number.strip()
    if len(number) > 60 or any(not (c.isalnum() or c in "-/. ") for c in number):
        raise Invalid(
            _("This does not look like a report number."),
            {"number": [_("Letters, digits, hyphen, slash and full stop, at most 60.")]},
        )
    with transaction.atomic():
        if (
            not Need.objects.filter(pk=need.pk)
            .exclude(complaint_number=number)
            .update(complaint_number=number)
        ):
            return need
        need.complaint_number = number
        hat = rules.desk_hat(by, need)
        _append(
            need,
            "need.complaint_linked",
            by,
            role="agency" if hat else "citizen",
            organisation=hat.organisation if hat else None,
            data={"number": number},
        )
    return need


def assign_agency(*, need: Need, by: User, agency: Organisation, seen: int | None = None) -> Need:
    """Say which agency has to answer."""
    require(rules.may_assign(by, need))
    if agency.kind != "agency" or agency.city_id != need.city_id or not agency.active:
        raise Invalid(_("Choose an agency of the city."), {"agency": [_("Choose an agency of the city.")]})
    hat = rules.coordination_hat(by, need.city_id)
    with transaction.atomic():
        _step(need, seen, agency=agency)
        _append(
            need,
            "need.assigned",
            by,
            role=hat.role if hat else "",
            organisation=hat.organisation if hat else None,
            data={"agency": agency.pk, "agency_slug": agency.slug},
        )
    return need


def hide_need(*, need: Need, by: User, reason: str, seen: int | None = None) -> Need:
    """Take a need out of sight of the public, with a reason its author reads."""
    require(rules.may_hide(by, need))
    reason = published(reason, "reason", 500)
    hat = rules.moderation_hat(by, need)
    with transaction.atomic():
        _step(need, seen, state=NeedState.HIDDEN, hidden_from=need.state)
        _append(
            need,
            "need.hidden",
            by,
            role=hat.role if hat else "hub",
            organisation=hat.organisation if hat else None,
            public=False,
            data={"reason": reason},
        )
        search.remove(need.thread)
    return need


def show_need(*, need: Need, by: User, seen: int | None = None) -> Need:
    """Show a hidden need again, in the state it was in."""
    require(rules.may_show(by, need))
    hat = rules.moderation_hat(by, need)
    with transaction.atomic():
        _step(need, seen, state=need.hidden_from or NeedState.VOICED, hidden_from="")
        _append(
            need,
            "need.shown",
            by,
            role=hat.role if hat else "hub",
            organisation=hat.organisation if hat else None,
            public=False,
        )
        _index(need)
    return need


def confirm_solved(*, need: Need, by: User, solved: bool) -> Need:
    """The author or a supporter says whether it is solved; one word each, which they may change.

    Enough who say yes, and more than say no, make it solved; when no again outweighs, it is reopened
    and whoever answers it is told.
    """
    require(rules.may_confirm(by, need))
    with transaction.atomic():
        row = Need.objects.select_for_update().get(pk=need.pk)
        require(rules.may_confirm(by, row))
        previous = Confirmation.objects.filter(need=row, user=by).first()
        if previous and previous.solved == solved:
            return row
        Confirmation.objects.update_or_create(need=row, user=by, defaults={"solved": solved})
        words = list(row.confirmations.values_list("solved", flat=True))
        yes, noes = words.count(True), words.count(False)
        _append(row, "need.confirmed", by, role="citizen", public=False, data={"solved": solved})
        behind = row.support_count + bool(row.author_id)
        enough = min(rules.terms_of(row.city_id).confirmations, behind)
        if row.state != NeedState.SOLVED and yes >= enough and yes > noes:
            _step(row, None, state=NeedState.SOLVED, solved_at=timezone.now())
            _append(row, "need.solved", None, data={"by": "people", "yes": yes, "no": noes})
        elif row.state == NeedState.SOLVED and noes >= yes:
            back = NeedState.CHALLENGED if _was_challenged(row) else NeedState.ANSWERED
            _step(row, None, state=back, solved_at=None)
            _append(row, "need.reopened", None, data={"yes": yes, "no": noes})
        _index(row)
    need.state, need.revision, need.solved_at = row.state, row.revision, row.solved_at
    return row


def solve_by_effect(*, need: Need, evaluation: str) -> Need:
    """A verified effect met its target for this need. Called by the room that verified it.

    ``evaluation`` names it for the ledger, e.g. ``effect:1b9d…``. Changes nothing where the need is
    not open any more.
    """
    with transaction.atomic():
        row = Need.objects.select_for_update().get(pk=need.pk)
        if row.state in rules.OPEN:
            _step(row, None, state=NeedState.SOLVED, solved_at=timezone.now())
            _append(row, "need.solved", None, data={"by": "effect", "evaluation": evaluation})
            _index(row)
    return row


def pose_from_need(*, need: Need, by: User, agency: Organisation, challenge: str) -> Need:
    """A challenge was opened from this need; ``challenge`` is its reference. For the challenges room.

    A need that was merged, hidden or solved meanwhile stays what it is; its followers are told all the same.
    """
    if NeedState.CHALLENGED in rules.STEPS[need.state] and need.state != NeedState.HIDDEN:
        _step(
            need,
            None,
            state=NeedState.CHALLENGED,
            close_reason="",
            answered_at=need.answered_at or timezone.now(),
            agency=need.agency or agency,
        )
    _append(
        need,
        "need.challenged",
        by,
        role="agency",
        organisation=agency,
        public=need.state != NeedState.HIDDEN,
        data={"challenge": challenge},
    )
    _index(need)
    return need


def set_terms(*, city: City, by: User, answer_days: int, needs_per_day: int, confirmations: int) -> Terms:
    """Change what the city promises; clocks already running keep theirs."""
    require(rules.may_set_terms(by, city))
    values = {"answer_days": answer_days, "needs_per_day": needs_per_day, "confirmations": confirmations}
    limits = {"answer_days": 60, "needs_per_day": 100, "confirmations": 50}
    wrong: dict[str, list[Text]] = {
        name: [_("A whole number from 1 to %(most)d.") % {"most": limits[name]}]
        for name, value in values.items()
        if not 1 <= value <= limits[name]
    }
    if wrong:
        raise Invalid(_("These terms cannot be accepted."), wrong)
    hat = rules.coordination_hat(by, city)
    with transaction.atomic():
        terms, _created = Terms.objects.update_or_create(city=city, defaults=values)
        ledger.append(
            verb="need.terms_set",
            subject=f"city:{city.pk}",
            by=by,
            role=hat.role if hat else "",
            organisation=hat.organisation_id if hat else None,
            city=city.pk,
            public=True,
            data=values,
        )
    return terms


def note_overdue(*, need: Need) -> None:
    """Put on the record, once, that the answer clock ran out; whoever should answer is told."""
    with transaction.atomic():
        if Need.objects.filter(pk=need.pk, state=NeedState.VOICED, overdue_noted=False).update(
            overdue_noted=True
        ):
            _append(
                need,
                "need.overdue",
                None,
                organisation=need.agency,
                data={"answer_due": need.answer_due},
            )


def _check(
    city: City,
    title: str,
    text: str,
    dimension: str,
    place: str,
    area: Area | None,
    latitude: float | None,
    longitude: float | None,
) -> None:
    """Raise Invalid naming every field that cannot be accepted."""
    wrong: dict[str, list[Text]] = {}
    if not title:
        wrong["title"] = [_("Say in a few words what should change.")]
    elif len(title) > 120:
        wrong["title"] = [_("At most %(most)d characters.") % {"most": 120}]
    if not text:
        wrong["text"] = [_("Describe what happens and what you would like instead.")]
    elif len(text) > 2000:
        wrong["text"] = [_("At most %(most)d characters.") % {"most": 2000}]
    if dimension not in DIMENSIONS:
        wrong["dimension"] = [_("Choose what it is about.")]
    if len(place) > 200:
        wrong["place"] = [_("At most %(most)d characters.") % {"most": 200}]
    if area is not None and area.city_id != city.pk:
        wrong["area"] = [_("Choose an area of the city.")]
    if (latitude is None) != (longitude is None):
        wrong["latitude"] = [_("Give both latitude and longitude, or neither.")]
    elif not (-90 <= (latitude or 0) <= 90 and -180 <= (longitude or 0) <= 180):
        wrong["latitude"] = [_("These are not coordinates.")]
    for name, value in (("title", title), ("text", text), ("place", place)):
        if "\0" in value:
            wrong[name] = [_("This text contains a character that cannot be stored.")]
    if wrong:
        raise Invalid(_("Something is missing or cannot be accepted."), wrong)


def _speaks_for(by: User, need: Need, agency: Organisation) -> None:
    if agency.city_id != need.city_id or not rules.acts_for(by, agency):
        raise Refused(_("You do not work for this agency."))
    if need.agency_id and need.agency_id != agency.pk:
        raise Refused(_("Another agency is in charge of this need."))


def _step(need: Need, seen: int | None, **values: Any) -> None:
    """Write ``values`` if nobody changed the need since revision ``seen``; raises Refused or Stale."""
    state = values.get("state")
    if state is not None and state not in rules.STEPS[need.state]:
        require(rules.leads_to(need, state))
    if not written(need, seen=seen, **values):
        current = Need.objects.get(pk=need.pk)
        raise Stale(
            _("Somebody was faster: this need is “%(state)s” now. Nothing you typed was published.")
            % {"state": rules.state_name(current)}
        )


def _append(
    need: Need,
    verb: str,
    by: User | None,
    *,
    role: str = "",
    organisation: Organisation | None = None,
    public: bool = True,
    data: dict[str, Any] | None = None,
) -> None:
    ledger.append(
        verb=verb,
        subject=need.thread,
        by=by,
        role=role,
        organisation=organisation.pk if organisation else None,
        city=need.city_id,
        public=public and need.state != NeedState.HIDDEN,
        data=data,
    )


def _follow(user: User, need: Need) -> None:
    Follow.objects.get_or_create(user=user, thread=need.thread)


def _was_challenged(need: Need) -> bool:
    return Entry.objects.filter(thread=need.thread, verb="need.challenged").exists()


def _index(need: Need) -> None:
    """Make the need findable as it now stands."""
    if need.state in (NeedState.HIDDEN, NeedState.MERGED):
        search.remove(need.thread)
        return
    search.index(
        thread=need.thread,
        kind="need",
        city=need.city_id,
        public=True,
        title=need.title,
        title_en="",
        body=f"{need.text} {need.place}",
        summary=need.text[:200],
        url=url_of(need),
    )
