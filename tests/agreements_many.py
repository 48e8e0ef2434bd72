"""Memoranda of many parties, open for signing, and everyone who signs them."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from balai.agreements.actions import (
    approve_version,
    draft_memorandum,
    open_signing,
    set_signatory,
    sign,
)
from balai.agreements.models import Agreement
from balai.people.models import Organisation, User
from tests.agreements_builders import sha_of
from tests.builders import make_bureau, make_company, make_founder, make_signatory


@dataclass
class Made:
    """A memorandum with its bureau, and the signatories in the order of the parties."""

    agreement: Agreement
    bureau: User
    signatories: list[User]


def open_memorandum(
    parties: int,
    *,
    bureau: User | None = None,
    companies: list[Organisation] | None = None,
    signatories: list[User] | None = None,
    title: str = "Kota Cerdas",
) -> Made:
    """One memorandum of a city's bureau and ``parties - 1`` firms, approved by all and open for signing."""
    bureau = bureau or make_bureau()
    office = bureau.hats[0].organisation
    assert office.city is not None
    firms = companies or [make_company() for _place in range(2, parties + 1)]
    heads = signatories or [
        make_signatory(office, name="Kepala Biro Rekaan"),
        *(make_founder(firm, name=f"Direktur Rekaan {n}") for n, firm in enumerate(firms, 2)),
    ]
    today = timezone.localdate()
    agreement = draft_memorandum(
        city=office.city,
        parties=(office, *firms),
        title=title,
        purpose="Bekerja sama untuk kota.",
        starts_on=today,
        ends_on=today + timedelta(365),
        by=bureau,
    )
    hands = [bureau, *heads[1:]]
    for place, (by, who) in enumerate(zip(hands, heads, strict=True), 1):
        set_signatory(
            party=agreement.parties.get(place=place),
            name=who.name,
            title="Kepala",
            mandate=f"Surat Kuasa {place}",
            by=by,
        )
    for by in hands:
        version = agreement.versions.latest("number")
        approve_version(version=version, by=by, seen_sha256=version.document.sha256)
    open_signing(agreement=agreement, by=bureau)
    return Made(Agreement.objects.get(pk=agreement.pk), bureau, heads)


def sign_all(made: Made) -> None:
    """Every signatory consents, in order."""
    sha256 = sha_of(made.agreement)
    for by in made.signatories:
        sign(agreement=made.agreement, by=by, seen_sha256=sha256, consent=True)
