"""Who may draft, propose, approve, sign, decline and read. Each refusal says why."""

from django.utils.translation import gettext as _

from balai.agreements.models import Agreement, AgreementState, AgreementVersion, Party
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for, is_partner
from balai.core.rules import YES, Verdict, no
from balai.people.models import City, Membership, OrganisationKind, Role
from balai.people.rules import Reader, hats_in, hats_in_city, is_person

CITY_ROLES = ("bureau", "agency", "city_signatory")
OPEN = (AgreementState.DRAFTING, AgreementState.SIGNING)


def parties_of(agreement: Agreement) -> list[Party]:
    """The parties with their organisations, in their order; no query when prefetched."""
    return list(agreement.parties.all())


def side_of(user: Reader, agreement: Agreement) -> tuple[Party, Membership] | None:
    """For which party the person speaks, and in which hat; never for two."""
    if not is_person(user):
        return None
    collaboration = agreement.collaboration
    for party in parties_of(agreement):
        hat = None
        if collaboration is None:
            hat = next(iter(hats_in(user, party.organisation)), None)
        elif party.organisation_id == collaboration.partner_id:
            hat = hat_for(user, collaboration, "applicant")
        elif not is_partner(user, collaboration):
            hat = next(filter(None, (hat_for(user, collaboration, role) for role in CITY_ROLES)), None)
        if hat:
            return party, hat
    return None


def signing_hat(user: Reader, agreement: Agreement, party: Party) -> Membership | None:
    """The hat in which the person signs for ``party``, if any."""
    collaboration = agreement.collaboration
    if collaboration is None:
        roles = (
            (Role.SIGNATORY, Role.FOUNDER)
            if party.organisation.kind == OrganisationKind.COMPANY
            else (Role.SIGNATORY,)
        )
        return next(iter(hats_in(user, party.organisation, *roles)), None)
    partner = party.organisation_id == collaboration.partner_id
    return hat_for(user, collaboration, "partner_signatory" if partner else "city_signatory")


def may_draft(user: Reader, collaboration: Collaboration) -> Verdict:
    """The bureau or the agency drafts, while the collaboration negotiates its agreement."""
    if not any(hat_for(user, collaboration, role) for role in ("bureau", "agency")):
        return no(_("Only the cooperation bureau or the agency drafts the agreement."))
    if collaboration.stage != "drafting":
        return no(_("An agreement is drafted once the application is accepted and before signing."))
    if collaboration.agency_id is None:
        return no(_("No agency is named. It is a party, so the bureau names it first."))
    return YES


def may_propose(user: Reader, agreement: Agreement) -> Verdict:
    """Either party proposes changes while the text is negotiated."""
    if side_of(user, agreement) is None:
        return no(_("Only the parties change the text."))
    if agreement.phase != AgreementState.DRAFTING:
        return no(
            _(
                "The text is fixed: it is %(state)s. The cooperation bureau can reopen the negotiation"
                " as long as nobody has signed."
            )
            % {"state": agreement.phase_label}
        )
    return YES


def may_approve(user: Reader, agreement: Agreement, version: AgreementVersion) -> Verdict:
    """A party approves exactly the latest text, with no blank left."""
    side = side_of(user, agreement)
    if side is None:
        return no(_("Only the parties approve the text."))
    if agreement.phase not in OPEN:
        return no(
            _("Nothing is left to approve: the agreement is %(state)s.") % {"state": agreement.phase_label}
        )
    if missing := version.reading.missing():
        from balai.agreements.queries import label_of_blank

        names = ", ".join(label_of_blank(name) for name in missing)
        return no(_("The text still has blanks: %(names)s. Either party can fill them.") % {"names": names})
    if any(approval.party_id == side[0].pk for approval in version.approvals.all()):
        return no(_("Your side has approved this text already."))
    return YES


