"""One spelling for telephone numbers, and the countries that they are read by.

Here: numbers in E.164, and countries by whatever a source calls them. Not here: what else is spelled alike
(`spelling.py`, `keys.py`).

Names of countries come from CLDR by way of Babel. `country_aliases.csv` beside this file has what people type and CLDR
does not say: everyday names, and those of ISO 3166 that many a CRM offers in its list.
"""

import re
from functools import cache
from pathlib import Path

import phonenumbers
import polars as pl
from babel import Locale
from babel.core import get_global

from dagster_project.identity.spelling import plain_text

RUN_OF_DIGITS = "12345678901234567890"
LANGUAGES = ("en", "da", "de", "es", "fi", "fr", "it", "nb", "nl", "pl", "pt", "sv")


def phone_numbers(phones: pl.DataFrame) -> pl.DataFrame:
    """Telephone numbers in E.164.

    Args:
        phones: `phone` and `country` (as the source has it, see `country_code`; a number without country code is
            read by it). Nulls and duplicates allowed.

    Returns:
        One row per distinct `phone`, `country`: `phone_key` (E.164, null for what is no possible number).
    """
    distinct = phones.select("phone", "country").unique().drop_nulls("phone").sort("phone", "country")
    with_region = distinct.select("phone", country_code(pl.col("country")))
    keys = [_e164(phone, region) for phone, region in with_region.iter_rows()]
    return distinct.with_columns(phone_key=pl.Series(keys, dtype=pl.String))


def country_code(country: pl.Expr) -> pl.Expr:
    """ISO 3166 code of two letters.

    Args:
        country: Text: a code of two or three letters, or a name in one of `LANGUAGES`, in any spelling.

    Returns:
        Text expression; what is unknown stays as it is, in capital letters, and is no country's code.
    """
    known = _countries()
    return (
        _country_key(country).replace(known.get_column("name"), known.get_column("region")).str.to_uppercase()
    )


@cache
def _countries() -> pl.DataFrame:
    """What is not a code of two letters itself: `name` (plain) and `region`; a name of two countries is left out."""
    names = [(name, code) for language in LANGUAGES for code, name in Locale(language).territories.items()]
    codes = [(code, now[0]) for code, now in get_global("territory_aliases").items() if len(now) == 1]
    aliases = pl.read_csv(Path(__file__).with_name("country_aliases.csv"), infer_schema=False)
    listed = pl.DataFrame([*names, *codes], schema=aliases.columns, orient="row")
    return (
        pl.concat([listed.filter(pl.col("region").str.contains("^[A-Z]{2}$")), aliases])
        .select(_country_key(pl.col("name")), "region")
        .unique()
        .filter(pl.len().over("name") == 1)
    )


def _country_key(country: pl.Expr) -> pl.Expr:
    return (
        plain_text(country)
        .str.replace(r"^the ", "")
        .str.replace_all(" and ", " ", literal=True)
        .str.replace_all(r"\bsaint\b", "st")
    )


def _e164(phone: str, region: str | None) -> str | None:
    """One number in E.164; the parsing library knows one number at a time."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    if _is_placeholder(str(number.national_number)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_placeholder(digits: str) -> bool:
    """What people type where a number is demanded: one digit again and again, or digits in their order."""
    is_run = any(digits in run for run in (RUN_OF_DIGITS, RUN_OF_DIGITS[::-1]))
    return is_run or re.search(r"^(\d)\1*$|(\d)\2{6,}$", digits) is not None
