"""Translations without gettext programs.

python tools/messages.py update [DIR ...]   add missing msgids to the catalogues, drop the unused
python tools/messages.py check  [DIR ...]   fail on any text that is missing, empty, fuzzy or ill-formed
python tools/messages.py compile            write the .mo files beside the .po files

A catalogue is ``<dir>/locale/id/LC_MESSAGES/django.po``; ``<dir>`` is a room (``src/balai/needs``), a room of
the portal (``src/balai/portal/needs``, which also owns ``portal/templates/needs``) or the portal itself.
"""

import argparse
import ast
import io
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "balai"
PORTAL = PACKAGE / "portal"
LANGUAGE = "id"
ACCOUNT_TEMPLATES = {"account", "allauth", "mfa", "socialaccount", "usersessions"}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER = f"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: {LANGUAGE}\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
LITERAL = r"""u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(
    rf"\b(npgettext|pgettext|ngettext|gettext|_)\(\s*{LITERAL}(?:,\s*{LITERAL})?(?:,\s*{LITERAL})?"
)
PLACEHOLDER = re.compile(
    r"%%|%\((\w+)\)[-#0 +]*[\d.]*[diouxXeEfFgGcrsa]|%[-#0 +]*[\d.]*[diouxXeEfFgGcrsa]|\{\w*\}"
)

type Key = tuple[str | None, str]
type Found = dict[Key, str | tuple[str, str]]


def home_of(source: Path) -> Path:
    """The folder whose catalogue holds the texts of ``source``."""
    parts = source.relative_to(PACKAGE).parts
    if len(parts) == 1:
        return PACKAGE / "core"
    if parts[0] != "portal":
        return PACKAGE / parts[0]
    room = parts[2] if parts[1] == "templates" and len(parts) > 3 else parts[1]
    if room in ACCOUNT_TEMPLATES:
        room = "accounts"
    own = PORTAL / room
    return own if room not in {"templates", "templatetags", "static", "locale"} and own.is_dir() else PORTAL


def texts_of_python(source: Path) -> Iterator[tuple[str | None, str | tuple[str, str]]]:
    with source.open("rb") as file:
        for _line, message, _comments, context in extract(
            "python", file, KEYWORDS, options={"encoding": "utf-8"}
        ):
            yield context, message


def texts_of_template(source: Path) -> Iterator[tuple[str | None, str | tuple[str, str]]]:
    from django.utils.translation.template import templatize

    for call in CALL.finditer(templatize(source.read_text(encoding="utf-8"), origin=str(source))):
        kind, *literals = call.groups()
        words = [ast.literal_eval(literal) for literal in literals if literal is not None]
        match kind:
            case "pgettext":
                yield words[0], words[1]
            case "npgettext":
                yield words[0], (words[1], words[2])
            case "ngettext":
                yield None, (words[0], words[1])
            case _:
                yield None, words[0]


def collect() -> dict[Path, Found]:
    """All texts of the package, by the folder whose catalogue holds them."""
    found: dict[Path, Found] = defaultdict(dict)
    for source in sorted(PACKAGE.rglob("*")):
        if source.suffix == ".py" and "migrations" not in source.parts:
            texts = texts_of_python(source)
        elif source.suffix in {".html", ".txt"} and "templates" in source.parts:
            texts = texts_of_template(source)
        else:
            continue
        home = found[home_of(source)]
        for context, message in texts:
            singular = message if isinstance(message, str) else message[0]
            if singular and not (isinstance(home.get((context, singular)), tuple)):
                home[context, singular] = message
    return {home: texts for home, texts in found.items() if texts}


def path_of(home: Path) -> Path:
    return home / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def read(home: Path) -> dict[Key, Message]:
    """The catalogue of a folder; empty where there is none yet."""
    if not path_of(home).exists():
        return {}
    with path_of(home).open("rb") as file:
        catalogue = read_po(file, locale=LANGUAGE, abort_invalid=True)
    return {(m.context, m.id if isinstance(m.id, str) else m.id[0]): m for m in catalogue if m.id}


def said(message: Message | None) -> tuple[str, ...]:
    """What stands in msgstr, as a tuple of plural forms; empty where nothing does."""
    if message is None or not message.string:
        return ()
    forms = (message.string,) if isinstance(message.string, str) else tuple(message.string)
    return forms if all(forms) else ()


def replace(path: Path, content: bytes) -> None:
    """Write through a temporary file, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(name, 0o644)
    os.replace(name, path)


