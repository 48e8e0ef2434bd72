"""Sign-in through the city's OpenID Connect provider."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest

from balai.people.models import User


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Links a sign-in to an account only where both sides have confirmed the same address."""

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """The account whose confirmed address the provider vouches for, if there is one.

        An address somebody merely typed here, or one the provider did not verify, links nothing: whoever
        signed up first with a stranger's address would otherwise share the stranger's account.
        """
        for address in sociallogin.email_addresses:
            # Some providers send the claim as text; anything but a clear yes is a no.
            address.verified = address.verified is True or address.verified == "true"
        for address in sociallogin.email_addresses:
            if not address.verified:
                continue
            known = (
                EmailAddress.objects.filter(email__iexact=address.email, verified=True, user__is_active=True)
                .select_related("user")
                .first()
            )
            if known:
                return known.user, known.email
        return None

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Take the name the provider gives; the person can change it."""
        user: User = super().populate_user(request, sociallogin, data)
        parts = [data.get("name") or "", f"{data.get('first_name') or ''} {data.get('last_name') or ''}"]
        user.name = next((text for part in parts if (text := " ".join(str(part).split()))), "")[:150]
        user.email = user.email.lower() if user.email else None
        return user
