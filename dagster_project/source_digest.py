"""Which sources these are: one digest over files and folders. Not here: what is done when it changes."""

import hashlib
from pathlib import Path

SOURCE_SUFFIXES = {".py", ".sql", ".yml", ".csv", ".json"}
BUILT_FOLDERS = {"target", "__pycache__"}


def source_digest(*roots: Path) -> str:
    """First 16 hex digits of a SHA-256 over source files, names and contents.

    Args:
        roots: Files, and folders of which all source files count, without what tools build there. Where a root lies
            does not matter, its own name does.
    """
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            name = path.relative_to(root.parent)
            if path.suffix in SOURCE_SUFFIXES and not BUILT_FOLDERS & set(name.parts):
                digest.update(name.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
