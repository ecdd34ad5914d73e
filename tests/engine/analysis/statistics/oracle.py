"""The moderated Welch t once more, over many simulated studies at a time, and how these are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Numbers = NDArray[np.float64]
Bits = NDArray[np.bool_]


class Studies:
    """Studies of k experiments each: per experiment the scores (draws, seeds), and all pairs' tests (draws, k, k)."""

    def __init__(
        self,
        groups: Sequence[Numbers],
        pool: Sequence[Numbers] | None = None,
        d0: float = 2,
        guard: bool = True,
    ) -> None:
        self.groups = groups
        self.pool = groups if pool is None else pool
        several = [group for group in self.pool if group.shape[1] > 1]
        s0 = np.mean([group.var(axis=1, ddof=1) for group in several], axis=0)
        most = sum(group.shape[1] - 1 for group in several)
        sides = []
        for group in groups:
            own = group.shape[1] - 1
            squares = group.var(axis=1, ddof=1) if own else np.zeros(len(group))
            variance = (d0 * s0 + own * squares) / (d0 + own) if own else s0
            if guard:
                variance = np.maximum(variance, squares)
            sides.append((group.mean(axis=1), variance / (own + 1), min(d0 + own, most), variance))
        self.means = np.stack([mean for mean, *_ in sides], axis=1)
        shares = np.stack([share for _, share, *_ in sides], axis=1)
        freedoms = np.array([side[2] for side in sides])
        self.variances = np.stack([side[3] for side in sides], axis=1)
        self.freedoms, self.most = freedoms, most
        self.delta = self.means[:, :, None] - self.means[:, None, :]
        total = shares[:, :, None] + shares[:, None, :]
        parts = shares**2 / freedoms
        self.error = np.sqrt(total)
        self.freedom = np.minimum(total**2 / (parts[:, :, None] + parts[:, None, :]), most)
        self.p = 2 * stdtr(self.freedom, -np.abs(self.delta) / self.error)
        self.k = len(groups)

    def pairs(self, values: NDArray, which: Sequence[tuple[int, int]] | None = None) -> NDArray:
        """Return (draws, pairs): all pairs, or those named."""
        found = list(which or combinations(range(self.k), 2))
        return np.stack([values[:, a, b] for a, b in found], axis=1)

    def told(self, m: int, which: Sequence[tuple[int, int]] | None = None) -> Bits:
        """Return (draws, pairs): which are told by Šidák for ``m``."""
        return self.pairs(1 - (1 - self.p) ** m < 0.05, which)

    def half(self, m: int, confidence: float = 0.95) -> Numbers:
        """Return (draws, k, k) half widths of simultaneous intervals."""
        return stdtrit(self.freedom, (1 + confidence ** (1 / m)) / 2) * self.error

    def p_star(self) -> tuple[NDArray[np.int_], Numbers]:
        """Return the top (draws,) and its largest p against another."""
        top = self.means.argmax(axis=1)
        rows = self.p[np.arange(len(top)), top]
        rows[np.arange(len(top)), top] = 0
        return top, rows.max(axis=1)


def draw(
    random: np.random.Generator,
    draws: int,
    seeds: Sequence[int],
    *,
    h: float = 0.0,
    means: Sequence[float] | None = None,
    spreads: Sequence[float] | None = None,
) -> list[Numbers]:
    """Return scores (draws, seeds) of each experiment: normal, σ log-normal between experiments.

    The sd of log σ is ``h``, and the mean of σ² is 1.
    """
    groups = []
    for position, count in enumerate(seeds):
        sigma = np.exp(h * random.normal(size=(draws, 1)) - h**2) * (spreads[position] if spreads else 1)
        groups.append((means[position] if means else 0) + sigma * random.normal(size=(draws, count)))
    return groups
