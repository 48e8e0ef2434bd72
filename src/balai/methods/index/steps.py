"""The methods a specification may name, each a frozen dataclass of its parameters and nothing else.

``METHODS[kind][name]`` finds the class of a name in a file; the modules of the stages say what they do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Literal

Ties = Literal["min", "max", "average", "dense"]
Fallback = Literal["mean", "median", "none"]
Transform = Literal["none", "log", "log10", "log1p", "sqrt"]


FLOORS: Mapping[str, float] = MappingProxyType(
    {"none": -math.inf, "log": 0.0, "log10": 0.0, "log1p": -1.0, "sqrt": 0.0}
)
"""What a value must lie above to be transformed; sqrt takes its floor too."""


class Step:
    """One method with its parameters. ``name`` is what a file calls it; ``fault()`` says what is wrong."""

    name: ClassVar[str]

    def fault(self) -> tuple[str, str] | None:
        """The parameter and what is wrong with it, or None."""
        return None

    def as_dict(self) -> dict[str, Any]:
        """Name and all parameters, ready for canonical JSON."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"method": self.name, **given}


def _positive(step: Any, *names: str) -> tuple[str, str] | None:
    for name in names:
        value = getattr(step, name)
        if value is not None and not value > 0:
            return name, f"{value:g} is not above 0"
    return None


def _interval(step: Any, name: str) -> tuple[str, str] | None:
    value = getattr(step, name)
    if value is not None and not value[0] < value[1]:
        return name, f"lower {value[0]:g} is not below upper {value[1]:g}"
    return None


# --- screening


@dataclass(frozen=True)
class Screen(Step):
    """Which units stay: a share of indicators available, and of those a share that is not zero.

    ``by``: availability, zeros, or both. ``keep`` and ``drop`` name units that stay or go all the same.
    """

    name: ClassVar[str] = "coverage"
    by: Literal["available", "zeros", "both"] = "available"
    min_available: float = 2 / 3
    min_nonzero: float = 0.05
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def fault(self) -> tuple[str, str] | None:
        for name in ("min_available", "min_nonzero"):
            if not 0 <= getattr(self, name) <= 1:
                return name, f"{getattr(self, name):g} is not a share from 0 to 1"
        both = sorted(set(self.keep) & set(self.drop))
        return ("drop", f"{both[0]} is in keep and in drop") if both else None


# --- imputation


@dataclass(frozen=True)
class NoImputation(Step):
    """Gaps stay gaps; means are taken over what is there."""

    name: ClassVar[str] = "none"


@dataclass(frozen=True)
class ImputeMean(Step):
    """The mean of the column."""

    name: ClassVar[str] = "mean"


@dataclass(frozen=True)
class ImputeMedian(Step):
    """The median of the column."""

    name: ClassVar[str] = "median"


@dataclass(frozen=True)
class ImputeGroupMean(Step):
    """The mean of the unit's group; where the group has no value, ``fallback`` over the column."""

    name: ClassVar[str] = "group_mean"
    group: str
    fallback: Fallback = "none"


@dataclass(frozen=True)
class ImputeGroupMedian(Step):
    """The median of the unit's group; where the group has no value, ``fallback`` over the column."""

    name: ClassVar[str] = "group_median"
    group: str
    fallback: Fallback = "none"


@dataclass(frozen=True)
class ImputeCarry(Step):
    """Panel: the unit's latest earlier value, at most ``max_years`` years of the table back."""

    name: ClassVar[str] = "carry"
    max_years: int | None = None
    fallback: Fallback = "none"

    def fault(self) -> tuple[str, str] | None:
        return _positive(self, "max_years")


@dataclass(frozen=True)
class ImputeInterpolate(Step):
    """Panel: linear between the unit's years; beyond its first and last value the nearest if ``extend``."""

    name: ClassVar[str] = "interpolate"
    extend: bool = True
    fallback: Fallback = "none"


