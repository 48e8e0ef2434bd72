"""Places without boundaries: a cell of 0.02 degrees, named by its south-west corner.

The hub holds no boundaries of kelurahan, so a row that comes with coordinates is put into a cell about 2.2 km
wide at the equator, and the coordinates are forgotten. ``S6.20E106.82`` reaches from 6.20 to 6.18 degrees
south and from 106.82 to 106.84 degrees east; its southern and western edges belong to it.
"""

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, Context, Decimal

CELLS_A_DEGREE = 50
LONGEST_NUMBER = 60
PATTERN = r"[NS]\d{1,2}\.\d[02468][EW]\d{1,3}\.\d[02468]"
_number = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_exact = Context(prec=2 * LONGEST_NUMBER, Emax=MAX_EMAX, Emin=MIN_EMIN)


def degrees(text: str, most: int) -> Decimal:
    """The exact value of a JSON number of ``-most`` to ``most`` degrees. Raises ValueError."""
    if len(text) > LONGEST_NUMBER or not _number.fullmatch(text):
        raise ValueError("not a number of degrees")
    value = Decimal(text)
    if not -most <= value <= most:
        raise ValueError(f"beyond {most} degrees")
    return value


def cell(lat: Decimal, lng: Decimal) -> str:
    """The cell a point lies in; exact however close to a border it is."""
    return _corner(lat, "N", "S") + _corner(lng, "E", "W")


def _corner(value: Decimal, positive: str, negative: str) -> str:
    steps = int(_exact.multiply(value, Decimal(CELLS_A_DEGREE)).to_integral_value(ROUND_FLOOR, _exact))
    whole, part = divmod(abs(steps), CELLS_A_DEGREE)
    return f"{negative if steps < 0 else positive}{whole}.{part * 100 // CELLS_A_DEGREE:02d}"


def corner(name: str) -> tuple[Decimal, Decimal]:
    """Latitude and longitude of a cell's south-west corner. Raises ValueError."""
    found = re.fullmatch(r"([NS])([\d.]+)([EW])([\d.]+)", name) if re.fullmatch(PATTERN, name) else None
    if found is None:
        raise ValueError(f"{name} is no cell")
    lat, lng = Decimal(found[2]), Decimal(found[4])
    return (-lat if found[1] == "S" else lat), (-lng if found[3] == "W" else lng)
