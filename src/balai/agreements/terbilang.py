"""Numbers and dates in words, as an Indonesian agreement writes them beside the figures."""

from datetime import date

_ONES = ("nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan")
_SCALES = ((10**12, "triliun"), (10**9, "miliar"), (10**6, "juta"))
LIMIT = 10**15

DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
MONTHS = {
    "id": (
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def terbilang(number: int) -> str:
    """Spell a whole number in Indonesian: 1250 is ``seribu dua ratus lima puluh``.

    Raises ValueError at a thousand trillion (10**15) and beyond, in either direction.
    """
    if abs(number) >= LIMIT:
        raise ValueError(f"{number} is beyond what can be spelled")
    if number < 0:
        return f"minus {terbilang(-number)}"
    if number == 0:
        return _ONES[0]
    return " ".join(_words(number))


def _words(number: int) -> list[str]:
    words: list[str] = []
    for size, name in _SCALES:
        count, number = divmod(number, size)
        if count:
            words += [*_below_thousand(count), name]
    thousands, number = divmod(number, 1000)
    if thousands == 1:
        words.append("seribu")
    elif thousands:
        words += [*_below_thousand(thousands), "ribu"]
    return words + _below_thousand(number)


def _below_thousand(number: int) -> list[str]:
    words: list[str] = []
    hundreds, rest = divmod(number, 100)
    if hundreds == 1:
        words.append("seratus")
    elif hundreds:
        words += [_ONES[hundreds], "ratus"]
    if rest >= 20:
        tens, rest = divmod(rest, 10)
        words += [_ONES[tens], "puluh"]
    elif rest >= 12:
        return [*words, _ONES[rest - 10], "belas"]
    elif rest >= 10:
        return [*words, "sepuluh" if rest == 10 else "sebelas"]
    if rest:
        words.append(_ONES[rest])
    return words


def plain_date(day: date, language: str) -> str:
    """``13 September 2019`` in the language ``id`` or ``en``."""
    return f"{day.day} {MONTHS[language][day.month - 1]} {day.year}"


def date_in_words(day: date, language: str) -> str:
    """The opening of an agreement: weekday, day, month and year in words, then in figures."""
    weekday = DAYS[language][day.weekday()]
    month = MONTHS[language][day.month - 1]
    figures = f"{day:%d-%m-%Y}"
    if language == "id":
        return (
            f"hari {weekday} tanggal {terbilang(day.day)} bulan {month} "
            f"tahun {terbilang(day.year)} ({figures})"
        )
    return f"{weekday}, {plain_date(day, 'en')} ({figures})"
