"""Writes: organisations, seats, invitations, profiles."""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Mail
from balai.core.rules import require
from balai.people.models import City, Invitation, Membership, Organisation, Role, User
from balai.people.organisations import (
    MANAGERS,
    OPEN_KINDS,
    forget_hats,
    may_end,
    may_grant,
    may_manage,
    may_seat,
)
from balai.people.queries import open_invitations, verified_addresses
from balai.people.rules import hats_in

INVITATION_DAYS = 7
INVITATIONS_OPEN = 100
"""How many unanswered invitations one organisation may have."""
ORGANISATIONS_PER_PERSON = 10
INVITATION_PATH = "/undangan/{token}/"


def register_organisation(
    *, by: User, kind: str, name: str, about: str = "", website: str = "", city: City | None = None
) -> Organisation:
    """Register a company or community and give ``by`` its founder's seat.

    Raises Refused without a confirmed e-mail address, Invalid for another kind, or a name that is
    empty or taken.
    """
    if not verified_addresses(by):
        raise Refused(_("Confirm your e-mail address first; then you can register an organisation."))
    name = " ".join(name.split())
    if kind not in OPEN_KINDS:
        raise Invalid(
            _("Agencies, ministries and oversight bodies are set up by the operator of the hub."),
            {"kind": [_("Choose company or community.")]},
        )
    if not 2 <= len(name) <= 200:
        raise Invalid(_("The name is missing or too long."), {"name": [_("Between 2 and 200 characters.")]})
    if website:
        _check(URLValidator(schemes=["http", "https"]), website, "website", _("This is not a web address."))
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        if by.memberships.filter(role=Role.FOUNDER, ended_at=None).count() >= ORGANISATIONS_PER_PERSON:
            raise Refused(_("You already run as many organisations as one person may register."))
        if Organisation.objects.filter(name__iexact=name, active=True).exists():
            reason = _("An organisation of this name is registered. Ask its administrator for an invitation.")
            raise Invalid(reason, {"name": [reason]})
        try:
            with transaction.atomic():
                organisation = Organisation.objects.create(
                    kind=kind,
                    slug=_free_slug(name),
                    name=name,
                    about=about.strip(),
                    website=website,
                    city=city,
                )
        except IntegrityError:
            raise Stale(_("Somebody registered this name at the same moment. Nothing was saved.")) from None
        Membership.objects.create(user=by, organisation=organisation, role=Role.FOUNDER)
        ledger.append(
            verb="organisation.registered",
            subject=f"organisation:{organisation.pk}",
            by=by,
            role=Role.FOUNDER,
            organisation=organisation.pk,
            city=organisation.city_id or "",
            data={"kind": kind},
        )
    forget_hats(by)
    return organisation


def update_organisation(
    *, by: User, organisation: Organisation, about: str, about_en: str = "", website: str = ""
) -> Organisation:
    """Change what the organisation says of itself. Raises Refused for anyone who does not run it."""
    require(may_manage(by, organisation))
    if website:
        _check(URLValidator(schemes=["http", "https"]), website, "website", _("This is not a web address."))
    organisation.about, organisation.about_en, organisation.website = about.strip(), about_en.strip(), website
    organisation.save(update_fields=["about", "about_en", "website"])
    return organisation


def invite(*, by: User | None, organisation: Organisation, email: str, role: str) -> tuple[Invitation, str]:
    """Offer a seat by mail; returns the invitation and its token, which is stored only hashed.

    ``by`` is None when the hub's operator seats the first administrator. A new invitation to the same
    address and role replaces the one before. Raises Refused, or Invalid for a wrong address.
    """
    require(may_grant(by, organisation, role) if by else may_seat(organisation, role))
    email = email.strip().lower()
    _check(validate_email, email, "email", _("This is not an e-mail address."))
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        if Membership.objects.filter(
            organisation=organisation, role=role, ended_at=None, user__email=email, user__is_active=True
        ).exists():
            reason = _("This person already has that seat.")
            raise Invalid(reason, {"email": [reason]})
        mine = open_invitations().filter(organisation=organisation)
        mine.filter(email=email, role=role).update(revoked_at=now)
        if mine.count() >= INVITATIONS_OPEN:
            raise Refused(_("Too many invitations are unanswered. Take some back first."))
        invitation = Invitation.objects.create(
            organisation=organisation,
            email=email,
            role=role,
            token_sha256=sha256(token.encode()).hexdigest(),
            invited_by=by,
            expires_at=now + timedelta(days=INVITATION_DAYS),
        )
        _mail(invitation, token)
        _note("person.invited", invitation.organisation, by, f"invitation:{invitation.pk}", {"role": role})
    return invitation, token


