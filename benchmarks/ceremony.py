"""A ceremony: 100 memoranda of nine parties, each signatory one press, the hub one seal a document."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from django.conf import settings
from django.utils import timezone

from balai.agreements.actions import draft_memorandum, open_signing
from balai.agreements.ceremonies import open_ceremony, papers_of, prepare_ceremony, sign_many, standing
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, AgreementVersion, Approval, Ceremony, Party
from balai.agreements.sealing import KeySealer, demonstration_authority
from balai.agreements.typesetting import typeset
from balai.core import documents
from balai.people.models import Membership, Organisation, OrganisationKind, Role, User
from benchmarks import city
from benchmarks.keys import packed
from benchmarks.measure import cost, heading, line, milliseconds, once, queries

AGREEMENTS, PARTIES = 100, 9


def run() -> None:
    """What one signature costs, from the table of documents to the seal, beside the bare one of the key."""
    heading(f"Ceremony of {AGREEMENTS} agreements with {PARTIES} signatories each", "  CPU ms")
    bureau = city.person(Role.BUREAU)
    (made, signatories), spent = once(lambda: _prepare(bureau))
    line("prepare, each agreement", milliseconds(spent / AGREEMENTS))
    table = cost(lambda: papers_of(signatories[0], made), most=3, least=2)
    with queries() as sent:
        chosen = [(p.agreement.pk, p.version.document.sha256) for p in papers_of(signatories[0], made)]
    line(f"a table of {AGREEMENTS} documents", milliseconds(table.middle), f"{len(sent)} queries")

    signed = 0.0
    for by in signatories:
        results, spent = once(
            lambda who=by: sign_many(ceremony=made, chosen=chosen, by=who, consent=True)  # type: ignore[misc]
        )
        assert all(result.signature for result in results)
        signed += spent
    number = AGREEMENTS * PARTIES
    line("a consent", milliseconds(signed / number), f"{number} signatures")
    rows = Agreement.objects.filter(ceremony_items__ceremony=made)
    sealed = sum(once(lambda pk=row.pk: seal(agreement_id=pk))[1] for row in rows)  # type: ignore[misc]
    line("a seal, its check included", milliseconds(sealed / AGREEMENTS), f"{AGREEMENTS} documents")
    each = (signed + sealed) / number
    line("a signature, its share of the seal", milliseconds(each))
    now = standing(made)
    assert (now.signatures, now.sealed) == (number, AGREEMENTS)

    folder = demonstration_authority(Path(settings.HOME))
    kept = pkcs12.load_pkcs12((folder / "seal.p12").read_bytes(), None)
    assert isinstance(kept.key, ec.EllipticCurvePrivateKey)
    private, pdf = kept.key, bytes(range(256)) * 600
    bare = cost(lambda: private.sign(pdf, ec.ECDSA(hashes.SHA256())), most=2000)
    line("the bare EC signature of that key", milliseconds(bare.middle))
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    slow = cost(lambda: other.sign(pdf, padding.PKCS1v15(), hashes.SHA256()), most=500)
    line("a bare RSA-2048 signature", milliseconds(slow.middle))
    text = typeset(_terms(rows[0]))
    for kind, key, one in (("EC", private, bare), ("RSA-2048", other, slow)):
        with tempfile.TemporaryDirectory() as temporary:
            path = packed(Path(temporary) / "key.p12", key)
            alone = cost(lambda file=path: KeySealer(file).seal(text), most=10)  # type: ignore[misc]
        line(f"PAdES with an {kind} key", milliseconds(alone.middle), f"{alone.middle / one.middle:.0f} bare")
    print(
        f"  a signature of the ceremony costs {each / bare.middle:.0f} bare EC signatures of the seal's key"
    )


def _prepare(bureau: User) -> tuple[Ceremony, list[User]]:
    office = bureau.hats[0].organisation
    assert office.city is not None
    number = PARTIES - 1
    firms = [
        Organisation.objects.create(
            kind=OrganisationKind.COMPANY, slug=f"upacara-{n}", name=f"PT Upacara {n}", invented=True
        )
        for n in range(number)
    ]
    signatories = []
    for n, organisation in enumerate((office, *firms)):
        person = User.objects.create_user(f"upacara{n}@contoh.id", None, name=f"Penanda Upacara {n}")
        Membership.objects.create(user=person, organisation=organisation, role=Role.SIGNATORY)
        signatories.append(person)
    today = timezone.localdate()
    agreements = []
    for n in range(AGREEMENTS):
        agreement = draft_memorandum(
            city=office.city,
            parties=(office, *firms),
            title=f"Kesepakatan {n + 1}",
            purpose="Bekerja sama untuk kota.",
            starts_on=today,
            ends_on=today + timedelta(365),
            by=bureau,
            invented=True,
        )
        _complete(agreement, signatories, bureau)
        agreements.append(open_signing(agreement=agreement, by=bureau))
    made = prepare_ceremony(
        city=office.city,
        title="Penandatanganan bersama",
        place="Balai Kota",
        starts_at=timezone.now(),
        agreements=agreements,
        by=bureau,
    )
    return open_ceremony(ceremony=made, by=bureau), signatories


def _complete(agreement: Agreement, signatories: list[User], bureau: User) -> None:
    """Name the signatories and approve for all at once: the negotiation is not what is measured."""
    terms = _terms(agreement)
    named: dict[str, Any] = {"signatory_title": "Kepala", "mandate": "Surat Kuasa 1"}
    parties = tuple(
        replace(party, signatory_name=who.name, **named)
        for party, who in zip(terms.parties, signatories, strict=True)
    )
    terms = replace(terms, parties=parties, version=2)
    version = AgreementVersion.objects.create(
        agreement=agreement,
        number=2,
        terms=terms.as_json(),
        fingerprint=terms.fingerprint,
        document=documents.store_made(
            pdf=typeset(terms), name="naskah.pdf", by=bureau, city=agreement.city_id
        ),
        proposed_by=bureau.pseudonym,
        proposed_for=bureau.hats[0].organisation,
    )
    for party, who in zip(agreement.parties.all(), signatories, strict=True):
        Party.objects.filter(pk=party.pk).update(signatory_name=who.name, **named)
        Approval.objects.create(version=version, party=party, by=who.pseudonym)


def _terms(agreement: Agreement) -> Any:
    return agreement.versions.latest("number").reading
