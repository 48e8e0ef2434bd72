from pathlib import Path

import pytest

from tools import messages

TEMPLATE = """{% load i18n %}<p title='it"s'>{% translate "Save" %}
{% blocktranslate trimmed count n=rows %}
  {{ n }} row
{% plural %}
  {{ n }} rows
{% endblocktranslate %} {% translate "May" context "month" %} {{ name|default:_("nobody") }}</p>
"""

CODE = """
from django.utils.translation import gettext as _, ngettext_lazy, pgettext

A = _("Send")
B = ngettext_lazy("%(n)s day", "%(n)s days", "n")
C = pgettext("verb", "Open")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two rooms: one of code, one of the portal with a template."""
    monkeypatch.setattr(messages, "PACKAGE", tmp_path)
    monkeypatch.setattr(messages, "PORTAL", tmp_path / "portal")
    for folder in ("needs", "portal/needs", "portal/templates/needs", "portal/templates/components"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "needs" / "rules.py").write_text(CODE)
    (tmp_path / "portal" / "templates" / "needs" / "list.html").write_text(TEMPLATE)
    (tmp_path / "portal" / "templates" / "components" / "x.html").write_text('{% translate "Close" %}')
    return tmp_path


def translate(home: Path, old: str, new: str) -> None:
    path = messages.path_of(home)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_texts_are_found_and_belong_to_the_room_that_says_them(package: Path) -> None:
    assert messages.collect() == {
        package / "needs": {
            (None, "Send"): "Send",
            (None, "%(n)s day"): ("%(n)s day", "%(n)s days"),
            ("verb", "Open"): "Open",
        },
        package / "portal": {(None, "Close"): "Close"},
        package / "portal" / "needs": {
            (None, "Save"): "Save",
            (None, "%(n)s row"): ("%(n)s row", "%(n)s rows"),
            ("month", "May"): "May",
            (None, "nobody"): "nobody",
        },
    }


def test_update_keeps_what_is_translated_and_drops_what_is_gone(package: Path) -> None:
    messages.main(["update", "needs"])
    translate(package / "needs", 'msgid "Send"\nmsgstr ""', 'msgid "Send"\nmsgstr "Kirim"')
    (package / "needs" / "rules.py").write_text('A = _("Send"); B = _("Stop")')

    messages.main(["update", "needs"])
    once = messages.path_of(package / "needs").read_text()
    messages.main(["update", "needs"])

    assert {key[1]: m.string for key, m in messages.read(package / "needs").items()} == {
        "Send": "Kirim",
        "Stop": "",
    }
    assert messages.path_of(package / "needs").read_text() == once


@pytest.mark.parametrize(
    ("plural", "fault"),
    [
        ("%(n)s hari", ""),
        ("", "not translated: '%(n)s day'"),
        ("hari", "placeholders differ: '%(n)s day' -> 'hari'"),
        ("%(m)s hari", "placeholders differ: '%(n)s day' -> '%(m)s hari'"),
    ],
)
def test_check_finds_what_is_missing_or_ill_formed(package: Path, capsys, plural: str, fault: str) -> None:
    messages.main(["update", "needs"])
    translate(package / "needs", 'msgid "Send"\nmsgstr ""', 'msgid "Send"\nmsgstr "Kirim"')
    translate(package / "needs", 'msgid "Open"\nmsgstr ""', 'msgid "Open"\nmsgstr "Buka"')
    translate(package / "needs", 'msgstr[0] ""', f'msgstr[0] "{plural}"')
    capsys.readouterr()

    status = messages.main(["check", "needs"])

    said = capsys.readouterr().out.splitlines()
    assert status == (1 if fault else 0)
    assert [line.partition(": ")[2] for line in said[:-1]] == ([fault] if fault else [])


def test_compile_writes_what_gettext_reads_and_only_once(package: Path) -> None:
    import gettext

    messages.main(["update", "needs"])
    translate(package / "needs", 'msgid "Send"\nmsgstr ""', 'msgid "Send"\nmsgstr "Kirim"')

    assert (messages.compile_all(), messages.compile_all()) == (1, 0)
    with messages.path_of(package / "needs").with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Send") == "Kirim"