def accept_invitation(*, by: User, token: str = "", invitation: Invitation | None = None) -> Membership:
    """Take the offered seat, by the token of the mail or from the inbox of the invited address.

    Raises Refused unless the invitation is open and ``by`` confirmed the address it was sent to.
    """
    if invitation is None:
        digest = sha256(token.encode(errors="replace")).hexdigest()
        invitation = Invitation.objects.filter(token_sha256=digest).first()
    if invitation is None:
        raise Refused(_("This invitation is not known. Check that the link is complete."))
    if invitation.email.lower() not in verified_addresses(by):
        raise Refused(
            _(
                "This invitation was sent to another e-mail address. "
                "Sign in with that address, or add and confirm it in your account."
            )
        )
    now = timezone.now()
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=invitation.organisation_id)
        taken = open_invitations().filter(pk=invitation.pk).update(accepted_at=now)
        if not taken:
            invitation.refresh_from_db()
            raise Refused(why_closed(invitation))
        require(may_seat(organisation, invitation.role))
        membership, _created = Membership.objects.get_or_create(
            user=by, organisation=organisation, role=invitation.role, ended_at=None
        )
        _note(
            "person.joined",
            organisation,
            by,
            f"person:{by.pseudonym}",
            {"role": membership.role, "invitation": invitation.pk},
            role=membership.role,
        )
    forget_hats(by)
    return membership


def why_closed(invitation: Invitation) -> str:
    """Why an invitation cannot be accepted (any more); empty while it can."""
    if invitation.accepted_at:
        return _("This invitation was already used.")
    if invitation.revoked_at:
        return _("This invitation was taken back. Ask the organisation for a new one.")
    if invitation.expires_at <= timezone.now():
        return _("This invitation has expired. Ask the organisation for a new one.")
    if not invitation.organisation.active:
        return _("This organisation is no longer active.")
    return ""


def revoke_invitation(*, by: User, invitation: Invitation) -> Invitation:
    """Take an unanswered invitation back. Taking it back twice changes nothing."""
    require(may_manage(by, invitation.organisation))
    with transaction.atomic():
        rows = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        if rows.update(revoked_at=timezone.now()):
            subject = f"invitation:{invitation.pk}"
            _note("invitation.revoked", invitation.organisation, by, subject, {"role": invitation.role})
    invitation.refresh_from_db()
    if invitation.accepted_at:
        raise Refused(_("The invitation was accepted in the meantime. End the seat instead."))
    return invitation


def end_membership(*, by: User, membership: Membership) -> Membership:
    """End a seat. Raises Refused for the last one who runs the organisation."""
    require(may_end(by, membership))
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=membership.organisation_id)
        membership.refresh_from_db(fields=["ended_at"])
        if membership.ended_at:
            return membership
        _keep_a_manager(membership)
        membership.ended_at = timezone.now()
        membership.save(update_fields=["ended_at"])
        own = membership.user_id == by.pk
        _note(
            "person.left" if own else "person.removed",
            membership.organisation,
            by,
            f"person:{membership.user.pseudonym}",
            {"role": membership.role},
            role=membership.role if own else "",
        )
    forget_hats(by, membership.user)
    return membership


def change_role(*, by: User, membership: Membership, role: str) -> Membership:
    """Give a member another role: the old seat ends, a new one begins. Returns the new seat."""
    require(may_grant(by, membership.organisation, role))
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=membership.organisation_id)
        membership.refresh_from_db(fields=["ended_at", "role"])
        if membership.ended_at:
            raise Refused(_("This seat has ended. Invite the person again."))
        if membership.role == role:
            return membership
        if role not in MANAGERS:
            _keep_a_manager(membership)
        membership.ended_at = timezone.now()
        membership.save(update_fields=["ended_at"])
        seat, _created = Membership.objects.get_or_create(
            user=membership.user, organisation=membership.organisation, role=role, ended_at=None
        )
        _note(
            "person.role_changed",
            membership.organisation,
            by,
            f"person:{membership.user.pseudonym}",
            {"from": membership.role, "to": role},
        )
    forget_hats(by, membership.user)
    return seat


def update_profile(*, by: User, name: str, language: str, city: City | None) -> User:
    """Change one's own name, language and city. Raises Invalid for an empty name or unknown language."""
    name = " ".join(name.split())
    if not name or len(name) > 150:
        raise Invalid(_("The name is missing or too long."), {"name": [_("Between 1 and 150 characters.")]})
    if language not in dict(settings.LANGUAGES):
        raise Invalid(
            _("The hub does not speak this language."), {"language": [_("Choose one of the list.")]}
        )
    by.name, by.language, by.city = name, language, city
    by.save(update_fields=["name", "language", "city"])
    return by


