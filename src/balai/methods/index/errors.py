"""What can be wrong with an index, in words that name the field, the cell or the stage."""


class MethodError(ValueError):
    """Anything that keeps an index from being computed; its text says what and where."""


class SpecError(MethodError):
    """A specification that does not hold. ``field`` is the fault's path: ``indicator LE.goalposts``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class DataError(MethodError):
    """A table that cannot be read. ``row`` counts from 1 with the header as 1; both may be None."""

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None) -> None:
        place = ", ".join(
            part for part in (f"row {row}" if row else "", f"column {column}" if column else "") if part
        )
        super().__init__(f"{place}: {message}" if place else message)
        self.row = row
        self.column = column


class StageError(MethodError):
    """A stage that cannot treat a column: ``stage`` and ``column`` say which."""

    def __init__(self, stage: str, column: str, message: str) -> None:
        super().__init__(f"{stage}, column {column}: {message}" if column else f"{stage}: {message}")
        self.stage = stage
        self.column = column
