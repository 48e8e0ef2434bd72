import pytest

from balai.core.text import slug, stems, words


def test_words_are_bare() -> None:
    assert words("Jalan-jalan di Café_Ü №5, BANJIR!") == [
        "jalan",
        "jalan",
        "di",
        "cafe",
        "u",
        "no5",
        "banjir",
    ]


def test_forms_of_a_word_share_a_stem() -> None:
    assert stems("kebersihan membersihkan dibersihkan") == ["bersih", "bersih", "bersih"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lubang di Jalan Sudirman", "lubang-di-jalan-sudirman"),
        ("  ../../etc/passwd ", "etcpasswd"),
        ("kata " * 30, "kata-kata-kata-kata-kata-kata-kata-kata-kata-kata-kata-kata"),
        ("a" * 90, "a" * 60),
        ("道路", "-"),
    ],
)
def test_a_slug_is_safe_and_short(text: str, expected: str) -> None:
    assert slug(text) == expected