def host_city(*, code: str, name: str, kind: str, province: str = "") -> City:
    """Let a city run its collaborations on this hub; a city known by its code becomes hosted.

    For the hub's operator; no page leads here. Raises Invalid for an unknown kind or an empty name.
    """
    if kind not in ("province", "city", "regency") or not name.strip():
        raise Invalid("A city has a name and is a province, a city or a regency.")
    known = City.objects.filter(code=code).first()
    if known is None:
        slug = slugify(name)[:50] or code
        return City.objects.create(
            code=code, slug=slug, name=name.strip(), kind=kind, province=province.strip(), hosted=True
        )
    known.hosted = True
    known.save(update_fields=["hosted"])
    return known


def set_up_body(*, kind: str, slug: str, name: str, city: City | None) -> Organisation:
    """Set up an agency, a ministry or an oversight body; its public page is listed.

    For the hub's operator; no page leads here. Raises Invalid for a kind anyone may register, a slug that
    is taken or ill-formed, or an agency without a city.
    """
    if kind not in ("agency", "ministry", "oversight"):
        raise Invalid("Companies and communities register themselves.")
    if slugify(slug) != slug or not name.strip():
        raise Invalid("A body has a name and a slug of small letters, digits and hyphens.")
    if kind == "agency" and city is None:
        raise Invalid("An agency belongs to a city.")
    with transaction.atomic():
        if Organisation.objects.filter(slug=slug).exists():
            raise Invalid(f"There is an organisation {slug!r} already.")
        organisation = Organisation.objects.create(
            kind=kind, slug=slug, name=name.strip(), city=city, listed=True
        )
        _note(
            "organisation.registered", organisation, None, f"organisation:{organisation.pk}", {"kind": kind}
        )
    return organisation


def assign_offices(*, organisation: Organisation, offices: list[str]) -> Organisation:
    """Let an agency seat these city-wide roles. For the hub's operator; no page leads here."""
    if unknown := set(offices) - {"bureau", "tkksd", "analyst", "signatory"}:
        raise Invalid(f"Unknown office: {', '.join(sorted(unknown))}.")
    organisation.offices = sorted(set(offices))
    organisation.save(update_fields=["offices"])
    return organisation


def _keep_a_manager(membership: Membership) -> None:
    """Call with the organisation locked."""
    if membership.role not in MANAGERS:
        return
    others = Membership.objects.filter(
        organisation=membership.organisation_id, role__in=MANAGERS, ended_at=None, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise Refused(
            _("This is the last seat that runs the organisation. Make somebody else administrator first.")
        )


def _note(
    verb: str,
    organisation: Organisation,
    by: User | None,
    subject: str,
    data: dict[str, object],
    role: str = "",
) -> None:
    hats = hats_in(by, organisation, *MANAGERS) if by and not role else []
    ledger.append(
        verb=verb,
        subject=subject,
        thread=f"organisation:{organisation.pk}",
        by=by,
        role=role or (hats[0].role if hats else ""),
        organisation=organisation.pk,
        city=organisation.city_id or "",
        data=data,
    )


def _check(validator: object, value: str, field: str, reason: str) -> None:
    try:
        validator(value)  # type: ignore[operator]
    except ValidationError as fault:
        raise Invalid(reason, {field: [reason]}) from fault


def _free_slug(name: str) -> str:
    base = slugify(name)[:70].strip("-") or "organisasi"
    if not Organisation.objects.filter(slug=base).exists():
        return base
    return f"{base}-{secrets.token_hex(3)}"


def _mail(invitation: Invitation, token: str) -> None:
    known = User.objects.filter(email=invitation.email, is_active=True).first()
    language = known.language if known else settings.LANGUAGE_CODE
    with translation.override(language):
        prefix = "" if language == settings.LANGUAGE_CODE else f"/{language}"
        names = {
            "organisation": invitation.organisation.name,
            "role": invitation.get_role_display(),
            "link": f"{settings.ORIGIN}{prefix}{INVITATION_PATH.format(token=token)}",
            "days": INVITATION_DAYS,
        }
        subject = _("An invitation to %(organisation)s on Balai") % names
        body = (
            _(
                "%(organisation)s offers you a seat on Balai as %(role)s.\n\n"
                "Open this link within %(days)s days, sign in or sign up with this e-mail address, "
                "and accept:\n%(link)s\n\n"
                "If you do not know %(organisation)s, do nothing: without you the invitation has no effect."
            )
            % names
        )
    Mail.objects.create(
        user=known, to=invitation.email, subject=subject[:200], body=body, due_at=timezone.now()
    )
