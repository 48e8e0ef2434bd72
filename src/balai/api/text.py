"""Texts as callers may send them: bounded, and without the NUL that no database keeps."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text cannot contain NUL")
    text.encode("utf-8")
    return text


type Plain = Annotated[str, AfterValidator(_plain)]
type Line = Annotated[str, StringConstraints(max_length=300), AfterValidator(_plain)]
type Long = Annotated[str, StringConstraints(max_length=8000), AfterValidator(_plain)]
type Degrees = Annotated[float, AfterValidator(lambda value: _finite(value))]


def _finite(value: float) -> float:
    if not -360 <= value <= 360:
        raise ValueError("degrees lie between -360 and 360")
    return value
