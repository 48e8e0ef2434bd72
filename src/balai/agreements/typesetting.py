"""From terms to a PDF/A-2b and PDF/UA-1 document. Equal terms, equal bytes; no text is read as markup."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from balai.agreements import codes
from balai.agreements.frame import Box, reserve
from balai.agreements.terbilang import date_in_words, plain_date, terbilang
from balai.agreements.terms import (
    BLANK,
    AgreementTerms,
    Both,
    PartyTerms,
    UnprintableError,
    fill,
    unprintable,
)

FOLDER = Path(__file__).resolve().parent / "documents"

# Where documents/agreement.typ leaves the frame on the last page: mm from the lower left of A4.
FRAME_MM = (25, 297 - 24 - 28 - 112, 25 + 165, 297 - 24 - 28)


def points(box: tuple[int, int, int, int]) -> Box:
    """Millimetres as whole points."""
    left, bottom, right, top = (round(mm * 72 / 25.4) for mm in box)
    return left, bottom, right, top


LABELS = {
    "mou": Both("Kesepakatan Bersama", "Memorandum of Understanding"),
    "pks": Both("Perjanjian Kerja Sama", "Cooperation Agreement"),
    "add": Both("Adendum", "Addendum"),
}
SCHEMES = {
    "playground": Both("Skema Playground", "Playground scheme"),
    "co-develop": Both("Skema Co-Develop", "Co-Develop scheme"),
    "user": Both("Skema User", "User scheme"),
}
DIRECTIONS = {
    "to_city": Both("mitra ke kota", "partner to city"),
    "to_partner": Both("kota ke mitra", "city to partner"),
    "both": Both("dua arah", "both ways"),
}
_ORDINALS_ID = (
    *("KESATU", "KEDUA", "KETIGA", "KEEMPAT", "KELIMA", "KEENAM"),
    *("KETUJUH", "KEDELAPAN", "KESEMBILAN", "KESEPULUH", "KESEBELAS", "KEDUA BELAS"),
)
_ORDINALS_EN = (
    *("FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH"),
    *("SEVENTH", "EIGHTH", "NINTH", "TENTH", "ELEVENTH", "TWELFTH"),
)
_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
MOST_PARTIES = len(_ROMANS)
_MAKERS = ("codes", "frame", "terbilang", "typesetting")

WORDS = {
    "initials": Both("Paraf", "Initials"),
    "fingerprint": Both("Sidik isi", "Fingerprint of the terms"),
    "closing_heading": Both("Penutup", "Closing"),
    "stamp_duty": Both("Tempat e-meterai Rp10.000"),
    "stamp_note": Both(
        "E-meterai dibubuhkan sebelum dokumen disegel; nomor serinya dicatat pada register perjanjian."
    ),
    "sheet": Both("Lembar penandatanganan elektronik", "Electronic signature sheet"),
    "sheet_text": Both(
        "Setelah PARA PIHAK menyatakan persetujuan, segel elektronik mengisi bingkai ini. Isi perjanjian di"
        " halaman sebelumnya tidak berubah karenanya.",
        "Once the PARTIES have given consent, an electronic seal fills this frame. It leaves the agreement on"
        " the pages before unchanged.",
    ),
    "sheet_empty": Both("Belum disegel", "Not sealed yet"),
    "check": Both("Periksa keaslian", "Check authenticity"),
    "qr_alt": Both("Kode QR menuju halaman verifikasi"),
}


def called(place: int) -> Both:
    """How the agreement calls the party at ``place``, from 1: PIHAK KESATU, the FIRST PARTY."""
    if place > len(_ORDINALS_ID):
        return Both(f"PIHAK KE-{place}", f"PARTY {place}")
    return Both(f"PIHAK {_ORDINALS_ID[place - 1]}", f"{_ORDINALS_EN[place - 1]} PARTY")


def typeset(terms: AgreementTerms) -> bytes:
    """Return the agreement as PDF bytes (PDF/A-2b, PDF/UA-1), the same for the same terms.

    Raises `UnprintableError` for characters the typefaces lack, ValueError for more than twelve parties.
    """
    if len(terms.parties) > MOST_PARTIES:
        raise ValueError(f"at most {MOST_PARTIES} parties")
    if lost := terms.unprintable():
        raise UnprintableError(lost)
    return reserve(_compile("agreement.typ", _printed(terms), terms.dated_on), points(FRAME_MM))


@cache
def typesetter() -> str:
    """What makes the bytes, so that a later reader knows whether theirs should be equal: the engine's
    version and a hash of the templates, of the words around the terms and of what draws the code.
    """
    here = Path(__file__).resolve().parent
    parts = sorted(FOLDER.glob("*.typ")) + [here / f"{name}.py" for name in _MAKERS]
    digest = hashlib.sha256(version("qrcode").encode())
    for part in parts:
        digest.update(part.read_bytes())
    return f"typst-{version('typst')}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Consent:
    """One line of the signature sheet."""

    party: str
    name: str
    title: str
    mandate: str
    at: datetime


def typeset_consents(consents: Sequence[Consent], *, sha256: str, sealed_at: datetime, sealer: str) -> bytes:
    """Return the one-page PDF that the seal shows in its frame. Times are given in their own zone."""
    words = "".join(f"{c.party}{c.name}{c.title}{c.mandate}" for c in consents) + sealer
    if lost := unprintable(words):
        raise UnprintableError(lost)
    data = {
        "title": "Segel elektronik",
        "date": _parts(sealed_at.date()),
        "heading": _pair(Both("Ditandatangani secara elektronik", "Signed electronically")),
        "columns": [
            _pair(Both("Pihak", "Party")),
            _pair(Both("Penanda tangan", "Signatory")),
            _pair(Both("Waktu persetujuan", "Time of consent")),
        ],
        "signatures": [
            {"party": c.party, "name": c.name, "title": c.title, "mandate": c.mandate, "at": _moment(c.at)}
            for c in consents
        ],
        "consented": _pair(
            Both(
                "Setiap penanda tangan menyetujui dokumen dengan SHA-256 ini (isi berkas sebelum segel):",
                "Each signatory consented to the document with this SHA-256 (the file before the seal):",
            )
        ),
        "sha256": sha256,
        "sealed": _pair(
            Both(
                f"Disegel pada {_moment(sealed_at)} oleh {sealer}.",
                f"Sealed on {_moment(sealed_at, 'en')} by {sealer}.",
            )
        ),
    }
    return _compile("signatures.typ", data, sealed_at.date())


def _compile(template: str, data: dict[str, Any], day: date) -> bytes:
    import typst

    stamp = int(datetime.combine(day, time(), UTC).timestamp())
    pdf: bytes = typst.compile(
        FOLDER / template,
        root=FOLDER,
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=["a-2b", "ua-1"],
        timestamp=stamp,
        ignore_system_fonts=True,
    )
    return pdf


def _printed(terms: AgreementTerms) -> dict[str, Any]:
    """Everything the template shows, already in words."""
    values = {language: terms.values(language) for language in ("id", "en")}

    def filled(text: Both) -> dict[str, str]:
        return {"id": fill(text.id, values["id"]), "en": fill(text.en, values["en"])}

    label = LABELS[terms.kind]
    if scheme := SCHEMES.get(terms.scheme):
        label = Both(f"{label.id} · {scheme.id}", f"{label.en} · {scheme.en}")
    return {
        "title": _pair(terms.title),
        "named": terms.title.id.strip() or label.id,
        "label": _pair(label),
        "author": terms.city,
        "reference": terms.reference,
        "version_line": f"versi {terms.version}",
        "date": _parts(terms.dated_on),
        "fingerprint": terms.fingerprint,
        "verify_at": terms.verify_at.partition("&")[0],
        "qr": qr_svg(codes.printed(terms.verify_at, version=terms.version, fingerprint=terms.fingerprint)),
        "parties": [_party(p) for p in terms.parties],
        "opening": _pair(
            Both(
                f"Perjanjian ini disusun pada {date_in_words(terms.dated_on, 'id')}, bertempat di"
                f" {terms.place}, oleh dan antara:",
                f"This agreement is drawn up on {date_in_words(terms.dated_on, 'en')}, at {terms.place},"
                " by and between:",
            )
        ),
        "agree": _pair(
            Both(
                "bersama-sama disebut PARA PIHAK, sepakat mengikatkan diri dengan ketentuan berikut.",
                "together called the PARTIES, who agree to be bound as follows.",
            )
        ),
        "clauses": [
            {
                "heading": _pair(
                    Both(
                        f"Pasal {number}. {clause.heading.id}",
                        f"Article {number}. {clause.heading.inside('en')}",
                    )
                ),
                "rows": [filled(paragraph) for paragraph in clause.text],
            }
            for number, clause in enumerate(terms.clauses, 1)
        ],
        "schedules": _schedules(terms),
        "closing": _pair(
            Both(
                "Perjanjian ini berlaku sejak persetujuan terakhir dari PARA PIHAK dicatat"
                " dan dokumen disegel secara elektronik.",
                "This agreement takes effect once the last consent of the PARTIES is recorded"
                " and the document is electronically sealed.",
            )
        ),
        "words": {name: _pair(words) for name, words in WORDS.items()},
    }


def _party(party: PartyTerms) -> dict[str, Any]:
    name, title = party.signatory_name or BLANK, party.signatory_title or BLANK
    calling = called(party.place)
    role_id = f" sebagai {party.role.id}" if party.role.id else ""
    role_en = f" as {party.role.inside('en')}" if party.role.id else ""
    mandate_id = f" berdasarkan {party.mandate}" if party.mandate else ""
    mandate_en = f" under {party.mandate}" if party.mandate else ""
    return {
        "roman": _ROMANS[party.place - 1],
        "called": _pair(calling),
        "name": party.name,
        "number": party.number or BLANK * 3,
        "signatory": name,
        "signatory_title": title,
        "mandate": party.mandate,
        "intro": _pair(
            Both(
                f"{party.name}, diwakili oleh {name}, {title},{mandate_id}{role_id},"
                f" selanjutnya disebut {calling.id};",
                f"{party.name}, represented by {name}, {title},{mandate_en}{role_en},"
                f" hereinafter the {calling.en};",
            )
        ),
    }


def _schedules(terms: AgreementTerms) -> list[dict[str, Any]]:
    def day(value: date | None) -> dict[str, str] | str:
        return _pair(Both(plain_date(value, "id"), plain_date(value, "en"))) if value else "–"

    schedules: list[tuple[Both, list[tuple[Both, int]], list[list[Any]]]] = [
        (
            Both("Kewajiban", "Obligations"),
            [(Both("Pihak", "Party"), 2), (Both("Kewajiban", "Obligation"), 6), (Both("Batas", "By"), 2)],
            [[_pair(called(o.party)), _pair(o.text), day(o.due_on)] for o in terms.obligations],
        ),
        (
            Both("Arus data", "Data flows"),
            [
                (Both("Data", "Data"), 3),
                (Both("Arah", "Direction"), 2),
                (Both("Rincian, frekuensi, bentuk", "Detail, frequency, form"), 3),
                (
                    Both(
                        "Data pribadi: dasar, pengendali, retensi",
                        "Personal data: basis, controller, retention",
                    ),
                    4,
                ),
            ],
            [
                [
                    _pair(f.name),
                    _pair(DIRECTIONS.get(f.direction, Both(f.direction))),
                    " · ".join(filter(None, (f.granularity, f.refresh, f.form))) or "–",
                    _personal(f.personal, f.legal_basis, f.controller, f.retention_days),
                ]
                for f in terms.flows
            ],
        ),
        (
            Both("Lokasi", "Sites"),
            [(Both("Nama", "Name"), 4), (Both("Titik", "Point"), 3), (Both("Radius", "Radius"), 2)],
            [
                [s.name, f"{s.latitude:.5f}, {s.longitude:.5f}", f"{s.radius_m} m" if s.radius_m else "–"]
                for s in terms.sites
            ],
        ),
        (
            Both("Tonggak", "Milestones"),
            [(Both("Tonggak", "Milestone"), 6), (Both("Batas", "By"), 2)],
            [[_pair(m.title), day(m.due_on)] for m in terms.milestones],
        ),
        (
            Both("Pengakhiran dan serah terima", "Exit and hand-over"),
            [(Both("Ketentuan", "Rule"), 1)],
            [[_pair(text)] for text in terms.exit],
        ),
    ]
    used = [item for item in schedules if item[2]]
    return [
        {
            "heading": _pair(Both(f"Lampiran {number}. {name.id}", f"Schedule {number}. {name.en}")),
            "columns": [_pair(title) for title, _ in columns],
            "widths": [width for _, width in columns],
            "rows": rows,
            "empty": _pair(Both("Tidak ada.", "None.")),
        }
        for number, (name, columns, rows) in enumerate(used, 1)
    ]


def _personal(personal: bool, basis: str, controller: str, days: int | None) -> dict[str, str]:
    if not personal:
        return _pair(Both("bukan data pribadi", "no personal data"))
    kept_id = f"{days} ({terbilang(days)}) hari" if days else BLANK
    kept_en = f"{days} days" if days else BLANK
    return _pair(
        Both(
            f"{basis or BLANK}; {controller or BLANK}; {kept_id}",
            f"{basis or BLANK}; {controller or BLANK}; {kept_en}",
        )
    )


@lru_cache(maxsize=256)
def qr_svg(address: str) -> str:
    """A QR code of ``address`` as one SVG path with a quiet zone of four modules."""
    import qrcode  # type: ignore[import-untyped]

    code = qrcode.QRCode(border=4, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(address)
    matrix = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
    size = len(matrix)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}"/></svg>'
    )


def _pair(text: Both) -> dict[str, str]:
    return {"id": text.id, "en": text.en}


def _parts(day: date) -> list[int]:
    return [day.year, day.month, day.day]


def _moment(at: datetime, language: str = "id") -> str:
    return f"{plain_date(at.date(), language)}, {at:%H.%M} {at.tzname() or ''}".strip()
