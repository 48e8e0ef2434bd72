"""The people of the demonstration: one account for each role, and a crowd of citizens."""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from balai.demo import facts
from balai.people.models import Membership, Organisation, User

CROWD = 24
HOME = "31"


def address_of(key: str) -> str:
    """The mail address of a demonstration account. ``.example`` never reaches anybody."""
    return f"{key}@balai.example"


def load_people() -> None:
    """Make the demonstration accounts with their seats, once."""
    organisations = Organisation.objects.in_bulk(field_name="slug")
    for row in facts.table("people")["person"]:
        email = address_of(row["key"])
        if User.objects.filter(email=email).exists():
            continue
        user = User.objects.create_user(email, None, name=row["name"], city_id=HOME, is_demo=True)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        Membership.objects.bulk_create(
            Membership(user=user, organisation=organisations[slug], role=role) for slug, role in row["seats"]
        )
    User.objects.bulk_create(
        [
            User(
                email=address_of(f"warga{number}"),
                name=f"Warga {number} (demo)",
                password=make_password(None),
                city_id=HOME,
            )
            for number in range(1, CROWD + 1)
        ],
        ignore_conflicts=True,
    )


def accounts() -> Iterator[tuple[str, str, str]]:
    """Name, what the person does, and mail address of each demonstration account."""
    for row in facts.table("people")["person"]:
        yield row["name"], row["does"], address_of(row["key"])