@dataclass(frozen=True)
class ImputeEM(Step):
    """Expectation of a multivariate normal fitted by expectation-maximisation.

    ``ridge`` is added to the diagonal of the covariance of the standardised columns, so that more columns
    than units do no harm.
    """

    name: ClassVar[str] = "em"
    max_iterations: int = 1000
    tolerance: float = 1e-9
    ridge: float = 0.0

    def fault(self) -> tuple[str, str] | None:
        if self.ridge < 0:
            return "ridge", f"{self.ridge:g} is below 0"
        return _positive(self, "max_iterations", "tolerance")


# --- treatment of outliers


@dataclass(frozen=True)
class NoTreatment(Step):
    """Values stay as they are."""

    name: ClassVar[str] = "none"


@dataclass(frozen=True)
class Winsor(Step):
    """Outliers drawn in, one by one, while |skew| and kurtosis both pass their thresholds.

    At most ``winmax`` points are changed (no limit if None); where that is not enough, ``then`` treats the
    column, from its original values unless ``combine``.
    """

    name: ClassVar[str] = "winsor"
    skew: float = 2.0
    kurtosis: float = 3.5
    winmax: int | None = 5
    then: Literal["none", "log", "log_CT", "log_CT_plus", "log_CT_orig", "log_GII", "box_cox"] = "log_CT"
    combine: bool = False

    def fault(self) -> tuple[str, str] | None:
        if self.winmax is not None and self.winmax < 0:
            return "winmax", f"{self.winmax} is below 0"
        return _positive(self, "skew")


@dataclass(frozen=True)
class LogTreatment(Step):
    """A logarithm of every value: ``treatment`` has the kinds. ``only_outliers`` spares columns that pass."""

    name: ClassVar[str] = "log"
    kind: Literal["log", "log_CT", "log_CT_plus", "log_CT_orig", "log_GII"] = "log_CT"
    only_outliers: bool = True
    skew: float = 2.0
    kurtosis: float = 3.5


@dataclass(frozen=True)
class BoxCox(Step):
    """Box and Cox's power transformation, ``exponent`` by maximum likelihood if None."""

    name: ClassVar[str] = "box_cox"
    exponent: float | None = None
    only_outliers: bool = True
    skew: float = 2.0
    kurtosis: float = 3.5


# --- normalisation


@dataclass(frozen=True)
class Keep(Step):
    """The value itself, with its sign turned where less is better."""

    name: ClassVar[str] = "none"


@dataclass(frozen=True)
class MinMax(Step):
    """From the least to the greatest value of the column, or between two of its ``percentiles`` (capped)."""

    name: ClassVar[str] = "minmax"
    range: tuple[float, float] = (0.0, 100.0)
    percentiles: tuple[float, float] | None = None
    cap: bool = True

    def fault(self) -> tuple[str, str] | None:
        if self.percentiles is not None and not 0 <= self.percentiles[0] < self.percentiles[1] <= 100:
            return "percentiles", "give two numbers from 0 to 100, the lower one first"
        return _interval(self, "range")


@dataclass(frozen=True)
class ZScore(Step):
    """Distance from the mean in sample standard deviations, times ``sd``, plus ``mean``."""

    name: ClassVar[str] = "zscore"
    mean: float = 0.0
    sd: float = 1.0

    def fault(self) -> tuple[str, str] | None:
        return _positive(self, "sd")


@dataclass(frozen=True)
class RankScore(Step):
    """Rank from below: the worst has 1."""

    name: ClassVar[str] = "rank"
    ties: Ties = "min"


@dataclass(frozen=True)
class PercentileRank(Step):
    """Rank from below, from 0 to 1 (times ``scale``)."""

    name: ClassVar[str] = "percentile_rank"
    ties: Ties = "min"
    scale: float = 1.0

    def fault(self) -> tuple[str, str] | None:
        return _positive(self, "scale")


@dataclass(frozen=True)
class Borda(Step):
    """How many units are worse: rank from below less one."""

    name: ClassVar[str] = "borda"
    ties: Ties = "min"


@dataclass(frozen=True)
class Goalposts(Step):
    """Between the two fixed values of the indicator (``goalposts``), truncated there if ``cap``."""

    name: ClassVar[str] = "goalposts"
    range: tuple[float, float] = (0.0, 100.0)
    cap: bool = True

    def fault(self) -> tuple[str, str] | None:
        return _interval(self, "range")


