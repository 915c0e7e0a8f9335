"""One spelling for names and addresses.

Here: how a text is written the same way whatever the source wrote, and its sound. Not here: e-mail
addresses and domains (`keys.py`), telephone numbers (`telephone.py`), and how like two spellings are
(`person_model.py`, `organization_model.py`).

Three lists beside this file are data, not code: `nicknames.csv` (a short form and a full given name it may
stand for; one short form may stand for several), `address_words.csv` (a word of street names and its
abbreviation) and `legal_forms.csv` (words that say how a company is incorporated and not what it is
called).
"""

from functools import cache
from pathlib import Path

import polars as pl

TITLE_PATTERN = r"^(mr|mrs|ms|miss|mx|dr|prof|sir|herr|frau|mme|m)\s+"
NAME_SUFFIX_PATTERN = r"\s+(jr|sr|ii|iii|iv|phd|md)$"
# A surname is the last word and the particles before it: "ludwig van beethoven".
SURNAME_PATTERN = r"((?:\b(?:van|von|de|der|den|ter|la|le|du|di|da|dos|del|bin|ibn|al|el|mac|st)\s+)*\S+)$"
AND_PATTERN = r"\s+(and|und|et|y|e|og|och|en|u)\s+"
MAX_ABBREVIATION = 5  # letters of a legal form that may have dots between them
SOUND_CLASSES = (
    ("[bfpvw]+", "1"),
    ("[cgjkqsxzß]+", "2"),
    ("[dt]+", "3"),
    ("l+", "4"),
    ("[mn]+", "5"),
    ("r+", "6"),
)


@cache
def _packaged(file_name: str) -> pl.DataFrame:
    """A list beside this file, all text."""
    return pl.read_csv(Path(__file__).with_name(file_name), infer_schema=False)


def plain_text(text: pl.Expr) -> pl.Expr:
    """Lower case, no accents, letters and digits only, single blanks; null when nothing is left."""
    plain = (
        text.str.to_lowercase()
        .str.replace_all("ß", "ss", literal=True)
        .str.replace_all("ø", "o", literal=True)
        .str.replace_all("ł", "l", literal=True)
        .str.replace_all("đ", "d", literal=True)
        .str.replace_all("æ", "ae", literal=True)
        .str.replace_all("œ", "oe", literal=True)
        .str.replace_all("ı", "i", literal=True)
        .str.normalize("NFKD")
        .str.replace_all(r"[\p{M}'’`]", "")
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
    )
    return pl.when(plain != "").then(plain)


def person_name_parts(name: pl.Expr, given_name: pl.Expr, surname: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Given name and surname, plain; from the full name where neither is stated.

    A full name is read as "given names surname" or "surname, given names"; a single word is a surname.

    Args:
        name: Full name.
        given_name: Stated given name.
        surname: Stated surname.

    Returns:
        Two text expressions, either may be null.
    """
    # A hyphen joins the two halves of one name; other signs separate words.
    name, given_name, surname = (
        text.str.replace_all(r"(\p{L})-(\p{L})", "${1}${2}") for text in (name, given_name, surname)
    )
    in_order = pl.when(name.str.contains(r"^[^,]+,\s*\S")).then(
        name.str.replace(r"^([^,]+),\s*(.*)$", "$2 $1")
    )
    full = (
        plain_text(pl.coalesce(in_order, name))
        .str.replace(TITLE_PATTERN, "")
        .str.replace(NAME_SUFFIX_PATTERN, "")
    )
    last = full.str.extract(SURNAME_PATTERN, 1)
    rest = full.str.replace(SURNAME_PATTERN, "").str.strip_chars()
    stated_given, stated_surname = plain_text(given_name), plain_text(surname)
    is_stated = stated_given.is_not_null() | stated_surname.is_not_null()
    given = pl.when(is_stated).then(stated_given).otherwise(pl.when(rest != "").then(rest))
    last_name = pl.when(is_stated).then(stated_surname).otherwise(last)
    return given.str.replace(TITLE_PATTERN, ""), last_name.str.replace(NAME_SUFFIX_PATTERN, "")


def given_name_forms(given_names: pl.Series) -> pl.DataFrame:
    """The full names that each given name may stand for.

    Args:
        given_names: Plain given names, any number of words, nulls and duplicates allowed.

    Returns:
        One row per distinct name: `given_name`, `given_forms` (sorted list of text: its first word and the
        full names of which that is a short form), `given_sound_form` (the first full name, or the first
        word).
    """
    names = pl.DataFrame({"given_name": given_names}).drop_nulls().unique()
    first_words = names.with_columns(short=pl.col("given_name").str.extract(r"^(\S+)", 1))
    full_names = _packaged("nicknames.csv").group_by("short").agg(pl.col("full").unique().sort())
    return first_words.join(full_names, on="short", how="left", validate="m:1").select(
        "given_name",
        pl.concat_list(pl.col("full").fill_null(pl.lit([], dtype=pl.List(pl.String))), "short")
        .list.unique()
        .list.sort()
        .alias("given_forms"),
        pl.coalesce(pl.col("full").list.first(), "short").alias("given_sound_form"),
    )


def sound_code(name: pl.Expr) -> pl.Expr:
    """How a plain name sounds: its consonants in classes of like sounds, at most four (after Soundex).

    Unlike Soundex the first letter is a class too, so that "catherine" and "katherine" sound alike.
    """
    code = name.str.replace_all(" ", "", literal=True).str.replace_all("ph", "f", literal=True)
    begins_with_vowel = code.str.contains("^[aeiouyh]")
    code = code.str.replace_all("[hw]", "")
    for letters, digit in SOUND_CLASSES:
        code = code.str.replace_all(letters, digit)
    code = code.str.replace_all(r"[^1-6]", "").str.slice(0, 4)
    return pl.when(begins_with_vowel).then(pl.concat_str(pl.lit("0"), code)).otherwise(code)


def organization_name(name: pl.Expr) -> pl.Expr:
    """Plain company name without the words of its legal form; the plain name when nothing else is left.

    Written alike are "&" and "and" in several languages, legal forms with and without dots, and umlauts as "ü", "ue"
    and "u".
    """
    plain = plain_text(name.str.replace_all("[&+]", " and ")).str.replace_all(AND_PATTERN, " and ")
    legal_forms = "|".join(
        _legal_form_pattern(word) for word in _packaged("legal_forms.csv").get_column("word")
    )
    bare = plain.str.replace(r"^the\s+", "").str.replace(rf"(\s+({legal_forms}))+$", "")
    spelled = pl.when(bare != "").then(bare).otherwise(plain)
    return spelled.str.replace_all("([aou])e", "$1")


def _legal_form_pattern(legal_form: str) -> str:
    """A short word may be written with dots, which are blanks by now: "s a r l"."""
    words = legal_form.split(" ")
    return " ".join(r"\s?".join(word) if len(word) <= MAX_ABBREVIATION else word for word in words)


def street_address(address: pl.Expr) -> pl.Expr:
    """Plain address line with the usual words abbreviated ("street" and "str" become "st")."""
    words = _packaged("address_words.csv")
    return (
        plain_text(address)
        .str.split(" ")
        .list.eval(pl.element().replace(words.get_column("word"), words.get_column("short")))
        .list.join(" ")
    )
