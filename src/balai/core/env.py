"""Settings by environment: one declarative table, read once, documented in docs/settings.md."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def flag(text: str) -> bool:
    """Parse ``1/0``, ``true/false``, ``yes/no``. Raises ValueError otherwise."""
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("expected true or false")


def words(text: str) -> list[str]:
    """Split on commas; empty text is an empty list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def port_or_none(text: str) -> int | None:
    """A port number, 0 for none at all; empty text is None. Raises ValueError otherwise."""
    if not text.strip():
        return None
    if not 0 <= (port := int(text)) < 65536:
        raise ValueError("expected a port from 1 to 65535, or 0")
    return port


def ocid_prefix(text: str) -> str:
    """``ocds-`` and six letters or digits, as the registry gives them. Raises ValueError otherwise."""
    if not re.fullmatch(r"ocds-[a-z0-9]{6}", text):
        raise ValueError("expected ocds- and six small letters or digits")
    return text


def log_format(text: str) -> str:
    """``line`` or ``json``. Raises ValueError otherwise."""
    if text not in ("line", "json"):
        raise ValueError("expected line or json")
    return text


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str


TABLE: tuple[Variable, ...] = (
    Variable("BALAI_HOME", "var", Path, "folder for the database, files and keys"),
    Variable(
        "BALAI_DATABASE_URL",
        "",
        str,
        "postgresql://user:password@host:port/name; empty: SQLite in BALAI_HOME",
    ),
    Variable("BALAI_SECRET_KEY", "", str, "signs sessions; empty: made once and kept in BALAI_HOME"),
    Variable("BALAI_DEBUG", "false", flag, "development only: tracebacks and the component gallery"),
    Variable("BALAI_DEMO", "false", flag, "one-click demonstration accounts and the demonstration authority"),
    Variable("BALAI_HOSTS", "localhost,127.0.0.1,[::1]", words, "host names the hub answers to"),
    Variable("BALAI_ORIGIN", "http://127.0.0.1:8000", str, "public address, used in mails and QR codes"),
    Variable("BALAI_SECURE", "false", flag, "served over HTTPS: secure cookies, HSTS, redirect"),
    Variable("BALAI_PROXIES", "0", int, "trusted reverse proxies in front, for the client address"),
    Variable("BALAI_CITY", "31", str, "code of the city this hub hosts by default"),
    Variable(
        "BALAI_MAIL_URL", "", str, "smtp://user:password@host:port; empty: mails go to a folder in BALAI_HOME"
    ),
    Variable("BALAI_MAIL_FROM", "Balai <balai@localhost>", str, "sender of mails"),
    Variable("BALAI_OIDC_ISSUER", "", str, "OpenID Connect issuer address; empty: no single sign-on"),
    Variable("BALAI_OIDC_CLIENT", "", str, "client id at the issuer"),
    Variable("BALAI_OIDC_SECRET", "", str, "client secret at the issuer"),
    Variable("BALAI_OIDC_NAME", "SSO", str, "name on the sign-in button"),
    Variable(
        "BALAI_SEAL_KEY",
        "",
        str,
        "PKCS#12 file of the hub's seal; empty in demo mode: a demonstration authority",
    ),
    Variable("BALAI_SEAL_PASSWORD", "", str, "password of that file"),
    Variable(
        "BALAI_SIGNING_PROVIDERS",
        "",
        str,
        "remote signing services as TOML, best given as BALAI_SIGNING_PROVIDERS_FILE; empty: none",
    ),
    Variable(
        "BALAI_OCID_PREFIX",
        "ocds-000000",
        ocid_prefix,
        "open contracting prefix; the default is registered to nobody, so register the city's own",
    ),
    Variable("BALAI_UPLOAD_MB", "10", int, "largest file a person may attach, in MB"),
    Variable("BALAI_WORKERS", "2", int, "web processes"),
    Variable(
        "BALAI_INGEST_PORT",
        "",
        port_or_none,
        "where `balai serve` takes in partners' data; empty: the port after the web's; 0: nowhere",
    ),
    Variable("BALAI_NODE", "", str, "name of this machine's log of data; empty: the host's name"),
    Variable(
        "BALAI_SPARK",
        "",
        str,
        "address of the Spark that counts partners' data, such as spark://host:7077; empty: DuckDB does",
    ),
    Variable("BALAI_STALE_TASK_MINUTES", "10", int, "a running task older than this is taken up again"),
    Variable("BALAI_LOG_LEVEL", "INFO", str, "DEBUG, INFO, WARNING or ERROR"),
    Variable("BALAI_LOG_FORMAT", "line", log_format, "line for people, or json: one object a line"),
)


class Environment:
    """Typed reads of the table; ``NAME_FILE`` reads the value from a file, for secrets."""

    def __init__(self, source: dict[str, str] | None = None) -> None:
        self._source = dict(os.environ if source is None else source)
        self._table = {variable.name: variable for variable in TABLE}

    def __getitem__(self, name: str) -> Any:
        """Raises KeyError for a name not in the table, SystemExit for a value that does not parse."""
        variable = self._table[name]
        text = self._source.get(name)
        if text is None and (path := self._source.get(f"{name}_FILE")):
            text = Path(path).read_text(encoding="utf-8").strip()
        if text is None:
            text = variable.default
        try:
            return variable.parse(text)
        except ValueError as fault:
            raise SystemExit(f"{name}={text!r}: {fault} ({variable.meaning})") from fault
