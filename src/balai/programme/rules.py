"""Who may offer a solution, and who may ask to copy it."""

from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for
from balai.core.rules import YES, Verdict, no
from balai.people.models import Organisation
from balai.people.rules import CITY_STAFF, Reader, hats_in
from balai.programme.models import Offer


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
