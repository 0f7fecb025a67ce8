"""Recalibration: a release's probabilities, put right by what came of them here.

A model of a fleet is off in level on a host that it never saw. Its answer p becomes
sigmoid(a * logit(p) + b): two numbers, learnt from the release's own outcomes on this
host, all entities together. They are shrunk towards a = 1 and b = 0, so that little
evidence changes little, and old evidence is forgotten. As a stays above 0, what was
more likely before stays more likely: a model is moved, never turned round.

Source:
    Platt, "Probabilistic outputs for support vector machines" (1999), for the line in
    log-odds; Spiegelhalter and Lauritzen, "Sequential updating of conditional
    probabilities on directed graphical structures", Networks 20 (1990), for learning
    it outcome by outcome with a normal prior: one Newton step each.
"""

import math
from typing import Final, Self

import msgspec

# float32 knows no probability that is nearer to 1.
_CLOSEST: Final = 2.0**-24
_SLOPES: Final = (0.25, 4.0)
_LEVELS: Final = (-4.0, 4.0)
# What is applied is what people are shown.
_DIGITS: Final = 4


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How readily a host's outcomes are believed.

    Attributes:
        slope_sd: How far `a` is expected to be from 1.
        level_sd: How far `b` is expected to be from 0.
        worth: What an outcome counts for, for one: others near it tell much the same,
            also where their horizons do not overlap.
        half_life_s: After which it counts half.
    """

    slope_sd: float = 0.35
    level_sd: float = 0.4
    worth: float = 0.6
    half_life_s: float = 4 * 86_400.0


TERMS: Final = Terms()


class Calibration(msgspec.Struct, frozen=True):
    """What a release's own probability was made by this host's record of it.

    Attributes:
        said: What the model itself said.
        a: Slope in log-odds, above 0.
        b: Shift in log-odds.
        outcomes: From how many these were learnt.
    """

    said: float
    a: float
    b: float
    outcomes: int

    @property
    def answer(self) -> float:
        """The probability that everybody sees."""
        return _sigmoid(self.a * _logit(self.said) + self.b)

    def of(self, said: float) -> Self:
        """Return the same for another word of the model."""
        return msgspec.structs.replace(self, said=said)


class Learnt(msgspec.Struct, array_like=True):
    """What outcomes have taught of one release, beyond the prior.

    With d = (a - 1, b) and the prior's precision P, d solves (P + information) d =
    pull. To forget is therefore to shrink these five numbers.

    Attributes:
        outcomes: How many there were.
        at_s: Unix seconds of the newest moment among them.
        aa: Information on a, `ab` on both, `bb` on b.
        pull_a: Towards which a the outcomes pull, by their information; `pull_b` alike.
    """

    outcomes: int = 0
    at_s: float = 0.0
    aa: float = 0.0
    ab: float = 0.0
    bb: float = 0.0
    pull_a: float = 0.0
    pull_b: float = 0.0


class Recalibration:
    """Learns a release's line from its outcomes on this host.

    Attributes:
        a: Slope that is applied, 0.25 to 4; 1 before the first outcome.
        b: Shift that is applied, -4 to 4; 0 before the first outcome.
    """

    def __init__(self, learnt: Learnt | None = None, *, terms: Terms = TERMS) -> None:
        self._learnt = learnt or Learnt()
        self._worth, self._half_life_s = terms.worth, terms.half_life_s
        self._prior_a, self._prior_b = terms.slope_sd**-2, terms.level_sd**-2
        self._slope, self._level = 1.0, 0.0
        self.a, self.b = 1.0, 0.0
        self._solve()

    @property
    def learnt(self) -> Learnt:
        """All that must survive a restart, for `Recalibration(learnt)`."""
        return self._learnt

    def calibration(self, said: float) -> Calibration | None:
        """Return what becomes of an answer; None while no outcome is known.

        Args:
            said: The model's own probability, 0..1.
        """
        outcomes = self._learnt.outcomes
        return Calibration(said, self.a, self.b, outcomes) if outcomes else None

    def learn(self, said: float, *, happened: bool, weight: float, at_s: float) -> None:
        """Take in one outcome.

        Args:
            said: What the model itself had said, 0..1.
            happened: Whether it came true.
            weight: Which part of an outcome it is, above 0: where horizons overlap,
                moments tell the same, and share one outcome.
            at_s: Unix seconds of the moment.
        """
        self._forget(at_s)
        x = _logit(said)
        z = self._slope * x + self._level
        q = _sigmoid(z)
        weight *= self._worth
        information = weight * q * (1.0 - q)
        pull = information * (z - x) + weight * (happened - q)
        learnt = self._learnt
        learnt.outcomes += 1
        learnt.aa += information * x * x
        learnt.ab += information * x
        learnt.bb += information
        learnt.pull_a += pull * x
        learnt.pull_b += pull
        self._solve()

    def _forget(self, at_s: float) -> None:
        """Let what is known count less by the time that went by."""
        learnt = self._learnt
        # Below 0: the clock went back, and nothing is forgotten.
        elapsed_s = max(0.0, at_s - learnt.at_s)
        learnt.at_s = at_s
        if elapsed_s:
            kept = 0.5 ** (elapsed_s / self._half_life_s)
            learnt.aa *= kept
            learnt.ab *= kept
            learnt.bb *= kept
            learnt.pull_a *= kept
            learnt.pull_b *= kept

    def _solve(self) -> None:
        """Find the line; where its slope is out of bounds, the best level for that."""
        learnt = self._learnt
        aa, ab, bb = self._prior_a + learnt.aa, learnt.ab, self._prior_b + learnt.bb
        # Information adds up: rounding must not make of it less than the prior's.
        scale = max(aa * bb - ab * ab, self._prior_a * self._prior_b)
        self._slope = 1.0 + (bb * learnt.pull_a - ab * learnt.pull_b) / scale
        self._level = (aa * learnt.pull_b - ab * learnt.pull_a) / scale
        a = _within(_SLOPES, self._slope)
        b = self._level + ab / bb * (self._slope - a)
        self.a, self.b = round(a, _DIGITS), round(_within(_LEVELS, b), _DIGITS)


def _within(bounds: tuple[float, float], value: float) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _logit(p: float) -> float:
    inside = min(max(p, _CLOSEST), 1.0 - _CLOSEST)
    return math.log(inside / (1.0 - inside))


def _sigmoid(z: float) -> float:
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    odds = math.exp(z)
    return odds / (1.0 + odds)
