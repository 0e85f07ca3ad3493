"""Poisson counts, drawn in compiled loops.

Small means are inverted: the distribution is summed until it passes a uniform number. Others are
drawn by transformed rejection (W. Hörmann, "The transformed rejection method for generating
Poisson random variables", Insurance: Mathematics and Economics 12 (1993) 39-45, algorithm PTRS),
which takes a logarithm in one draw of eight alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...native.compilation import compiled

Words = NDArray[np.uint64]

#: Means from which on counts are drawn by rejection: the method holds from here.
REJECTED = 10.0
#: Means beyond which counts do not fit 64 bits, some standard deviations included.
MOST = 9e18
#: Counts of small means end here: one beyond has a probability of 1e-60.
SMALL = 100

#: Shifts of the generator, as words: numba makes a float of a word and a signed number.
S11, S17, S19, S23, S41, S45 = (np.uint64(bits) for bits in (11, 17, 19, 23, 41, 45))

RECIPROCALS = np.array([0.0, *(1 / k for k in range(1, SMALL + 1))])


@compiled
def draw_counts(means: NDArray[np.float64], states: Words) -> bool:
    """Replace means by counts, drawn one after the other.

    Parameters
    ----------
    means : ndarray of float64, shape (c, S)
        Contiguous; used up.
    states : ndarray of uint64, shape (c, 4)
        Random words, of which the numbers of each row follow; used up.

    Returns
    -------
    bool
        False if a mean was negative, NaN, or beyond `MOST`: nothing is right then.
    """
    for row in range(len(means)):
        state = states[row]
        for k in range(means.shape[1]):
            mean = means[row, k]
            if not 0 <= mean <= MOST:
                return False
            if mean >= REJECTED:
                means[row, k] = _reject(mean, state)
            elif mean > 0:
                means[row, k] = _invert(mean, state)
    return True


@compiled
def uniform(state: Words) -> float:
    """Draw a number from 0 to 1, exclusive, with the generator xoshiro256++.

    D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM Transactions on
    Mathematical Software 47 (2021), article 36.
    """
    a, b, c, d = state[0], state[1], state[2], state[3]
    e = a + d
    word = ((e << S23) | (e >> S41)) + a
    c ^= a
    d ^= b
    state[0], state[1] = a ^ d, b ^ c
    state[2], state[3] = c ^ (b << S17), (d << S45) | (d >> S19)
    return np.float64(word >> S11) * 2.0**-53


@compiled
def _invert(mean: float, state: Words) -> float:
    """Draw a count of a small mean."""
    rest = uniform(state)
    if rest < 1 - mean:  # and so below exp(-mean), which need not be known
        return 0.0
    probability = math.exp(-mean)
    count = 0
    while rest >= probability and count < SMALL:
        rest -= probability
        count += 1
        probability *= mean * RECIPROCALS[count]
    return float(count)


@compiled
def _reject(mean: float, state: Words) -> float:
    """Draw a count of a mean of 10 or more; the names are those of the paper."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    v_r = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform(state) - 0.5, uniform(state)
        us = 0.5 - abs(u)
        if us < 1e-300:  # the one draw that divides by zero
            continue
        k: float = math.floor((2 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
        if math.log(v * inverse_alpha / (a / (us * us) + b)) <= log_probability(k, mean):
            return k


@compiled
def log_probability(count: float, mean: float) -> float:
    """Return the logarithm of a Poisson probability.

    By Stirling's series, whose leading terms are put together with those of the mean: for large
    counts these differ in their last digits alone.

    Parameters
    ----------
    count : float
        A whole number, 0 or more.
    mean : float
        Above 0.
    """
    if count < 10:
        found = -mean
        for k in range(1, int(count) + 1):
            found += math.log(mean * RECIPROCALS[k])
        return found
    away = (mean - count) / count
    inverse = 1 / count
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return count * (math.log1p(away) - away) - 0.5 * math.log(2 * math.pi * count) - series
