"""Papers: an agreement set, sealed and verified, beside the bare signature under a seal."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from balai.agreements.actions import draft_agreement
from balai.agreements.queries import current_version
from balai.agreements.sealing import KeySealer, demonstration_authority, trust_roots
from balai.agreements.typesetting import Consent, typeset, typeset_consents
from balai.agreements.verifying import verify_pdf
from balai.people.models import Role
from benchmarks import city
from benchmarks.measure import cost, heading, line, milliseconds


def run() -> None:
    """The draft the hub itself makes for an accepted application, from terms to a verified seal."""
    heading("Papers", "  CPU ms", "   least", "    kB")
    drafting = city.at("drafting")
    agreement = draft_agreement(collaboration=drafting, by=city.person(Role.BUREAU))
    version = current_version(agreement)
    assert version is not None
    terms, now = version.reading, datetime.now(UTC)
    consents = [Consent(f"PIHAK {n}", "Nama Rekaan", "Jabatan", "Kuasa", now) for n in ("KESATU", "KEDUA")]
    pdf = typeset(terms)
    digest = sha256(pdf).hexdigest()

    def face() -> bytes:
        return typeset_consents(consents, sha256=digest, sealed_at=now, sealer="Segel")

    sealer = KeySealer(demonstration_authority(Path(settings.HOME)) / "seal.p12")
    shown = face()
    sealed = sealer.seal(pdf, face=shown)
    roots = trust_roots()
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(pdf, ec.ECDSA(hashes.SHA256()))
    public = key.public_key()

    spent = {
        "typeset the agreement": (cost(lambda: typeset(terms)), len(pdf)),
        "typeset the consents": (cost(face), len(shown)),
        "seal": (cost(lambda: sealer.seal(pdf, face=shown)), len(sealed)),
        "verify": (cost(lambda: verify_pdf(sealed, roots)), len(sealed)),
        "bare EC signature": (cost(lambda: key.sign(pdf, ec.ECDSA(hashes.SHA256())), most=2000), len(pdf)),
        "bare EC verification": (
            cost(lambda: public.verify(signature, pdf, ec.ECDSA(hashes.SHA256())), most=2000),
            len(pdf),
        ),
    }
    for name, (each, size) in spent.items():
        line(name, milliseconds(each.middle), milliseconds(each.least), f"{size / 1000:6.1f}")
    ratio = spent["seal"][0].least / spent["bare EC signature"][0].least
    back = spent["verify"][0].least / spent["bare EC verification"][0].least
    print(f"  a seal costs {ratio:.0f} bare signatures, verifying it {back:.0f} bare verifications")
