"""Who keeps an organisation's webhooks."""

from django.utils.translation import gettext as _

from balai.core.rules import YES, Verdict, no
from balai.observations.rules import KEEPERS
from balai.people.models import Organisation, OrganisationKind
from balai.people.organisations import MANAGERS
from balai.people.rules import Reader, hats_in

KINDS = (OrganisationKind.COMPANY, OrganisationKind.COMMUNITY, OrganisationKind.AGENCY)


def roles_of(organisation: Organisation) -> tuple[str, ...]:
    """The roles that keep webhooks: who runs the organisation; in an agency also who keeps data contracts."""
    return (*MANAGERS, *KEEPERS) if organisation.kind == OrganisationKind.AGENCY else MANAGERS


def may_keep(user: Reader, organisation: Organisation) -> Verdict:
    """Partners' and agencies' own people: an address may hold a secret, so nobody else sees it."""
    if organisation.kind in KINDS and hats_in(user, organisation, *roles_of(organisation)):
        return YES
    return no(_("Only those who run this organisation keep its webhooks."))
