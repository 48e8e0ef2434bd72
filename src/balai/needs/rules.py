"""Who may do what with a need. Each answer says why not."""

from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core.rules import YES, Verdict, no
from balai.core.schedule import day_of
from balai.needs.models import Need, NeedState, Support, Terms
from balai.people.models import City, Membership, Organisation, Role, User
from balai.people.rules import Reader, hats_in, hats_in_city, is_person

OPEN = frozenset({NeedState.VOICED, NeedState.ANSWERED, NeedState.CHALLENGED})
"""States in which a need still asks for something: it can be supported, merged into and answered."""

STEPS: dict[str, frozenset[str]] = {
    NeedState.VOICED: frozenset(
        {
            NeedState.ANSWERED,
            NeedState.CHALLENGED,
            NeedState.MERGED,
            NeedState.DECLINED,
            NeedState.SOLVED,
            NeedState.HIDDEN,
        }
    ),
    NeedState.ANSWERED: frozenset(
        {
            NeedState.ANSWERED,
            NeedState.CHALLENGED,
            NeedState.MERGED,
            NeedState.DECLINED,
            NeedState.SOLVED,
            NeedState.HIDDEN,
        }
    ),
    NeedState.CHALLENGED: frozenset(
        {NeedState.CHALLENGED, NeedState.MERGED, NeedState.SOLVED, NeedState.HIDDEN}
    ),
    NeedState.DECLINED: frozenset({NeedState.ANSWERED, NeedState.CHALLENGED, NeedState.HIDDEN}),
    NeedState.SOLVED: frozenset({NeedState.ANSWERED, NeedState.CHALLENGED, NeedState.HIDDEN}),
    NeedState.MERGED: frozenset({NeedState.HIDDEN}),
    NeedState.HIDDEN: frozenset(
        {
            NeedState.VOICED,
            NeedState.ANSWERED,
            NeedState.CHALLENGED,
            NeedState.DECLINED,
            NeedState.SOLVED,
            NeedState.MERGED,
        }
    ),
}
"""Where a need can go from each state. Everything that changes a state asks this table."""

DESK = (Role.OFFICER, Role.BUREAU, Role.ANALYST)
COORDINATION = (Role.BUREAU, Role.ANALYST)


def terms_of(city: City | str) -> Terms:
    """What the city promises; the hub's defaults where it has set nothing."""
    code = city if isinstance(city, str) else city.pk
    return Terms.objects.filter(pk=code).first() or Terms(city_id=code)


def leads_to(need: Need, state: str) -> Verdict:
    """Whether the need can go to this state from where it is; a hidden one has to be shown again first."""
    if need.state != NeedState.HIDDEN and state in STEPS[need.state]:
        return YES
    return no(_("This need is “%(state)s” now; that cannot be done any more.") % {"state": state_name(need)})


def state_name(need: Need) -> str:
    return str(NeedState(need.state).label)


def is_author(user: Reader, need: Need) -> bool:
    return is_person(user) and need.author_id == user.pk


def desk_hat(user: Reader, need: Need) -> Membership | None:
    """The seat from which the person answers: in the need's agency, or in any while it has none."""
    if need.agency_id:
        hats = hats_in(user, need.agency, *DESK)
    else:
        hats = [h for h in hats_in_city(user, need.city_id, *DESK) if h.organisation.kind == "agency"]
    return hats[0] if hats else None


def coordination_hat(user: Reader, city: City | str) -> Membership | None:
    """The seat of the cooperation bureau or of an analyst in the city."""
    hats = [h for h in hats_in_city(user, city, *COORDINATION) if h.organisation.kind == "agency"]
    return hats[0] if hats else None


def may_voice(user: Reader, city: City) -> Verdict:
    """Anybody signed in, so many times a day."""
    if not is_person(user):
        return no(_("Sign in to voice a need. What you typed is kept."))
    if not city.hosted:
        return no(_("%(city)s does not take needs on this hub.") % {"city": city.name})
    limit = terms_of(city).needs_per_day
    now = timezone.localtime()
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if Need.objects.filter(author=user, voiced_at__gte=start).count() >= limit:
        return no(
            _(
                "You voiced %(count)d needs today, which is the most for one day. "
                "What you typed is kept here; send it tomorrow, or support a need that is close to it."
            )
            % {"count": limit}
        )
    return YES


def may_support(user: Reader, need: Need) -> Verdict:
    if not is_person(user):
        return no(_("Sign in to support a need."))
    if need.state == NeedState.MERGED:
        return no(_("This need was merged into another; support that one."))
    if need.state not in OPEN:
        return no(_("This need is “%(state)s”; it takes no more support.") % {"state": state_name(need)})
    if is_author(user, need):
        return no(_("You voiced this need; your voice is counted already."))
    if hats_in(user, need.agency):
        return no(_("You work for the agency that answers this need, so you cannot support it."))
    return YES


