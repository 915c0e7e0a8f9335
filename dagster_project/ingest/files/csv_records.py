"""Where the records of a CSV text begin and end, in sets over the bytes of a chunk.

CSV readers count rows, not lines: after a quoted line break their "line" is no longer the one that an editor
shows, and one quote that is never closed swallows what follows. This module splits bytes into records that
cover every line exactly once; the values inside a record are read by a library (`csv_rows.py`), never here.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NEWLINE, RETURN, QUOTE = 10, 13, 34
LONE_RETURN = "carriage return inside the line"
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The records of one chunk.

    Attributes:
        starts: First byte of each record.
        ends: First byte behind each record, its line end not included.
        lines: Line breaks in the chunk before each record.
        problems: Reason by index of the records whose quotes or line ends cannot be read.
        consumed: Bytes that belong to complete records; the rest goes in front of the next chunk.
    """

    starts: Positions
    ends: Positions
    lines: Positions
    problems: dict[int, str]
    consumed: int


@dataclass
class _Quoted:
    """What the quotes of a chunk say: line breaks inside of values, and lines that cannot be read."""

    is_inside: NDArray[np.bool_]  # per line break: inside a quoted value
    problems: dict[int, str] = field(default_factory=dict)  # by first byte of the line
    read_from: list[int] = field(default_factory=list)  # records whose quotes were followed one by one
    limit: int | None = None  # first byte of a record that may go on in the next chunk


def split_records(data: bytes, delimiter: str, is_last: bool) -> Split:
    """Split a chunk that begins at the start of a record.

    A quote opens a value only at the value's start; elsewhere it is text (`5" pipe`). A line whose quotes do
    not fit is a record of its own with a problem, and the next line starts afresh.

    Args:
        data: Bytes of the chunk.
        delimiter: One ASCII character.
        is_last: Whether the file ends with this chunk.

    Returns:
        The records of the chunk, blank lines among them.
    """
    characters = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(characters == NEWLINE)
    quotes = np.flatnonzero(characters == QUOTE)
    lone_returns = _lone_returns(characters)
    if _is_regular(characters, quotes, ord(delimiter), is_last):
        quoted = _Quoted(_is_odd(np.searchsorted(quotes, newlines)))
        lone_returns = lone_returns[~_is_odd(np.searchsorted(quotes, lone_returns))]
    else:
        quoted = _follow_quotes(data, quotes, newlines, _Grammar(delimiter), is_last)
    breaks = newlines[~quoted.is_inside]
    if quoted.limit is not None:
        breaks = breaks[breaks < quoted.limit]
    elif is_last and (not len(breaks) or breaks[-1] < len(data) - 1):
        breaks = np.append(breaks, len(data))
    starts = np.concatenate([np.zeros(1, dtype=np.int64), breaks + 1])[: len(breaks)]
    has_return = (
        (breaks > starts) & (characters[np.maximum(breaks - 1, 0)] == RETURN) if len(data) else breaks > 0
    )
    problems = {int(np.searchsorted(starts, at)): reason for at, reason in quoted.problems.items()}
    for index in _records_of(lone_returns, starts, breaks, quoted.read_from):
        problems.setdefault(index, LONE_RETURN)
    return Split(
        starts=starts,
        ends=breaks - has_return,
        lines=np.searchsorted(newlines, starts),
        problems=problems,
        consumed=min(int(breaks[-1]) + 1, len(data)) if len(breaks) else 0,
    )


def _is_odd(counts: Positions) -> NDArray[np.bool_]:
    return (counts % 2).astype(np.bool_)


def _lone_returns(characters: NDArray[np.uint8]) -> Positions:
    """Carriage returns that no line feed follows; one at the very end is left to the next chunk."""
    returns: Positions = np.flatnonzero(characters[:-1] == RETURN)
    is_lone: NDArray[np.bool_] = characters[returns + 1] != NEWLINE
    return np.compress(is_lone, returns)


