"""Small makers of people, cities and organisations. Each returns a saved record; extras override."""

from itertools import count
from typing import Any

from django.test import Client

from balai.people.models import Area, City, Membership, Organisation, OrganisationKind, Role, User

_numbers = count(1)

PASSWORD = "kata-sandi-uji"


def make_city(code: str = "31", **extra: Any) -> City:
    """The city with this code (Jakarta by default), hosted here; made once."""
    known = {"31": ("jakarta", "Jakarta"), "3273": ("bandung", "Bandung"), "3578": ("surabaya", "Surabaya")}
    slug, name = known.get(code, (f"kota-{code}", f"Kota {code}"))
    values = {"slug": slug, "name": name, "kind": "city", "hosted": True}
    values |= {"latitude": -6.2, "longitude": 106.8} | extra
    return City.objects.get_or_create(code=code, defaults=values)[0]


def make_area(city: City | None = None, **extra: Any) -> Area:
    """A district of the city."""
    number = next(_numbers)
    city = city or make_city()
    values = {"code": f"{city.code}{number:05d}", "name": f"Kecamatan {number}", "kind": "kecamatan"}
    values |= {"latitude": -6.2, "longitude": 106.8} | extra
    return Area.objects.create(city=city, **values)


def make_user(email: str = "", name: str = "", **extra: Any) -> User:
    """A person without any seat: a citizen. Sign in with `PASSWORD` where a form asks for it."""
    number = next(_numbers)
    password = extra.pop("password", PASSWORD)
    return User.objects.create_user(
        email or f"warga{number}@contoh.id", password, name=name or f"Warga {number}", **extra
    )


def make_organisation(kind: str, **extra: Any) -> Organisation:
    number = next(_numbers)
    values = {"slug": f"{kind}-{number}", "name": f"{kind} {number}".title(), "listed": True} | extra
    return Organisation.objects.create(kind=kind, **values)


def make_agency(city: City | None = None, **extra: Any) -> Organisation:
    """An agency (OPD) of the city."""
    return make_organisation(OrganisationKind.AGENCY, city=city or make_city(), **extra)


def make_company(**extra: Any) -> Organisation:
    """A startup, of no city."""
    return make_organisation(OrganisationKind.COMPANY, **extra)


def make_ministry(**extra: Any) -> Organisation:
    return make_organisation(OrganisationKind.MINISTRY, **extra)


def make_oversight(city: City | None = None, **extra: Any) -> Organisation:
    """An oversight body; without a city it audits every city."""
    return make_organisation(OrganisationKind.OVERSIGHT, city=city, **extra)


def make_community(**extra: Any) -> Organisation:
    return make_organisation(OrganisationKind.COMMUNITY, **extra)


def seat(user: User, organisation: Organisation, role: str) -> User:
    """Give the person this role in the organisation; returns the person with fresh `hats`."""
    Membership.objects.create(user=user, organisation=organisation, role=role)
    user.__dict__.pop("hats", None)
    return user


def make_founder(company: Organisation | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), company or make_company(), Role.FOUNDER)


def make_officer(agency: Organisation | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), agency or make_agency(), Role.OFFICER)


def make_bureau(city: City | None = None, **extra: Any) -> User:
    """Somebody of the city's cooperation bureau."""
    return seat(make_user(**extra), make_agency(city, name="Biro Kerja Sama"), Role.BUREAU)


def make_tkksd(city: City | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), make_agency(city), Role.TKKSD)


def make_analyst(city: City | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), make_agency(city), Role.ANALYST)


def make_signatory(organisation: Organisation | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), organisation or make_agency(), Role.SIGNATORY)


def make_auditor(city: City | None = None, **extra: Any) -> User:
    return seat(make_user(**extra), make_oversight(city), Role.AUDITOR)


def make_superuser(**extra: Any) -> User:
    return make_user(is_staff=True, is_superuser=True, **extra)


def client_of(user: User | None = None, *, htmx: bool = False, language: str = "") -> Client:
    """A browser signed in as the person; ``None`` is a stranger. ``htmx`` sends its header."""
    headers = ({"HX-Request": "true"} if htmx else {}) | ({"Accept-Language": language} if language else {})
    client = Client(headers=headers)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
