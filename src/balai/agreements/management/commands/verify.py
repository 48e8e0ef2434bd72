"""``balai verify FILE``: who signed what, when, under which authority, and is it whole?"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from balai.agreements import codes
from balai.agreements.certified import Examined, as_json, examine, sentences
from balai.agreements.offline import Compared, compare
from balai.agreements.verifying import SENTENCES, Finding, verify_pdf

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LARGEST = 100 * 1024 * 1024


class Command(BaseCommand):
    help = (
        "Check signed PDF files. Exit code 1 if any is not valid. With --trust or --qr neither register nor"
        " network is asked: the signatures must lead to the certificates given, the file must have the terms"
        " and its last seal the authority that the code printed on the paper names."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--trust", type=Path, help="PEM file of the authorities to trust")
        parser.add_argument(
            "--revoked",
            type=Path,
            action="append",
            default=[],
            help="CRL (PEM or DER) or OCSP response (DER)",
        )
        parser.add_argument("--qr", metavar="CODE", help="the content of the printed code, as scanned")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--language", choices=["id", "en"], default="id", help="of the sentences")

    def handle(self, *_args: Any, **options: Any) -> None:
        alone = bool(options["trust"] or options["qr"])
        if options["revoked"] and not alone:
            raise CommandError("--revoked goes with --trust or --qr; the register keeps its own lists.")
        valid = True
        with translation.override(options["language"]):
            code = _code(options["qr"])
            authorities, lists = _authorities(options["trust"]), _lists(options["revoked"])
            for path in options["files"]:
                data, compared = _read(path), None
                if code is not None:
                    compared = compare(data, code, trust=authorities, revoked=lists)
                    found, sound = Examined(compared.report, None), compared.valid
                elif alone:
                    report = verify_pdf(data, authorities, revoked=lists, patient=True)
                    found, sound = Examined(report, None), report.sound
                else:
                    found = examine(data, patient=True)
                    sound = found.valid
                valid &= sound
                facts = _facts(path, found, sound, asked=not alone, compared=compared)
                self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else _told(facts))
        if not valid:
            raise SystemExit(1)


def _code(text: str | None) -> codes.Code | None:
    try:
        return codes.read(text) if text is not None else None
    except ValueError as fault:
        raise CommandError(str(fault)) from fault


def _authorities(trust: Path | None) -> "list[Certificate]":
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(_read(trust)) if trust else []
    except ValueError as fault:
        raise CommandError(f"{trust} holds no certificate (PEM): {fault}") from fault


def _lists(files: list[Path]) -> list[bytes]:
    try:
        return [_der(_read(file)) for file in files]
    except ValueError as fault:
        raise CommandError(f"neither a revocation list (CRL) nor an answer (OCSP): {fault}") from fault


def _facts(
    path: Path, found: Examined, valid: bool, *, asked: bool, compared: Compared | None
) -> dict[str, Any]:
    report, match = found.report, found.match
    facts: dict[str, Any] = {
        "file": str(path),
        "valid": valid,
        "finding": str(report.finding),
        "said": _said(report.finding, asked=asked),
        "sha256": report.sha256,
        "approved_sha256": report.consented_sha256,
        "register_asked": asked,
        "agreement": None,
        "signatures": [as_json(seal) | {"said": sentences(seal)} for seal in report.seals],
    }
    if compared is not None:
        facts["code"] = {
            "agreement": str(compared.code.agreement),
            "version": compared.code.version,
            "terms_sha256": compared.code.terms,
            "same_terms": compared.same_terms,
            "authority": compared.authority,
            "authority_sha256": compared.code.authority,
            "sealed_under_it": compared.sealed_under_it,
            "said": compared.sentences,
        }
    if match is not None:
        facts["agreement"] = {
            "id": str(match.agreement.pk),
            "title": str(match.agreement),
            "state": match.agreement.state,
            "is_the_sealed_file": found.whole,
            "version": match.version,
            "superseded": match.superseded,
        }
    return facts


def _said(finding: Finding, *, asked: bool) -> str:
    """The finding in words; without the register nobody here trusts an authority but who was named."""
    if asked or finding not in (Finding.SOUND, Finding.UNTRUSTED):
        return str(SENTENCES[finding])
    if finding is Finding.SOUND:
        return _("The file is exactly as it was signed, and every signature leads to an authority named.")
    return _(
        "The signatures fit the file, but not each leads to an authority named."
        " Name the others with --trust FILE.pem."
    )


def _told(facts: dict[str, Any]) -> str:
    lines = [f"{facts['file']}: {'OK' if facts['valid'] else 'NOT VALID'}", f"  {facts['said']}"]
    for signature in facts["signatures"]:
        lines += [f"  - {' '.join(signature['said'])}"]
    lines += [f"  {sentence}" for sentence in facts.get("code", {"said": []})["said"]]
    agreement = facts["agreement"]
    if agreement:
        which = "sealed" if agreement["is_the_sealed_file"] else f"version {agreement['version']}"
        older = ", superseded" if agreement["superseded"] else ""
        lines.append(f"  {agreement['title']} ({agreement['id']}): {which}{older}")
    elif facts["register_asked"]:
        lines.append("  No agreement of this register has this text.")
    lines.append(f"  SHA-256 {facts['sha256']}")
    return "\n".join(lines)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault
    if len(data) > LARGEST:
        raise CommandError(f"{path} is larger than {LARGEST >> 20} MB.")
    return data


def _der(data: bytes) -> bytes:
    """A revocation list as DER, or an authority's answer as it is. Raises ValueError for anything else."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_crl, load_pem_x509_crl
    from cryptography.x509.ocsp import load_der_ocsp_response

    if b"-----BEGIN" in data:
        return load_pem_x509_crl(data).public_bytes(Encoding.DER)
    try:
        load_der_x509_crl(data)
    except ValueError:
        load_der_ocsp_response(data)
    return data