def may_follow(user: Reader, need: Need) -> Verdict:  # noqa: ARG001
    return YES if is_person(user) else no(_("Sign in to follow a need."))


def may_answer(user: Reader, need: Need) -> Verdict:
    """The agency in charge; while there is none, any agency of the city, which then takes charge."""
    if desk_hat(user, need) is None:
        if need.agency is not None and hats_in_city(user, need.city_id, *DESK):
            return no(
                _("%(agency)s is in charge of this need. The cooperation bureau can assign it anew.")
                % {"agency": need.agency.name}
            )
        return no(_("Only the agency in charge can answer."))
    return leads_to(need, NeedState.CHALLENGED if need.state == NeedState.CHALLENGED else NeedState.ANSWERED)


def may_decline(user: Reader, need: Need) -> Verdict:
    if desk_hat(user, need) is None:
        return no(_("Only the agency in charge can decline."))
    if need.state == NeedState.CHALLENGED:
        return no(_("A challenge was posed from this need; it is answered there."))
    return leads_to(need, NeedState.DECLINED)


def may_merge(user: Reader, need: Need) -> Verdict:
    """The author or the agency in charge; a stranger must not make another's need disappear."""
    if desk_hat(user, need) is None and not is_author(user, need):
        return no(_("Only the author or the agency in charge can merge this need into another."))
    return leads_to(need, NeedState.MERGED)


def may_merge_into(need: Need, into: Need) -> Verdict:
    """Both of one city, and the other one still open: so no chain ever comes back to its beginning."""
    if need.pk == into.pk:
        return no(_("A need cannot be merged into itself."))
    if need.city_id != into.city_id:
        return no(_("The two needs belong to different cities."))
    if into.state not in OPEN:
        return no(
            _("%(reference)s is “%(state)s”; choose a need that is still open.")
            % {"reference": into.reference, "state": state_name(into)}
        )
    return YES


def may_link_complaint(user: Reader, need: Need) -> Verdict:
    if need.state == NeedState.HIDDEN:
        return leads_to(need, NeedState.ANSWERED)
    if desk_hat(user, need) is None and not is_author(user, need):
        return no(_("Only the author or the agency in charge can link a complaint report."))
    return YES


def may_assign(user: Reader, need: Need) -> Verdict:
    if coordination_hat(user, need.city_id) is None:
        return no(_("Only the cooperation bureau or a smart-city analyst can assign an agency."))
    if need.state in OPEN:
        return YES
    return no(_("This need is “%(state)s”; nobody has to answer it now.") % {"state": state_name(need)})


def may_hide(user: Reader, need: Need) -> Verdict:
    if moderation_hat(user, need) is None and not (is_person(user) and user.is_staff):
        return no(_("Only the cooperation bureau, an analyst or the hub's staff can hide a need."))
    return leads_to(need, NeedState.HIDDEN)


def may_show(user: Reader, need: Need) -> Verdict:
    if moderation_hat(user, need) is None and not (is_person(user) and user.is_staff):
        return no(_("Only the cooperation bureau, an analyst or the hub's staff can show it again."))
    return YES if need.state == NeedState.HIDDEN else no(_("This need is not hidden."))


def moderation_hat(user: Reader, need: Need) -> Membership | None:
    return coordination_hat(user, need.city_id)


def may_confirm(user: Reader, need: Need) -> Verdict:
    """The author and those who stand behind the need; never the agency that answers it."""
    if not is_person(user):
        return no(_("Sign in to say whether it is solved."))
    if need.state not in OPEN | {NeedState.SOLVED}:
        return no(_("This need is “%(state)s” now.") % {"state": state_name(need)})
    if hats_in(user, need.agency):
        return no(_("The agency that answers a need cannot confirm it as solved."))
    if not is_author(user, need) and not Support.objects.filter(need=need, user=user).exists():
        return no(_("Only the author and those who support the need say whether it is solved."))
    return YES


def may_set_terms(user: Reader, city: City) -> Verdict:
    if coordination_hat(user, city) is not None:
        return YES
    return no(_("Only the cooperation bureau or a smart-city analyst can change the terms."))


def is_overdue(need: Need) -> bool:
    """Whether the answer clock has run out without a word of the city."""
    return need.state == NeedState.VOICED and need.answer_due < day_of(timezone.now())


def acts_for(user: User, agency: Organisation) -> bool:
    """Whether the person may speak for this agency about needs."""
    return agency.kind == "agency" and bool(hats_in(user, agency, *DESK))