@dataclass(frozen=True)
class DistanceToMaximum(Step):
    """1 less the distance to the best value in ranges of the column."""

    name: ClassVar[str] = "distance_to_max"
    scale: float = 1.0


@dataclass(frozen=True)
class DistanceToReference(Step):
    """1 less the distance to the value of the unit ``reference`` in ranges from the worst value to it."""

    name: ClassVar[str] = "distance_to_reference"
    reference: str
    cap: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class DistanceToTarget(Step):
    """From the worst value (0) to the indicator's ``target`` (1); beyond it 1 if ``cap``."""

    name: ClassVar[str] = "distance_to_target"
    cap: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class FractionOfMaximum(Step):
    """Share of the greatest value; where less is better, the least value over the value."""

    name: ClassVar[str] = "fraction_of_max"
    scale: float = 1.0


@dataclass(frozen=True)
class Scaled(Step):
    """``(x - low) / (high - low) * scale``, never truncated; ``between`` is in the indicator's unit."""

    name: ClassVar[str] = "scaled"
    between: tuple[float, float] = (0.0, 100.0)
    scale: float = 100.0

    def fault(self) -> tuple[str, str] | None:
        return _interval(self, "between")


@dataclass(frozen=True)
class NormalScores(Step):
    """Normal quantile of ``(rank - offset) / (n + 1 - 2 offset)``; offset 0 van der Waerden, 3/8 Blom."""

    name: ClassVar[str] = "normal_scores"
    offset: float = 0.0
    ties: Ties = "average"

    def fault(self) -> tuple[str, str] | None:
        return None if 0 <= self.offset < 1 else ("offset", f"{self.offset:g} is not from 0 to below 1")


@dataclass(frozen=True)
class ExponentialRank(Step):
    """``-k ln(1 - R (1 - exp(-scale / k)))``, R = (rank - offset) / n: indices of multiple deprivation."""

    name: ClassVar[str] = "exponential_rank"
    k: float = 23.0
    scale: float = 100.0
    offset: float = 0.0
    ties: Ties = "average"

    def fault(self) -> tuple[str, str] | None:
        if not 0 <= self.offset <= 1:
            return "offset", f"{self.offset:g} is not from 0 to 1"
        return _positive(self, "k", "scale")


@dataclass(frozen=True)
class Exponential(Step):
    """The same stretch of a value that lies ``between`` two numbers of its unit, such as a rank given."""

    name: ClassVar[str] = "exponential"
    between: tuple[float, float] = (0.0, 1.0)
    k: float = 23.0
    scale: float = 100.0

    def fault(self) -> tuple[str, str] | None:
        return _interval(self, "between") or _positive(self, "k", "scale")


# --- weights of the children of a node


@dataclass(frozen=True)
class Given(Step):
    """The children's own ``weight``."""

    name: ClassVar[str] = "given"


@dataclass(frozen=True)
class Equal(Step):
    """The same for every child, whatever its ``weight``."""

    name: ClassVar[str] = "equal"


@dataclass(frozen=True)
class PcaWeights(Step):
    """Principal components, as in the OECD's Handbook; ``components`` "first" takes the first alone."""

    name: ClassVar[str] = "pca"
    components: Literal["first", "handbook"] = "first"


@dataclass(frozen=True)
class FactorWeights(Step):
    """One common factor by maximum likelihood: from its regression scores or its loadings."""

    name: ClassVar[str] = "factor"
    use: Literal["scores", "loadings"] = "scores"


@dataclass(frozen=True)
class EntropyWeights(Step):
    """Shannon's entropy of the columns."""

    name: ClassVar[str] = "entropy"


@dataclass(frozen=True)
class CriticWeights(Step):
    """CRITIC: contrast times conflict of the columns."""

    name: ClassVar[str] = "critic"


