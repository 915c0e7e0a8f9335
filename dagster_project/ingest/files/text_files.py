"""Text files in the encodings that spreadsheets write, as UTF-8.

Here: which encoding a file has, as far as it is certain. Not here: what its lines mean (`csv_rows.py`).
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BOM = codecs.BOM_UTF8
CHUNK_BYTES = 4 * 1024 * 1024
HEAD_BYTES = 400
UTF_8, WINDOWS_1252 = "utf-8", "cp1252"

_UTF_8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Bytes that Windows-1252 does not have, words of letters beyond ASCII (Cyrillic, Greek), and signs inside of words
# (Central European and DOS letters).
_NOT_WESTERN = re.compile(
    rb"[\x81\x8d\x8f\x90\x9d\xff]|[\x80-\xff]{3}|[A-Za-z][\x82\x84\x94\xa1\xa5\xaf\xb3\xb9\xbc\xbe\xbf][A-Za-z]"
)


def encoding_of(path: Path) -> str:
    """The encoding of a text file: UTF-16, UTF-8, or Windows-1252 where it can be nothing else that is usual.

    A file that is UTF-8 but for some damaged lines is UTF-8.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) > 3 and not any(head[1::2]):
        return "utf-16-le"
    if len(head) > 3 and not any(head[0::2]):
        return "utf-16-be"
    if _is_utf_8(path) or any(
        _UTF_8_LETTER.search(piece) or _NOT_WESTERN.search(piece) for piece in _pieces(path)
    ):
        return UTF_8
    return WINDOWS_1252


def open_as_utf_8(path: Path, encoding: str) -> BinaryIO:
    """Open a text file for reading its bytes as UTF-8 would have them; what is no character becomes no character."""
    file = path.open("rb")
    return file if encoding == UTF_8 else io.BufferedReader(_Recoded(file, encoding))


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while data := file.read(CHUNK_BYTES):
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, some at a time; each piece begins with the last three of the one before."""
    end = b""
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            yield end + data
            end = data[-3:]


class _Recoded(io.RawIOBase):
    """The bytes of a text file in UTF-8.

    Args:
        file: The file, which is closed with this one.
        encoding: Its encoding.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(
            "surrogatepass" if "16" in encoding else "strict"
        )
        self._rest = b""
        self._is_at_end = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as there is something; half a character at the end is a byte that is no text."""
        while not self._rest and not self._is_at_end:
            data = self._file.read(CHUNK_BYTES)
            self._is_at_end = not data
            try:
                text = self._decoder.decode(data, final=self._is_at_end)
                self._rest = text.encode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                self._rest = b"\xff"
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        """Close the file behind it."""
        self._file.close()
        super().close()
