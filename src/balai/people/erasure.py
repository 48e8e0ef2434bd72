"""Erasing a person: everything that names them goes, what they did stays under a pseudonym."""

import datetime as dt

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balai.core import ledger
from balai.core.models import Follow, Mail, Notification, Preference
from balai.core.rules import YES, Verdict, no, require
from balai.people.models import Invitation, User
from balai.people.rules import Reader, is_person

SHORTEST_NAME = 4
"""A shorter name is not looked for in the outbox: it would be found in common words."""


def may_erase(by: Reader, user: User) -> Verdict:
    """Oneself, or somebody at their request by the operator of the hub; once."""
    if user.erased_at:
        return no(_("This person's identity was erased already."))
    if not is_person(by):
        return no(_("Sign in to erase your identity."))
    if by.pk != user.pk and not by.is_superuser:
        return no(_("Only the person or the operator of the hub can erase an identity."))
    return YES


def erase_person(*, user: User, by: User) -> User:
    """Forget who ``user`` is, for good. Their seats and keys end, their texts stay without an author.

    The ledger and the institutions' records name a pseudonym, so they stay whole and lead nowhere.
    """
    require(may_erase(by, user))
    now = timezone.now()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        require(may_erase(by, user))
        names = _names_of(user)
        seats = user.memberships.filter(ended_at=None).update(ended_at=now)
        keys = user.api_keys.filter(revoked_at=None).update(revoked_at=now)
        user.api_keys.update(name="")
        _forget_sessions(user)
        for model in (Follow, Notification, Preference, Mail, EmailAddress, SocialAccount, Authenticator):
            model._base_manager.filter(user=user).delete()
        _forget_letters(names, now)
        _unlink(user)
        user.groups.clear()
        user.user_permissions.clear()
        User.objects.filter(pk=user.pk).update(
            email=None,
            name="",
            password=make_password(None),
            city=None,
            is_active=False,
            is_staff=False,
            is_superuser=False,
            is_demo=False,
            last_login=None,
            erased_at=now,
        )
        ledger.append(
            verb="person.erased",
            subject=f"person:{user.pseudonym}",
            by=by,
            data={"seats": seats, "keys": keys},
        )
    user.refresh_from_db()
    user.__dict__.pop("hats", None)
    return user


def _names_of(user: User) -> list[str]:
    """Texts that name the person: their addresses and their name."""
    addresses = {user.email or "", *EmailAddress.objects.filter(user=user).values_list("email", flat=True)}
    name = user.name if len(user.name) >= SHORTEST_NAME else ""
    return sorted({address.lower() for address in addresses if address}) + ([name] if name else [])


def _forget_sessions(user: User) -> None:
    """End every session, also one that allauth does not list."""
    own = set(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            own.add(session.pk)
    Session.objects.filter(pk__in=own).delete()
    UserSession.objects.filter(user=user).delete()


def _forget_letters(names: list[str], now: dt.datetime) -> None:
    """Mails that went to the person or name them go; invitations forget the address and end."""
    nothing = Q(pk__in=[])
    addressed, named, invited = nothing, nothing, nothing
    for text in names:
        named |= Q(subject__icontains=text) | Q(body__icontains=text)
        if "@" in text:
            addressed |= Q(to__iexact=text)
            invited |= Q(email__iexact=text)
    Mail.objects.filter(addressed | named).delete()
    Invitation.objects.filter(invited, accepted_at=None, revoked_at=None).update(revoked_at=now)
    Invitation.objects.filter(invited).update(email="")


def _unlink(user: User) -> None:
    """Take the person off every record that can stand without them, in whatever room it lies."""
    for relation in User._meta.related_objects:
        field = relation.field
        if isinstance(field, models.ForeignKey) and relation.on_delete is models.SET_NULL:
            field.model._base_manager.filter(**{field.name: user}).update(**{field.name: None})