def _is_regular(characters: NDArray[np.uint8], quotes: Positions, delimiter: int, is_last: bool) -> bool:
    """Whether each quote opens at a value's start, closes at its end or is doubled inside of it."""
    if not len(quotes):
        return True
    if is_last and len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = characters[opening[opening > 0] - 1]
    inner = closing[closing < len(characters) - 1]
    after = characters[inner + 1]
    second = characters[np.minimum(inner + 2, len(characters) - 1)]
    is_line_end = (after == NEWLINE) | ((after == RETURN) & (second == NEWLINE))
    opens_well = (before == delimiter) | (before == NEWLINE) | (before == QUOTE)
    return bool(opens_well.all() and ((after == delimiter) | (after == QUOTE) | is_line_end).all())


def _records_of(positions: Positions, starts: Positions, ends: Positions, skipped: list[int]) -> list[int]:
    """Indices of the complete records that hold one of the positions, without the skipped records."""
    if not len(starts) or not len(positions):
        return []
    indices = np.searchsorted(starts, positions, side="right") - 1
    # The carriage return right before a record's end is only here when the chunk ends with it.
    indices = np.unique(indices[positions < ends[indices]])
    found: list[int] = indices[~np.isin(starts[indices], np.array(skipped, dtype=np.int64))].tolist()
    return found


class _Grammar:
    """Regular expressions of one record; possessive, so that a bad line costs one pass."""

    def __init__(self, delimiter: str) -> None:
        separator = re.escape(delimiter)
        quoted = r'"(?:[^"]++|"")*+"'
        value = rf'(?:{quoted}|[^"{separator}\n][^{separator}\n]*+|)'
        strict_value = rf'(?:{quoted}|[^"{separator}\r\n][^{separator}\r\n]*+|)'
        end = r"(?=\r?\n|\r?\Z)"
        self.quoted = re.compile(quoted.encode())
        self.leading_values = re.compile(rf"(?:{value}{separator})*+".encode())
        self.record = re.compile(rf"(?:{value}{separator})*+{value}{end}".encode())
        self.record_without_returns = re.compile(
            rf"(?:{strict_value}{separator})*+{strict_value}{end}".encode()
        )


def _follow_quotes(
    data: bytes, quotes: Positions, newlines: Positions, grammar: _Grammar, is_last: bool
) -> _Quoted:
    """Follow the quotes of an irregular chunk one record at a time; lines without a quote are not visited."""
    result = _Quoted(is_inside=np.zeros(len(newlines), dtype=np.bool_))
    quote_list, spans, position, index = quotes.tolist(), [], 0, 0
    sure_end = len(data) if is_last else len(data) - data.endswith(b"\r")  # behind it, the next chunk decides
    while index < len(quote_list):
        start = max(position, data.rfind(b"\n", position, quote_list[index]) + 1)
        match = grammar.record.match(data, start)
        if match is not None:
            end, reason = match.end(), None
        else:
            end, reason = _bad_line(data, start, grammar, is_last)
        if not is_last and end >= sure_end:
            result.limit = start
            break
        if reason is None:
            spans.append((start, end))
            result.read_from.append(start)
            if data.find(b"\r", start, end) >= 0 and not grammar.record_without_returns.match(data, start):
                result.problems[start] = LONE_RETURN
        else:
            result.problems[start] = reason
        position = end + 1
        index = bisect_left(quote_list, position, lo=index)
    if spans:
        first, last = np.array(spans, dtype=np.int64).T
        begun, ended = (np.searchsorted(edge, newlines, side="right") for edge in (first, last))
        result.is_inside = begun > ended
    return result


def _bad_line(data: bytes, start: int, grammar: _Grammar, is_last: bool) -> tuple[int, str]:
    """End and reason of a line whose record cannot be read; the data's length when the record may go on."""
    leading = grammar.leading_values.match(data, start)
    value_start = leading.end() if leading else start
    quoted = grammar.quoted.match(data, value_start)
    if quoted is None:
        reason, resume = "quoted value is never closed", len(data)
    else:
        reason, resume = "text after a closing quote", quoted.end()
    if not is_last and data.find(b"\n", resume) < 0:
        return len(data), reason
    line_end = data.find(b"\n", start)
    return (line_end if line_end >= 0 else len(data)), reason