def update(homes: list[Path], found: dict[Path, Found]) -> int:
    elsewhere: dict[Key, tuple[str, ...]] = {}
    for home in sorted(found):
        for key, message in read(home).items():
            if said(message) and "fuzzy" not in message.flags:
                elsewhere.setdefault(key, said(message))
    for home in homes:
        known = read(home)
        catalogue = Catalog(locale=LANGUAGE)
        catalogue.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
        empty = 0
        for key, message in found.get(home, {}).items():
            forms = said(known.get(key)) or elsewhere.get(key, ())
            empty += not forms
            string = (forms or ("",)) if isinstance(message, tuple) else (forms[0] if forms else "")
            flags = [flag for flag in (known[key].flags if key in known else ()) if flag == "fuzzy"]
            catalogue.add(message, string, context=key[0], flags=flags)
        buffer = io.BytesIO()
        write_po(buffer, catalogue, width=100, no_location=True, omit_header=True, sort_output=True)
        content = HEADER.encode() + buffer.getvalue()
        if not path_of(home).exists() or path_of(home).read_bytes() != content:
            replace(path_of(home), content)
        print(f"{home.relative_to(PACKAGE.parent)}: {len(found.get(home, {}))} texts, {empty} to translate")
    return 0


def placeholders(text: str) -> list[str]:
    return sorted(match.group() for match in PLACEHOLDER.finditer(text) if match.group() != "%%")


def faults_of(home: Path, texts: Found) -> Iterator[str]:
    try:
        known = read(home)
    except Exception as fault:
        yield f"cannot be read: {fault}"
        return
    for key, message in sorted(texts.items(), key=lambda item: item[0][1]):
        entry, forms = known.get(key), said(known.get(key))
        if entry is None:
            yield f"missing: {key[1]!r}"
        elif not forms:
            yield f"not translated: {key[1]!r}"
        elif "fuzzy" in entry.flags:
            yield f"fuzzy: {key[1]!r}"
        elif isinstance(message, tuple) != isinstance(entry.id, tuple):
            yield f"plural forms differ: {key[1]!r}"
        else:
            wanted = placeholders(message if isinstance(message, str) else message[1])
            for form in forms:
                if placeholders(form) != wanted:
                    yield f"placeholders differ: {key[1]!r} -> {form!r}"
    for _context, text in sorted(known.keys() - texts.keys(), key=lambda key: key[1]):
        yield f"no longer used: {text!r}"


def check(homes: list[Path], found: dict[Path, Found]) -> int:
    """Print every fault; 1 if there is any."""
    faults = 0
    for home in homes:
        for fault in faults_of(home, found.get(home, {})):
            print(f"{path_of(home).relative_to(PACKAGE.parent)}: {fault}")
            faults += 1
    first: dict[Key, tuple[Path, tuple[str, ...]]] = {}
    for home in sorted(found):
        for key in found[home]:
            forms = said(read(home).get(key)) if faults == 0 else ()
            if not forms:
                continue
            other, before = first.setdefault(key, (home, forms))
            if before != forms and {home, other} & set(homes):
                names = " and ".join(str(h.relative_to(PACKAGE)) for h in (other, home))
                print(f"{names} translate {key[1]!r} differently; all catalogues are read as one")
                faults += 1
    print(f"{sum(len(found.get(home, {})) for home in homes)} texts, {faults} faults")
    return 1 if faults else 0


def compile_all() -> int:
    """Bring every .mo up to date with its .po; a no-op where it is."""
    written = 0
    for source in sorted(PACKAGE.rglob("locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parts[-3])
        buffer = io.BytesIO()
        write_mo(buffer, catalogue)
        replace(target, buffer.getvalue())
        written += 1
    return written


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["update", "check", "compile"])
    parser.add_argument("dirs", nargs="*", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "compile":
        print(f"{compile_all()} catalogues compiled")
        return 0
    found = collect()
    homes = sorted(found)
    if chosen.dirs:
        homes = []
        for given in chosen.dirs:
            home = given.resolve() if given.is_dir() else (PACKAGE / given).resolve()
            if home not in found and not path_of(home).exists():
                print(f"{given}: no texts to translate there")
                continue
            homes.append(home)
    return (update if chosen.command == "update" else check)(homes, found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
