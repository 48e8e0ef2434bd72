"""Who may offer a solution or ask to copy it, who runs the movement, and who may judge a city."""

from django.db.models import Count
from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for
from balai.core.rules import YES, Verdict, no
from balai.indicators.rules import cities_kept, is_ministry
from balai.people.models import City, Organisation, OrganisationKind, User
from balai.people.rules import CITY_STAFF, Reader, cities_audited, hats_in, is_person
from balai.programme.models import Assessor, Evaluation, Offer
from balai.programme.models.assessment import COMPONENTS


def may_offer(user: Reader, collaboration: Collaboration) -> Verdict:
    if not (hat_for(user, collaboration, "bureau") or hat_for(user, collaboration, "agency")):
        return no(_("Only the city that ran it offers it to others."))
    if collaboration.outcome not in ("adopted", "offered"):
        return no(_("Only a solution the city adopted can be offered."))
    return YES


def may_ask_to_copy(user: Reader, offer: Offer, organisation: Organisation) -> Verdict:
    if not hats_in(user, organisation, *CITY_STAFF):
        return no(_("Only an agency's staff ask in its name."))
    if organisation.city_id is None or organisation.city_id == offer.collaboration.city_id:
        return no(_("An offer is meant for other cities."))
    return YES


ASSESSORS_NEEDED = 2
"""So many judge independently before an evaluation is closed."""


def may_run_programme(user: Reader) -> Verdict:
    """Name members, open and close evaluations, appoint assessors."""
    if not is_ministry(user):
        return no(_("Only the ministry runs the movement."))
    return YES


def conflict_of(user: User, city: City) -> str:
    """What the hub itself knows that keeps a person from judging a city; empty if nothing."""
    if user.city_id == city.pk:
        return _("lives in the city")
    for hat in user.hats:
        if hat.organisation.city_id == city.pk:
            return _("works for %(organisation)s") % {"organisation": hat.organisation}
    firms = [hat.organisation_id for hat in user.hats if hat.organisation.kind == OrganisationKind.COMPANY]
    if firms and Collaboration.objects.filter(partner__in=firms, city=city).exists():
        return _("works for a partner of the city")
    return ""


def may_appoint(user: Reader, evaluation: Evaluation, whom: User) -> Verdict:
    if not is_ministry(user):
        return no(_("Only the ministry runs the movement."))
    if evaluation.closed_at:
        return no(_("The evaluation is closed."))
    if found := conflict_of(whom, evaluation.city):
        return no(_("This person may not judge this city: %(why)s.") % {"why": found})
    return YES


def may_score(user: Reader, assessor: Assessor) -> Verdict:
    """Whether the person may judge as this assessor; asked anew each time, since seats change."""
    if not is_person(user) or assessor.user_id != user.pk:
        return no(_("Only the appointed assessor scores."))
    if assessor.conflict_at:
        return no(_("You declared a conflict, so you judge this city no more."))
    if assessor.evaluation.closed_at:
        return no(_("The evaluation is closed."))
    if found := conflict_of(user, assessor.evaluation.city):
        return no(_("You may not judge this city: you are somebody who %(why)s.") % {"why": found})
    return YES


def side_of(user: User, city: City) -> str:
    """``city`` for those who keep its figures, else ``assessor``."""
    return "city" if city.pk in cities_kept(user) else "assessor"


def may_judge_readiness(user: Reader, city: City, year: int) -> Verdict:
    if not is_person(user):
        return no(_("Sign in first."))
    if city.pk in cities_kept(user):
        return YES
    seats = Assessor.objects.filter(
        user=user, evaluation__city=city, evaluation__year=year, evaluation__closed_at=None, conflict_at=None
    )
    if seats.exists() and not conflict_of(user, city):
        return YES
    return no(_("Only the city's analysts and its assessors of the year judge its readiness."))


def may_survey(user: Reader, evaluation: Evaluation) -> Verdict:
    """Those who run the movement or keep the city's figures bring in what citizens answered."""
    if evaluation.closed_at:
        return no(_("The evaluation is closed."))
    if is_ministry(user) or evaluation.city_id in cities_kept(user):
        return YES
    return no(_("Only the ministry and the city's analysts bring in a survey."))


def may_close_evaluation(user: Reader, evaluation: Evaluation) -> Verdict:
    if not is_ministry(user):
        return no(_("Only the ministry runs the movement."))
    if evaluation.closed_at:
        return no(_("The evaluation is closed."))
    judged = (
        evaluation.assessors.filter(conflict_at=None).annotate(n=Count("scores")).values_list("n", flat=True)
    )
    complete = sum(n == len(COMPONENTS) for n in judged)
    if complete < ASSESSORS_NEEDED or complete < len(judged):
        return no(
            _("%(n)s of %(m)s assessors have scored everything; at least two are needed.")
            % {"n": complete, "m": len(judged)}
        )
    return YES


def may_see_evaluation(user: Reader, evaluation: Evaluation) -> Verdict:
    """A closed one is public; an open one is seen by those who work on it and by auditors of the city."""
    if evaluation.closed_at or is_ministry(user):
        return YES
    if is_person(user) and (
        evaluation.city_id in cities_kept(user) | cities_audited(user)
        or evaluation.assessors.filter(user=user).exists()
    ):
        return YES
    return no(_("The evaluation becomes public when it is closed."))
