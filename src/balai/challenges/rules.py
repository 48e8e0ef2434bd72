"""Who may do what with a challenge, and what it lacks before it can open."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from balai.challenges.models import SCHEMES, BudgetRoute, Challenge, ChallengeState
from balai.core.errors import Text
from balai.core.rules import YES, Verdict, no
from balai.people.models import Membership, Organisation, Role
from balai.people.rules import Reader, hats_in, hats_in_city, is_person

WRITERS = (Role.OFFICER, Role.BUREAU, Role.ANALYST)
COORDINATION = (Role.BUREAU, Role.ANALYST)

STEPS: dict[str, frozenset[str]] = {
    ChallengeState.DRAFT: frozenset({ChallengeState.OPEN}),
    ChallengeState.OPEN: frozenset({ChallengeState.CLOSED}),
    ChallengeState.CLOSED: frozenset({ChallengeState.ENDED}),
    ChallengeState.ENDED: frozenset(),
}
"""Where a challenge can go from each state; it never becomes a draft again."""


def hat_for(user: Reader, agency: Organisation, city: str | None = None) -> Membership | None:
    """The seat from which the person writes for this problem owner: its own, or the city's coordination."""
    hats = hats_in(user, agency, *WRITERS)
    code = city or agency.city_id
    if not hats and code:
        hats = [h for h in hats_in_city(user, code, *COORDINATION) if h.organisation.kind == "agency"]
    return hats[0] if hats else None


def may_write_for(user: Reader, agency: Organisation) -> Verdict:
    """Officers of the agency; the cooperation bureau and the analysts of its city for every agency."""
    if not is_person(user):
        return no(_("Sign in as an officer to pose a challenge."))
    if agency.kind != "agency" or not agency.city_id:
        return no(_("Only an agency of a city can pose a challenge."))
    if hat_for(user, agency):
        return YES
    return no(
        _("Only officers of %(agency)s, the cooperation bureau or an analyst can do this.")
        % {"agency": agency.name}
    )


def may_edit(user: Reader, challenge: Challenge) -> Verdict:
    verdict = may_write_for(user, challenge.agency)
    if not verdict or challenge.state == ChallengeState.DRAFT:
        return verdict
    return no(
        _("This challenge is public. Its text stays as partners have read it; answer questions instead.")
    )


def may_open(user: Reader, challenge: Challenge) -> Verdict:
    verdict = may_write_for(user, challenge.agency)
    if not verdict:
        return verdict
    if challenge.state != ChallengeState.DRAFT:
        return no(_("This challenge was opened already."))
    missing = [str(check.text) for check in readiness(challenge) if not check.ok]
    if missing:
        return no(_("The challenge cannot open yet. Missing: %(list)s") % {"list": " ".join(missing)})
    return YES


def may_close(user: Reader, challenge: Challenge) -> Verdict:
    verdict = may_write_for(user, challenge.agency)
    if verdict and challenge.state != ChallengeState.OPEN:
        return no(_("Only an open challenge can be closed."))
    return verdict


def may_end(user: Reader, challenge: Challenge) -> Verdict:
    verdict = may_write_for(user, challenge.agency)
    if verdict and challenge.state != ChallengeState.CLOSED:
        return no(_("Only a challenge that is closed to new applications can be ended."))
    return verdict


def may_ask(user: Reader, challenge: Challenge) -> Verdict:
    if not is_person(user):
        return no(_("Sign in to ask a question."))
    if challenge.state != ChallengeState.OPEN:
        return no(_("This challenge does not take questions now."))
    until = challenge.questions_until
    if until and until < timezone.localdate():
        return no(_("Questions could be asked until %(date)s.") % {"date": _date(until)})
    if hat_for(user, challenge.agency):
        return no(_("You answer the questions on this challenge, so you cannot ask one."))
    return YES


def may_answer(user: Reader, challenge: Challenge) -> Verdict:
    verdict = may_write_for(user, challenge.agency)
    if verdict and challenge.state == ChallengeState.ENDED:
        return no(_("This challenge has ended."))
    return verdict


def may_apply(user: Reader, challenge: Challenge, organisations: list[Organisation] | None = None) -> Verdict:
    """Whether the door is open; who may apply for which partner is asked where the application begins."""
    if challenge.state != ChallengeState.OPEN:
        return no(_("This challenge does not take new applications now."))
    if challenge.closes_on and challenge.closes_on < timezone.localdate():
        return no(_("Applications could be sent until %(date)s.") % {"date": _date(challenge.closes_on)})
    if not is_person(user):
        return no(_("Sign in for a company or community to apply."))
    own = [hat for hat in user.hats if hat.organisation.kind in ("company", "community")]
    if not own and not organisations:
        return no(
            _("Companies and communities apply. Register yours, or ask its administrator to invite you.")
        )
    return YES


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a challenge needs before it can open. ``text`` says what to do while it is missing."""

    key: str
    ok: bool
    label: Text
    text: Text


def readiness(challenge: Challenge) -> list[Check]:
    """What must stand in the brief before partners can be asked to spend time on it; no query."""
    today = timezone.localdate()
    dates = bool(
        challenge.closes_on
        and challenge.questions_until
        and today < challenge.questions_until <= challenge.closes_on
    )
    budget = challenge.budget_route in BudgetRoute.values and (
        challenge.budget_route in (BudgetRoute.NONE, BudgetRoute.PARTNER)
        or bool(challenge.budget_note.strip())
    )
    schemes = bool(challenge.schemes) and set(challenge.schemes) <= set(SCHEMES)
    said = {
        "owner": (
            challenge.agency.active,
            _("Problem owner"),
            _("Name an active agency that owns the problem."),
        ),
        "brief": (
            len(challenge.brief.strip()) >= 80,
            _("Brief"),
            _("Describe in at least 80 characters what is wanted and what success looks like."),
        ),
        "dimension": (bool(challenge.dimension), _("Dimension"), _("Choose one of the six dimensions.")),
        "indicator": (
            challenge.indicator_id is not None,
            _("Indicator"),
            _("Choose the indicator that should change."),
        ),
        "baseline": (
            challenge.baseline is not None
            and bool(challenge.baseline_period.strip())
            and bool(challenge.baseline_source.strip()),
            _("Baseline with period and source"),
            _("Give today's value, its period and where it comes from."),
        ),
        "data": (
            bool(challenge.data_access.strip()),
            _("Data access"),
            _("Say which data the city gives, and how; or that it gives none."),
        ),
        "budget": (
            budget,
            _("Budget route"),
            _("Say who pays; for the regional budget or another source, from which line."),
        ),
        "adoption": (
            bool(challenge.adoption_route.strip()),
            _("Adoption route"),
            _("Say what happens if it works."),
        ),
        "contact": (bool(challenge.contact.strip()), _("Contact"), _("Name the unit that answers.")),
        "dates": (
            dates,
            _("Dates"),
            _("Set the last day for questions and the closing day, both after today and in this order."),
        ),
        "schemes": (schemes, _("Schemes"), _("Choose which schemes may answer.")),
    }
    return [Check(key, ok, label, text) for key, (ok, label, text) in said.items()]


def _date(day: object) -> str:
    return date_format(day, "j F Y")  # type: ignore[arg-type]
