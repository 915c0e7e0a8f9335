"""Lines of files that anybody may have written: none of them fills the memory.

Not here: what a line says.
"""

from collections.abc import Iterator
from typing import IO

MAX_LINE_BYTES = 16 * 1024 * 1024
TOO_LONG = f"the line is longer than {MAX_LINE_BYTES // 1024**2} MiB"


def bounded_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of at most `MAX_LINE_BYTES` and one byte; the rest of a longer one is read over."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
        yield line
