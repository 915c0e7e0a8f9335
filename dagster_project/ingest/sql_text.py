"""Texts and names as SQL takes them, and what an error says of them."""

from collections.abc import Iterable


def quoted_text(text: object) -> str:
    """A text literal; of a path, its text."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """An identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quoted_list(texts: Iterable[object]) -> str:
    """A list of text literals, such as the files that are read together."""
    return "[" + ", ".join(map(quoted_text, texts)) + "]"


def first_line(error: Exception) -> str:
    """First line of a message: the rest repeats the statement, which the user did not write."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
