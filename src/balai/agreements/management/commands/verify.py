"""``balai verify FILE``: who signed what, when, under which authority, and is it whole?"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from balai.agreements.certified import Examined, as_json, examine, sentences
from balai.agreements.verifying import SENTENCES, verify_pdf


class Command(BaseCommand):
    help = (
        "Check signed PDF files. Exit code 1 if any is not valid. With --trust neither register nor network"
        " is asked: the file's signatures must lead to the certificates given."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--trust", type=Path, help="PEM file of the authorities to trust")
        parser.add_argument("--revoked", type=Path, action="append", default=[], help="CRL file, PEM or DER")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--language", choices=["id", "en"], default="id", help="of the sentences")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["revoked"] and not options["trust"]:
            raise CommandError("--revoked goes with --trust; the register keeps its own lists.")
        valid = True
        with translation.override(options["language"]):
            for path in options["files"]:
                found, sound = self._examined(path, options["trust"], options["revoked"])
                valid &= sound
                facts = _facts(path, found, sound, asked=options["trust"] is None)
                self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else _told(facts))
        if not valid:
            raise SystemExit(1)

    def _examined(self, path: Path, trust: Path | None, revoked: list[Path]) -> tuple[Examined, bool]:
        data = _read(path)
        if trust is None:
            found = examine(data)
            return found, found.valid
        from cryptography.x509 import load_pem_x509_certificates

        try:
            authorities = load_pem_x509_certificates(_read(trust))
            lists = [_der(_read(file)) for file in revoked]
        except ValueError as fault:
            raise CommandError(f"not a certificate or revocation list: {fault}") from fault
        report = verify_pdf(data, authorities, revoked=lists)
        return Examined(report, None), report.sound


def _facts(path: Path, found: Examined, valid: bool, *, asked: bool) -> dict[str, Any]:
    report, match = found.report, found.match
    facts: dict[str, Any] = {
        "file": str(path),
        "valid": valid,
        "finding": str(report.finding),
        "said": str(SENTENCES[report.finding]),
        "sha256": report.sha256,
        "approved_sha256": report.consented_sha256,
        "register_asked": asked,
        "agreement": None,
        "signatures": [as_json(seal) | {"said": sentences(seal)} for seal in report.seals],
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


def _told(facts: dict[str, Any]) -> str:
    lines = [f"{facts['file']}: {'OK' if facts['valid'] else 'NOT VALID'}", f"  {facts['said']}"]
    for signature in facts["signatures"]:
        lines += [f"  - {' '.join(signature['said'])}"]
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
        return path.read_bytes()
    except OSError as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault


def _der(data: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_crl

    return load_pem_x509_crl(data).public_bytes(Encoding.DER) if b"-----BEGIN" in data else data
