"""Faults of configuration, told before the hub serves anybody. Run by ``balai check --deploy``."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.http.request import validate_host


@register(Tags.database, deploy=True)
def sqlite_is_sound(**_kwargs: Any) -> list[CheckMessage]:
    """An affected SQLite may corrupt a database that several processes use."""
    if "sqlite" not in settings.DATABASES["default"]["ENGINE"] or "affected" not in settings.SQLITE_IN_USE:
        return []
    hint = "Install the package pysqlite3, or a Python linked with SQLite 3.51.3 or later."
    return [Error(f"{settings.SQLITE_IN_USE}.", hint=hint, id="balai.E001")]


@register(Tags.security, deploy=True)
def addresses_agree(**_kwargs: Any) -> list[CheckMessage]:
    """Mails and QR codes carry BALAI_ORIGIN, so the hub must answer there."""
    origin = urlsplit(settings.ORIGIN)
    found: list[CheckMessage] = []
    if not validate_host((origin.hostname or "").lower(), settings.ALLOWED_HOSTS):
        hint = f"Add {origin.hostname} to BALAI_HOSTS."
        found.append(Error("BALAI_ORIGIN is not among BALAI_HOSTS.", hint=hint, id="balai.E002"))
    if (origin.scheme == "https") != settings.SECURE:
        hint = "Set BALAI_SECURE=true with an https:// BALAI_ORIGIN, or neither."
        found.append(Caution("BALAI_SECURE and BALAI_ORIGIN disagree.", hint=hint, id="balai.W001"))
    return found


@register(Tags.security, deploy=True)
def is_fit_for_the_public(**_kwargs: Any) -> list[CheckMessage]:
    """Demonstration accounts, mails into a folder and a demonstration seal are for trying out."""
    found: list[CheckMessage] = []
    if settings.DEMO and settings.SECURE:
        hint = "Anybody can sign in as anybody: unset BALAI_DEMO."
        found.append(Caution("Demonstration mode is on.", hint=hint, id="balai.W002"))
    if not settings.DEMO and "filebased" in settings.MAILERS["default"]["BACKEND"]:
        found.append(Caution("Mails only go to a folder.", hint="Set BALAI_MAIL_URL.", id="balai.W003"))
    if not settings.DEMO and not settings.SEAL_KEY:
        hint = "Set BALAI_SEAL_KEY to a PKCS#12 file."
        found.append(Caution("Agreements cannot be sealed.", hint=hint, id="balai.W004"))
    return found
