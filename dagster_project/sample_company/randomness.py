"""Where chance comes from: generators named by purpose and day, and hashes that turn numbers into ids.

A draw depends on the seed, a purpose and a day, never on how far the simulation runs: that makes the rows
landed day by day equal to the rows landed at once. Not here: distributions of the story.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from dagster_project.sample_company.timeline import Floats, Ints

_ALPHABET = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


def generator(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """The generator of one purpose on one day."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), day])


def uniform(seed: int, purpose: str, size: int) -> Floats:
    """One number in [0, 1) per customer; the first k do not change when more customers exist."""
    return generator(seed, purpose).random(size)


def pick(draws: Floats, shares: tuple[float, ...]) -> Ints:
    """Positions 0, 1, ... drawn with the given shares, which sum to 1."""
    return np.searchsorted(np.cumsum(shares)[:-1], draws, side="right").astype(np.int64)


def mixed(seed: int, purpose: str, *keys: Ints) -> NDArray[np.uint64]:
    """A well-spread 64-bit hash of integer keys (splitmix64 finaliser; Steele, Lea, Flood 2014).

    Args:
        seed: Seed of the company.
        purpose: Name of the use, so that two uses of one key differ.
        keys: Integer arrays of equal shape.

    Returns:
        Hashes, the shape of the keys.
    """
    with np.errstate(over="ignore"):
        start = np.uint64(zlib.crc32(f"{seed}/{purpose}".encode()))
        value = np.full(np.shape(keys[0]), start, dtype=np.uint64)
        for key in keys:
            value = value + np.asarray(key).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            value = value ^ (value >> np.uint64(31))
    return value


def mixed_index(seed: int, purpose: str, choices: int, *keys: Ints) -> Ints:
    """A hash of integer keys as a position 0 ... choices - 1."""
    return (mixed(seed, purpose, *keys) % np.uint64(choices)).astype(np.int64)


def mixed_uniform(seed: int, purpose: str, *keys: Ints) -> Floats:
    """A hash of integer keys as a number in [0, 1)."""
    return (mixed(seed, purpose, *keys) >> np.uint64(11)).astype(np.float64) / float(2**53)


def code_text(values: NDArray[np.uint64], length: int) -> list[str]:
    """Hashes as text of letters and digits, as vendors write their ids."""
    letters = np.empty((len(values), length), dtype=np.uint8)
    rest = values.copy()
    for place in range(length):
        letters[:, place] = _ALPHABET[(rest % np.uint64(36)).astype(np.int64)]
        rest = rest // np.uint64(36)
    return [text.decode() for text in letters.view(f"S{length}").ravel().tolist()]
