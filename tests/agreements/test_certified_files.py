"""Every good file is called good, every altered one is not, and for the right reason."""

import hashlib
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import permutations
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from pyhanko.pdf_utils.generic import StreamObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from balai.agreements.sealing import KeySealer, demonstration_authority
from balai.agreements.verifying import Finding, verify_pdf
from tests.agreements_certificates import (
    make_answer,
    make_certificate,
    make_pdf,
    make_revocations,
    make_stamper,
    signed_elsewhere,
    with_proofs,
)

GOOD = 300
BAD = 300
SOUND = Finding.SOUND


needs_pdfsig = pytest.mark.skipif(
    not shutil.which("pdfsig"), reason="pdfsig of poppler-utils is not installed"
)


def pdfsig(pdf: bytes, folder: Path) -> str:
    """What another program says of the signatures; it knows none of the authorities."""
    path = folder / "file.pdf"
    path.write_bytes(pdf)
    return subprocess.run(
        ["pdfsig", str(path)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    ).stdout


class World:
    """Two authorities with four signatories, a stranger, and the hub's seal: made once, the keys shared."""

    def __init__(self, home: Path) -> None:
        authority = demonstration_authority(home)
        self.sealer = KeySealer(authority / "seal.p12")
        self.first = make_certificate("Otoritas Satu (rekaan)", "rsa")
        self.second = make_certificate("Otoritas Dua (rekaan)", "ec")
        stranger = make_certificate("Otoritas Asing (rekaan)", "ec")
        self.people = {
            "official": make_certificate("Siti Rekaan", "ec", by=self.first),
            "deputy": make_certificate("Ali Contoh", "rsa", by=self.first),
            "director": make_certificate("Budi Rekaan", "rsa", by=self.second),
            "witness": make_certificate("Dewi Contoh", "ec", by=self.second),
        }
        self.stranger = make_certificate("Siti Rekaan", "ec", by=stranger)
        self.expired = make_certificate("Siti Rekaan", "ec", by=self.first, since=-30, until=-1)
        self.revoked = make_certificate("Siti Rekaan", "ec", by=self.first)
        self.lists = [make_revocations(self.first, self.revoked)]
        self.roots = [
            load_pem_x509_certificate((authority / "authority.pem").read_bytes()),
            self.first.certificate,
            self.second.certificate,
        ]
        self.base = make_pdf()

    def told(self, name: str, status: str = "good") -> tuple[bytes, ...]:
        """What the authority of a signatory answers about the certificate."""
        authority = self.first if name in ("official", "deputy") else self.second
        return (make_answer(authority, self.people[name], status),)

    def finding(self, data: bytes) -> Finding:
        return verify_pdf(data, self.roots, revoked=self.lists).finding


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def sealed(world: World) -> bytes:
    """Signed by an official under one authority, a director under another, then sealed by the hub."""
    one = signed_elsewhere(world.base, world.people["official"], "Pihak1")
    return world.sealer.seal(signed_elsewhere(one, world.people["director"], "Pihak2"))


def test_two_authorities_and_the_seal_are_sound_on_one_document(world: World, sealed: bytes) -> None:
    report = verify_pdf(sealed, world.roots, revoked=world.lists)

    assert report.finding is SOUND
    assert [(s.signer, s.issuer, s.whole_file) for s in report.seals] == [
        ("Siti Rekaan", "Otoritas Satu (rekaan)", False),
        ("Budi Rekaan", "Otoritas Dua (rekaan)", False),
        ("Segel Balai (DEMONSTRASI)", "DEMONSTRASI – bukan otoritas nyata", True),
    ]
    assert report.consented_sha256 == hashlib.sha256(world.base).hexdigest()


def appended(pdf: bytes, chance: random.Random) -> bytes:
    """One more revision: another page text, a loose object, or a note in the catalogue."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    kind = chance.randrange(3)
    if kind == 0:
        page = writer.root["/Pages"]["/Kids"][chance.randrange(2)].get_object()
        page["/Contents"] = writer.add_object(
            StreamObject(stream_data=b"%% lain %d" % chance.randrange(10**6))
        )
        writer.update_container(page)
    elif kind == 1:
        writer.add_object(StreamObject(stream_data=b"%% lepas %d" % chance.randrange(10**6)))
    else:
        writer.root["/Lang"] = pdf_name(f"/x{chance.randrange(10**6)}")
        writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.slow
def test_each_of_300_alterations_is_found_with_its_reason(world: World, sealed: bytes) -> None:
    chance = random.Random(20261123)
    people = world.people
    older = make_pdf("naskah lama")
    wrong: list[tuple[str, Finding]] = []
    count = 0

    def expect(name: str, data: bytes, *findings: Finding) -> None:
        nonlocal count
        count += 1
        found = world.finding(data)
        if found not in findings:
            wrong.append((name, found))

    for place in chance.sample(range(len(sealed)), 150):
        spoiled = bytearray(sealed)
        spoiled[place] ^= 1 << chance.randrange(8)
        expect(
            f"bit {place}",
            bytes(spoiled),
            *(set(Finding) - {SOUND, Finding.EXPIRED, Finding.REVOKED}),
        )
    for number in range(50):
        expect(f"appended {number}", appended(sealed, chance), Finding.ADDED_TO)
    slots = list(permutations(("official", "deputy", "director"), 2))
    for number in range(20):
        who = people[slots[number % len(slots)][0]]
        changed = signed_elsewhere(appended(world.base, chance), who, f"Pihak{number}")
        expect(f"changed before signing {number}", changed, Finding.REVISED)
    for number in range(20):
        name, other = slots[number % len(slots)]
        half = signed_elsewhere(
            appended(signed_elsewhere(world.base, people[name], "A"), chance), people[other], "B"
        )
        expect(f"changed between signatures {number}", half, Finding.REVISED)
    for number in range(30):
        reason, who, answers = [
            (Finding.UNTRUSTED, world.stranger, ()),
            (Finding.EXPIRED, world.expired, ()),
            (Finding.REVOKED, world.revoked, ()),
            (Finding.REVOKED, people["official"], world.told("official", "revoked")),
            (Finding.UNKNOWN, people["official"], world.told("official", "unknown")),
        ][number % 5]
        start = world.base if number % 2 else signed_elsewhere(world.base, people["director"], "Lain")
        made = signed_elsewhere(start, who, f"P{number}")
        expect(f"{reason} {number}", with_proofs(made, *answers) if answers else made, reason)
    donor = signed_elsewhere(older, people["official"], "Pihak1")
    victim = signed_elsewhere(world.base, people["official"], "Pihak1")
    theirs = donor[donor.index(b"/Contents <") :].split(b">", 1)[0]
    mine = victim[victim.index(b"/Contents <") :].split(b">", 1)[0]
    for number in range(15):
        start = victim if number % 2 else world.sealer.seal(victim)
        expect(
            f"swapped {number}",
            start.replace(mine, theirs.ljust(len(mine), b"0")[: len(mine)], 1),
            Finding.ALTERED,
        )
    for number in range(15):
        cut = sealed[: chance.randrange(len(world.base), len(sealed) - 6)]
        expect(f"cut {number}", cut, *(set(Finding) - {SOUND}))

    assert wrong == []
    assert count == BAD


def test_no_bit_of_what_wraps_a_signature_may_change(world: World) -> None:
    stamper = make_stamper(world.first, datetime.now(UTC).replace(microsecond=0))
    pdf = signed_elsewhere(make_pdf(), world.people["official"], "P", timestamper=stamper)
    start = pdf.upper().index(b"/CONTENTS <") + len(b"/Contents <")
    content = bytes.fromhex(pdf[start : pdf.index(b">", start)].decode())
    names = [c.certificate.issuer.public_bytes() for c in world.people.values()]
    wraps = {*range(46)}
    for marked in (b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00", *names[:1]):
        place = content.find(marked)
        while place >= 0:
            wraps |= {*range(place - 12, place + len(marked) + 6)}
            place = content.find(marked, place + 1)
    chance, passed = random.Random(20261124), []

    for place in sorted(wraps):
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << chance.randrange(8)
        made = spoiled.hex().encode()
        upper = pdf[start : start + len(made)].isupper()
        file = pdf[:start] + (made.upper() if upper else made) + pdf[start + len(made) :]
        if world.finding(file) is SOUND:
            passed.append((place, content[place]))

    assert len(wraps) > 150
    assert world.finding(pdf) is SOUND
    assert passed == []


@pytest.mark.slow
@needs_pdfsig
def test_no_false_alarm_on_300_good_files(world: World, tmp_path: Path) -> None:
    made: list[tuple[int, bytes]] = []

    def grow(pdf: bytes, left: tuple[str, ...], depth: int) -> None:
        for place, name in enumerate(left):
            more = signed_elsewhere(pdf, world.people[name], f"Pihak{depth}")
            made.extend([(depth, more), (depth + 1, world.sealer.seal(more))])
            grow(more, (*left[:place], *left[place + 1 :]), depth + 1)

    for number in range(1, 4):
        grow(make_pdf(f"naskah {number}", pages=number), tuple(world.people), 1)
    confirmed = [answer for name in world.people for answer in world.told(name)]
    good = [
        (count, with_proofs(pdf, *confirmed) if number % 6 < 2 else pdf)
        for number, (count, pdf) in enumerate(made[:GOOD])
    ]

    assert len(good) == GOOD
    assert [n for n, (_, pdf) in enumerate(good) if world.finding(pdf) is not SOUND] == []
    told = [(count, pdfsig(pdf, tmp_path).count("Signature is Valid.")) for count, pdf in good]
    assert [n for n, (count, valid) in enumerate(told) if valid != count] == []


@needs_pdfsig
def test_another_program_calls_every_signature_valid(world: World, sealed: bytes, tmp_path: Path) -> None:
    told = pdfsig(sealed, tmp_path)

    assert told.count("Signature is Valid.") == 3
    assert told.count("Total document signed") == 1


def test_old_revocation_list_still_revokes_and_a_later_one_does_not_reach_back(world: World) -> None:
    pdf = signed_elsewhere(world.base, world.revoked, "Pihak1")
    before = datetime.now(UTC) - timedelta(days=2)

    assert verify_pdf(pdf, world.roots).finding is SOUND
    assert verify_pdf(pdf, world.roots, revoked=world.lists).finding is Finding.REVOKED
    assert verify_pdf(pdf, world.roots, revoked=world.lists, at=before).finding is SOUND


def test_whole_new_document_behind_the_approved_one_is_not_taken_for_it(world: World) -> None:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ]
    pdf, places = world.base + b"\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    pdf += b"%strailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (table, len(pdf))

    report = verify_pdf(signed_elsewhere(pdf, world.people["official"], "P"), world.roots)

    assert (report.finding, report.consented_sha256) == (Finding.REVISED, "")