def may_sign(user: Reader, agreement: Agreement, party: Party | None = None) -> Verdict:
    """A signatory with a mandate signs, once both sides approved and signing is open."""
    if not is_person(user):
        return no(_("Sign in to take part."))
    if agreement.phase != AgreementState.SIGNING:
        return no(
            _("Signing is not open: the agreement is %(state)s. The cooperation bureau opens it.")
            % {"state": agreement.phase_label}
        )
    party = party or party_to_sign(user, agreement)
    if party is None or signing_hat(user, agreement, party) is None:
        return no(_("Only a party's signatory signs. An administrator of the organisation gives that role."))
    return may_be_signed(party)


def may_be_signed(party: Party) -> Verdict:
    """A party signs once, and by mandate."""
    if hasattr(party, "signature"):
        return no(_("%(party)s has signed already.") % {"party": party.organisation.name})
    if not (party.mandate and party.signatory_name and party.signatory_title):
        return no(
            _(
                "No mandate, no signature: the signatory's name, office and mandate (Surat Kuasa or deed) of"
                " %(party)s are missing. Permendagri 22/2020 asks for them. %(party)s enters them while the"
                " text is negotiated."
            )
            % {"party": party.organisation.name}
        )
    return YES


def party_to_sign(user: Reader, agreement: Agreement) -> Party | None:
    """The party the person can sign for."""
    return next((p for p in parties_of(agreement) if signing_hat(user, agreement, p)), None)


def party_to_bring(user: Reader, agreement: Agreement) -> tuple[Party, Membership] | None:
    """The party for which the person may bring a certified signature: its signatory or anyone of its side."""
    for party in parties_of(agreement):
        if hat := signing_hat(user, agreement, party):
            return party, hat
    return side_of(user, agreement)


def may_bring(user: Reader, agreement: Agreement) -> Verdict:
    """A party's own people bring the file its signatory signed elsewhere, while signing is open."""
    side = party_to_bring(user, agreement)
    if side is None:
        return no(_("Only the parties bring a signed file."))
    if agreement.phase != AgreementState.SIGNING:
        return no(
            _("Signing is not open: the agreement is %(state)s. The cooperation bureau opens it.")
            % {"state": agreement.phase_label}
        )
    return may_be_signed(side[0])


def keeps_trust_of(user: Reader) -> Membership | None:
    """The hat in which the person keeps a city's trust list: a seat in its cooperation bureau."""
    if not is_person(user):
        return None
    return next((h for h in user.hats if h.role == Role.BUREAU and h.organisation.city_id), None)


def may_keep_trust(user: Reader, city: City) -> Verdict:
    """The cooperation bureau keeps the list of authorities its city trusts."""
    if not hats_in_city(user, city, Role.BUREAU):
        return no(_("Only the city's cooperation bureau keeps its trust list."))
    return YES


def may_decline(user: Reader, agreement: Agreement) -> Verdict:
    """Either party may walk away until everybody has signed."""
    if side_of(user, agreement) is None and party_to_sign(user, agreement) is None:
        return no(_("Only the parties can decline."))
    if agreement.phase not in OPEN:
        return no(
            _("It is too late to decline: the agreement is %(state)s.") % {"state": agreement.phase_label}
        )
    return YES


def may_open(user: Reader, agreement: Agreement) -> Verdict:
    """The city's side opens the signing of an MoU; for a collaboration the scheme says who."""
    side = side_of(user, agreement)
    if side is None or side[0].organisation.kind != OrganisationKind.AGENCY:
        return no(_("Only the city's side opens the signing."))
    if agreement.phase != AgreementState.DRAFTING:
        return no(_("The agreement is %(state)s.") % {"state": agreement.phase_label})
    return YES


def may_publish(user: Reader, agreement: Agreement) -> Verdict:
    """The city's side decides whether anyone may read the sealed text."""
    side = side_of(user, agreement)
    if side is None or side[0].organisation.kind != OrganisationKind.AGENCY:
        return no(_("Only the city's side decides who may read the text."))
    if agreement.state != AgreementState.SEALED:
        return no(_("Only a sealed text can be made public."))
    return YES
