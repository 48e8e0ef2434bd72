"""A city offers what it proved; another asks to copy it."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.core import ledger
from balai.core.errors import Stale
from balai.core.rules import require
from balai.people.models import Organisation, User
from balai.programme.models import Interest, Offer
from balai.programme.rules import may_ask_to_copy, may_offer


def offer_solution(*, collaboration: Collaboration, by: User, what: str, conditions: str = "") -> Offer:
    """Offer an adopted solution to other cities, once."""
    require(may_offer(by, collaboration))
    try:
        with transaction.atomic():
            offer = Offer.objects.create(
                collaboration=collaboration, what=what, conditions=conditions, opened_at=timezone.now()
            )
            ledger.append(
                verb="programme.offered",
                subject=collaboration.thread,
                by=by,
                role="bureau",
                city=collaboration.city_id,
                public=True,
                data={"offer": str(offer.pk)},
            )
    except IntegrityError:
        raise Stale(_("This solution is offered already.")) from None
    return offer


def ask_to_copy(*, offer: Offer, by: User, organisation: Organisation, message: str) -> Interest:
    """Tell the offering city that another city wants to copy the solution, once a city."""
    require(may_ask_to_copy(by, offer, organisation))
    assert organisation.city is not None
    try:
        with transaction.atomic():
            interest = Interest.objects.create(
                offer=offer,
                city=organisation.city,
                organisation=organisation,
                message=message,
                by=by.pseudonym,
            )
            ledger.append(
                verb="programme.interest",
                subject=offer.collaboration.thread,
                by=by,
                role="officer",
                organisation=organisation.pk,
                city=offer.collaboration.city_id,
                public=True,
                data={"city": organisation.city_id},
            )
    except IntegrityError:
        raise Stale(_("Your city has asked for this already.")) from None
    return interest
