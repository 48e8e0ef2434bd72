from allauth.account.adapter import DefaultAccountAdapter

from balai.people.models import User


def display_name(user: User) -> str:
    """What mails to the person themselves call them."""
    return user.name or user.email or str(user)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up and sign-in as the hub wants them."""