@dataclass(frozen=True)
class BenefitOfDoubt(Step):
    """Each unit's own best weights, with shares of the score from ``share_min`` to ``share_max``."""

    name: ClassVar[str] = "benefit_of_doubt"
    share_min: float = 0.0
    share_max: float = 1.0


@dataclass(frozen=True)
class CorrelationWeights(Step):
    """Weights whose scores correlate with each child as the children's ``weight`` asks."""

    name: ClassVar[str] = "correlation"


@dataclass(frozen=True)
class AhpWeights(Step):
    """The principal eigenvector of pairwise ``comparisons``, one row a child in the order of the file."""

    name: ClassVar[str] = "ahp"
    comparisons: tuple[tuple[float, ...], ...]
    max_ratio: float = 0.1


@dataclass(frozen=True)
class BudgetWeights(Step):
    """Points given by experts, one row an expert, in the order of the children; the mean share counts."""

    name: ClassVar[str] = "budget"
    points: tuple[tuple[float, ...], ...]


# --- aggregation


@dataclass(frozen=True)
class PowerMean(Step):
    """Weighted power mean: 1 arithmetic, 0 geometric, -1 harmonic, -inf the least, inf the greatest."""

    name: ClassVar[str] = "power"
    power: float = 1.0

    def fault(self) -> tuple[str, str] | None:
        return ("power", "is not a number") if math.isnan(self.power) else None


@dataclass(frozen=True)
class WeightedSum(Step):
    """Sum of weight times value, weights as they are; no score where a child is missing."""

    name: ClassVar[str] = "sum"


@dataclass(frozen=True)
class WeightedProduct(Step):
    """Product of values to the power of their weights, as they are; no score where a child is missing."""

    name: ClassVar[str] = "product"


@dataclass(frozen=True)
class MazziottaPareto(Step):
    """Mean less (or plus) the penalty for imbalance: M -/+ S^2 / M; "minus" punishes imbalance."""

    name: ClassVar[str] = "mazziotta_pareto"
    penalty: Literal["minus", "plus"] = "minus"


@dataclass(frozen=True)
class Minimum(Step):
    """The least of the children: nothing makes up for anything."""

    name: ClassVar[str] = "minimum"


@dataclass(frozen=True)
class Copeland(Step):
    """How many units a unit outranks by weight, less how many outrank it."""

    name: ClassVar[str] = "copeland"


Impute = (
    NoImputation
    | ImputeMean
    | ImputeMedian
    | ImputeGroupMean
    | ImputeGroupMedian
    | ImputeCarry
    | ImputeInterpolate
    | ImputeEM
)
Treat = NoTreatment | Winsor | LogTreatment | BoxCox
Normalise = (
    Keep
    | MinMax
    | ZScore
    | RankScore
    | PercentileRank
    | Borda
    | Goalposts
    | DistanceToMaximum
    | DistanceToReference
    | DistanceToTarget
    | FractionOfMaximum
    | Scaled
    | NormalScores
    | ExponentialRank
    | Exponential
)
Weights = (
    Given
    | Equal
    | PcaWeights
    | FactorWeights
    | EntropyWeights
    | CriticWeights
    | BenefitOfDoubt
    | CorrelationWeights
    | AhpWeights
    | BudgetWeights
)
Aggregate = PowerMean | WeightedSum | WeightedProduct | MazziottaPareto | Minimum | Copeland


def _by_name(union: Any) -> Mapping[str, type[Step]]:
    return MappingProxyType({step.name: step for step in union.__args__})


METHODS: Mapping[str, Mapping[str, type[Step]]] = MappingProxyType(
    {
        "screen": MappingProxyType({"coverage": Screen}),
        "impute": _by_name(Impute),
        "treat": _by_name(Treat),
        "normalise": _by_name(Normalise),
        "weights": _by_name(Weights),
        "aggregate": _by_name(Aggregate),
    }
)

SHORT: Mapping[str, Mapping[str, Step]] = MappingProxyType(
    {
        "aggregate": MappingProxyType(
            {"arithmetic": PowerMean(1.0), "geometric": PowerMean(0.0), "harmonic": PowerMean(-1.0)}
        )
    }
)
"""Names that stand for a method with its parameters."""
