from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.agreements.terbilang import LIMIT, date_in_words, plain_date, terbilang

ONES = {
    word: value
    for value, word in enumerate(
        ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan"]
    )
} | {"sepuluh": 10, "sebelas": 11}
SCALES = {"triliun": 10**12, "miliar": 10**9, "juta": 10**6, "ribu": 10**3}


def read(words: str) -> int:
    """The number a reader understands; written apart from the speller."""
    total = group = last = 0
    for word in words.split():
        if word in ONES:
            last = ONES[word]
        elif word == "belas":
            group, last = group + 10 + last, 0
        elif word == "puluh":
            group, last = group + 10 * last, 0
        elif word == "ratus":
            group, last = group + 100 * last, 0
        elif word == "seratus":
            group, last = group + 100, 0
        elif word == "seribu":
            total, group, last = total + 1000, 0, 0
        else:
            total, group, last = total + (group + last) * SCALES[word], 0, 0
    return total + group + last


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "nol"),
        (10, "sepuluh"),
        (11, "sebelas"),
        (12, "dua belas"),
        (19, "sembilan belas"),
        (21, "dua puluh satu"),
        (100, "seratus"),
        (111, "seratus sebelas"),
        (1000, "seribu"),
        (1945, "seribu sembilan ratus empat puluh lima"),
        (11_000, "sebelas ribu"),
        (101_000, "seratus satu ribu"),
        (1_001_000, "satu juta seribu"),
        (2_000_000_000, "dua miliar"),
        (-7, "minus tujuh"),
    ],
)
def test_terbilang_of_known_numbers(number: int, words: str) -> None:
    assert terbilang(number) == words


@given(st.integers(min_value=0, max_value=LIMIT - 1))
def test_terbilang_reads_back_as_the_number(number: int) -> None:
    assert read(terbilang(number)) == number


@pytest.mark.parametrize("number", [LIMIT, -LIMIT])
def test_terbilang_refuses_what_it_cannot_spell(number: int) -> None:
    with pytest.raises(ValueError, match="beyond"):
        terbilang(number)


def test_dates_in_words() -> None:
    day = date(2019, 9, 13)

    assert plain_date(day, "id") == "13 September 2019"
    assert date_in_words(day, "id") == (
        "hari Jumat tanggal tiga belas bulan September tahun dua ribu sembilan belas (13-09-2019)"
    )
    assert date_in_words(day, "en") == "Friday, 13 September 2019 (13-09-2019)"
