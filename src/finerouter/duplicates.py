"""Which prompts are nearly the same text: they must not be learned from and judged by.

Takes texts; gives sketches, groups and flags. Two prompts are near-duplicates when about four
fifths of their runs of three words and signs are the same: a prompt of 25 words or more with one
word changed, one of 50 with two. Case, white space and what fills it make no difference. A question
with other numbers or names in it is another prompt, unless it is long.

The share (Jaccard similarity of the sets of runs) is estimated by MinHash: 64 hash functions, of
each the smallest value over a text's runs, of that one byte (Broder 1997, On the resemblance and
containment of documents; Li and Koenig 2010, b-bit minwise hashing). Near-duplicates agree in at
least 51 of the 64. With a true share of 0.7 two prompts pass for near-duplicates in 5 of 100
cases, with 0.9 they fail to in 1 of 200. Knows nothing of outcomes.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from finerouter.prompt import folded

Sketches = NDArray[np.uint8]
Labels = NDArray[np.int64]
Hashes = NDArray[np.uint64]

HASHES = 64
LEAST_EQUAL = 51
# At most 13 of 64 may differ, so of 16 bands of 4 at least 3 are equal, and of any three two lie in
# the same half: a pair that agrees in no two bands of one half need never be looked at.
_BAND = 4
_PAIRS = tuple(
    pair for half in (range(8), range(8, 16)) for pair in itertools.combinations(half, 2)
)
_RUN = 3
_BATCH = 2_048
# East Asian scripts write no spaces: there every character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
_STEP = np.uint64(0x9E3779B97F4A7C15)


def sketches(prompts: Sequence[str]) -> Sketches:
    """Sketches of texts, [prompt, 64]; equal texts have equal ones, near-duplicates agree."""
    found = np.empty((len(prompts), HASHES), dtype=np.uint8)
    numbers: dict[str, int] = {}
    for start in range(0, len(prompts), _BATCH):
        texts = prompts[start : start + _BATCH]
        runs, begins = _runs(texts, numbers)
        for at in range(HASHES):
            found[start : start + len(texts), at] = _smallest(runs, begins, at)
    return found


def near_duplicate_groups(prompts: Sequence[str]) -> Labels:
    """A label per prompt; near-duplicates share one, as do near-duplicates of near-duplicates.

    Labels count from 0 in the order of first appearance. Time grows with the texts' length, and
    with the square of the number of prompts that look alike without being near-duplicates.
    """
    unique, inverse = np.unique(sketches(prompts), axis=0, return_inverse=True)
    root = np.arange(len(unique))
    for members in _candidates(unique):
        _join(unique, root, members)
    return _numbered(np.array([_find(root, at) for at in range(len(unique))])[inverse.ravel()])


def nearly_among(asked: Sketches, known: Sketches) -> NDArray[np.bool_]:
    """Which of the asked texts are near-duplicates of a known one, [asked]."""
    found = np.zeros(len(asked), dtype=bool)
    for bands in _PAIRS:
        keys = _keys(known, bands)
        order = np.argsort(keys, kind="stable")
        wanted = _keys(asked, bands)
        first, last = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
        for row in np.flatnonzero((last > first) & ~found).tolist():
            found[row] = _agree(known[order[first[row] : last[row]]], asked[row]).any()
    return found


def _runs(texts: Sequence[str], numbers: dict[str, int]) -> tuple[Hashes, Labels]:
    """Hash of every run of three words of every text, and where each text's runs begin.

    Texts are padded on both sides, so that the first and the last word count as much as others.
    """
    pad = [0] * (_RUN - 1)
    words: list[int] = []
    begins: list[int] = []
    for text in texts:
        begins.append(len(words))
        words += pad  # it ends the text before as well
        words += [_number(word, numbers) for word in _words(text)]
    hashes = np.array(words + pad, dtype=np.uint64)
    count = len(words)
    runs = np.zeros(count, dtype=np.uint64)
    for step in range(_RUN):
        runs = _scrambled(runs * _STEP + hashes[step : count + step])
    return runs, np.array(begins, dtype=np.int64)


def _words(text: str) -> list[str]:
    plain = folded(text)
    return _WORD.findall(plain) or [plain]


def _number(word: str, numbers: dict[str, int]) -> int:
    number = numbers.get(word)
    if number is None:
        # Not hash(): that differs from process to process.
        data = word.encode("utf-8", "surrogatepass")
        number = numbers[word] = zlib.crc32(data) + 1
    return number


def _scrambled(values: Hashes) -> Hashes:
    """Mix the bits of every value (splitmix64, Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _smallest(runs: Hashes, begins: Labels, at: int) -> NDArray[np.uint8]:
    """Lowest byte of each text's smallest run by the hash function of this number."""
    mask, factor = _scrambled(np.array([2 * at + 1, 2 * at + 2], dtype=np.uint64) * _STEP)
    hashed = (runs ^ mask) * (factor | np.uint64(1))
    hashed ^= hashed >> np.uint64(32)
    # Of the whole value, for the smallest of many has small upper bytes.
    return (np.minimum.reduceat(hashed, begins) & np.uint64(0xFF)).astype(np.uint8)


def _keys(found: Sketches, bands: tuple[int, int]) -> Hashes:
    """Two bands of every sketch as one number."""
    parts = [found[:, _BAND * band : _BAND * (band + 1)] for band in bands]
    return np.ascontiguousarray(np.hstack(parts)).view(np.uint64).ravel()


def _agree(found: Sketches, one: Sketches) -> NDArray[np.bool_]:
    return (found == one).sum(axis=1) >= LEAST_EQUAL


def _candidates(found: Sketches) -> Iterator[Labels]:
    """Sets of sketches with two bands in common."""
    for bands in _PAIRS:
        keys = _keys(found, bands)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order[:1]] ^ np.uint64(1)))
        ends = np.append(starts[1:], len(order))
        for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
            yield order[start:end]


def _join(found: Sketches, root: Labels, members: Labels) -> None:
    """Join all near-duplicates among the members, until they are one group or all were compared."""
    rows = found[members]
    apart = _are_apart(root, members)
    for at in range(len(members) - 1):
        if not apart:
            return
        near = members[at + 1 :][_agree(rows[at + 1 :], rows[at])].tolist()
        for other in near:
            root[_find(root, other)] = _find(root, int(members[at]))
        apart = _are_apart(root, members) if near else apart


def _are_apart(root: Labels, members: Labels) -> bool:
    return len({_find(root, at) for at in members.tolist()}) > 1


def _find(root: Labels, at: int) -> int:
    while root[at] != at:
        root[at] = root[root[at]]
        at = int(root[at])
    return at


def _numbered(labels: Labels) -> Labels:
    """The labels as 0, 1, ... by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()]
