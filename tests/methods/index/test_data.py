"""Data from CSV: what is read, and faults that name row and column."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from balai.methods.index.data import Data, read_csv
from balai.methods.index.errors import DataError
from balai.methods.index.spec import Reading
from tests.methods.index.small import NAN, small_data


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "data.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_with_years_groups_and_gaps(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeffkode,year,name,island,a,b\r\n3171,2024,Jakarta,Java,1.5,..\r\n\r\n3171,2025,Jakarta,,-2e3,\r\n",
    )
    data = read_csv(path, ["b", "a"], ["island"])
    assert data.units == ("3171", "3171")
    assert data.years == (2024, 2025)
    assert data.groups == {"island": ("Java", "")}
    assert data.codes == ("b", "a")
    assert_array_equal(data.X, [[NAN, 1.5], [NAN, -2000]])


def test_numbers_as_offices_write_them(tmp_path: Path) -> None:
    path = write(tmp_path, "kode;año;share;sum\nx;2020;8,5%;1.250.000,5\ny;2021;*;3\n", "latin-1")
    reading = Reading(
        code="kode",
        year="año",
        delimiter=";",
        decimal=",",
        thousands=".",
        percent=True,
        missing=("*",),
        encoding="latin-1",
    )
    data = read_csv(path, ["share", "sum"], reading=reading)
    assert_array_equal(data.X, [[8.5, 1250000.5], [NAN, 3]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "data.csv is empty"),
        ("code,a\n", "data.csv has no units"),
        ("code,b\nx,1\n", "column a: the file has no such column; it has code, b"),
        ("code,a,a\nx,1,1\n", "row 1, column a: stands twice in the header"),
        ("code,a\nx,1,2\n", "row 2: has 3 cells, the header 2"),
        ("code,a\n\nx,1\n\n,2\n", "row 5, column code: the code of the unit is missing"),
        ("code,a\nx,1\ny,2\nx,3\n", "row 4: unit x stands twice, first in row 2"),
        ("code,year,a\nx,2020,1\nx,2020,3\n", "row 3: unit x stands twice in 2020, first in row 2"),
        ("code,year,a\nx,MMXX,1\n", "row 2, column year: 'MMXX' is not a year"),
        ("code,a\nx,1\ny,two\n", "row 3, column a: 'two' (unit y) is not a number; if it means a gap"),
        ("code,a\nx,8%\n", "row 2, column a: '8%' (unit x) is not a number; \"percent = true\""),
        ('code,a\nx,"1,5"\n', '\'1,5\' (unit x) is not a number; "thousands" or "decimal"'),
        ("code,a\nx,1_0\n", "row 2, column a: '1_0' (unit x) is not a number"),
        ("code,a\nx,inf\n", "row 2, column a: 'inf' (unit x) is not a number"),
    ],
)
def test_a_fault_names_the_cell(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_csv(write(tmp_path, text), ["a"])
    assert words in str(caught.value)


def test_another_encoding_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "code,a\nañ,1\n", "latin-1")
    with pytest.raises(DataError, match=r"data\.csv is not utf-8; set data.encoding"):
        read_csv(path, ["a"])
    with pytest.raises(DataError, match=r"data\.encoding 'martian' is not known"):
        read_csv(path, ["a"], reading=Reading(encoding="martian"))


def test_tables_in_python_are_checked_too() -> None:
    with pytest.raises(DataError, match="row 3: unit x stands twice, first in row 2"):
        small_data([[1, 2, 3], [4, 5, 6]], units=("x", "x"))
    with pytest.raises(DataError, match="row 2, column b: is infinite"):
        small_data([[1, np.inf, 3]])
    with pytest.raises(DataError, match="column a: stands twice"):
        Data(("x",), ("a", "a"), np.ones((1, 2)))
    with pytest.raises(DataError, match="column island: has 1 values for 2 units"):
        small_data([[1, 2, 3], [4, 5, 6]], groups={"island": ("Java",)})


def test_the_hash_is_that_of_the_values() -> None:
    one = small_data([[1, 2, 3], [4, NAN, 6]])
    assert one.hash == small_data([[1, 2, 3], [4, -NAN, 6]]).hash
    assert one.hash != small_data([[1, 2, 3], [4, 0, 6]]).hash
    assert one.hash != small_data([[1, 2, 3], [4, NAN, 6]], units=("u1", "v2")).hash
    assert small_data([[0.0, 1, 1]]).hash == small_data([[-0.0, 1, 1]]).hash
