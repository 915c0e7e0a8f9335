"""One notation for what dropped files write in many: numbers, dates and references.

A column is read by what is certain in it: `1.234,50` says that its comma is the decimal mark, and then `1,234` is no
thousand there; `31/12/2026` says that its days come first. What stays uncertain is told, never guessed. Here: which
notation a column has, and what is said of the rest. Not here: what a text may mean (`notation.sql`), types and bounds
(`dbt/macros/bronze`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from dagster_project.databases import connect
from dagster_project.ingest.files.layout import FileObject
from dagster_project.ingest.landing import EXTRA
from dagster_project.ingest.sql_text import quoted_text

NOTATION = Path(__file__).with_name("notation.sql")
ROWS_PER_BATCH = 100_000
TIMES = ("date", "timestamp")
UNSEEN = "[\u00a0\u200b\u2060\ufeff\t]"  # what copying from a web page leaves around an id
FAULTS = "_faults"
"""Landing column: values that were left out of a row that is kept, and why."""


@dataclass(frozen=True)
class _Column:
    """SQL over `parted`: the value in one notation, why it cannot be read (else null), and its row's currency."""

    value: str
    fault: str = ""
    currency: str = ""


def plain_rows(
    landed: Path, item: FileObject, reporting_currency: str, has_semicolons: bool = False
) -> Iterator[pa.RecordBatch]:
    """Read landed rows again, with numbers, dates and references in one notation.

    Args:
        landed: Parquet file of the rows as they were written, in the columns of a landing batch.
        item: Object that the rows are of.
        reporting_currency: Currency of an amount that names none.
        has_semicolons: Values are separated by semicolons: then `1.234` may be more than a thousand.

    Yields:
        The same rows in the same order. A value that cannot be read for certain is left out: when the object needs
        it, `_reject_column` and `_reject_reason` say why, else `_faults` does.
    """
    with connect() as connection:
        connection.execute(NOTATION.read_text(encoding="utf-8"))
        connection.execute(f"create view landed as from read_parquet({quoted_text(landed.resolve())})")
        columns = _columns(connection, item, reporting_currency, has_semicolons)
        yield from connection.execute(_query(item, columns)).to_arrow_reader(ROWS_PER_BATCH)


def _query(item: FileObject, columns: dict[str, _Column]) -> str:
    values = {name: name for name in item.columns} | {name: column.value for name, column in columns.items()}
    told = [column.currency for column in columns.values() if column.currency]
    values |= {"currency": told[0]} if told else {}
    faulty = [name for name, column in columns.items() if column.fault]
    needed = [name for name in faulty if name not in item.optional]
    optional = [name for name in faulty if name in item.optional]
    for name in faulty:  # nothing in a row that is kept, else what was written
        values[name] = f"if({name}_fault is null, {values[name]}, {'null' if name in optional else name})"
    selected = ", ".join(f"{value} as {name}" for name, value in values.items())
    numbers = [name for name in columns if item.types[name] not in ("text", *TIMES)]
    zero = " ".join(f"when contains({name}, chr(0)) then '{name}'" for name in item.columns)
    unread = " ".join(f"when {name}_fault is not null then '{name}'" for name in needed)
    return f"""
        with parted as (
            select *{"".join(f", number_parts({name}) as {name}_parts" for name in numbers)} from landed
        ),

        judged as (
            select
                *{"".join(f", {columns[name].fault} as {name}_fault" for name in faulty)},
                case {zero} end as zero_column
            from parted
        )

        select
            {selected},
            {EXTRA},
            _source_file,
            _source_line,
            _loaded_at,
            coalesce(
                _reject_column,
                if(_reject_reason is null, coalesce(zero_column, case {unread or "when false then ''"} end), null)
            ) as _reject_column,
            coalesce(
                _reject_reason,
                zero_column || ': a zero byte inside the value: export it again as text',
                {_joined(needed)}
            ) as _reject_reason,
            {_joined(optional)} as {FAULTS}
        from judged
    """


def _joined(names: list[str]) -> str:
    """SQL of the faults of some columns as one text; null when a row has none of them."""
    return f"nullif(concat_ws('; ', {', '.join(f'{name}_fault' for name in names)}), '')" if names else "null"


def _columns(
    connection: duckdb.DuckDBPyConnection, item: FileObject, reporting_currency: str, has_semicolons: bool
) -> dict[str, _Column]:
    """How to read each column that is not in the one notation already."""
    odd = _true_of_some(connection, {name: _oddity(name, item, has_semicolons) for name in item.columns})
    evidence: dict[str, str] = {}
    for name in odd:
        if item.types[name] in TIMES:
            order = f"day_order(tidy({name}))"
            evidence |= {f"{name} day": f"{order} = 'day first'", f"{name} month": f"{order} = 'month first'"}
        elif item.types[name] != "text":
            mark = f"decimal_mark(number_parts({name}).digits)"
            evidence |= {f"{name} comma": f"{mark} = 'comma'", f"{name} point": f"{mark} = 'point'"}
    certain = _true_of_some(connection, evidence)
    columns = {}
    for name in odd:
        if name in item.accepted:
            columns[name] = _Column(
                f"if(lower(trim({name})) in ({_words(name, item)}), lower(trim({name})), {name})"
            )
        elif item.types[name] == "text":
            columns[name] = _reference(name)
        elif item.types[name] in TIMES:
            columns[name] = _time(name, f"{name} day" in certain, f"{name} month" in certain)
        else:
            marks = {mark for mark in ("comma", "point") if f"{name} {mark}" in certain}
            columns[name] = _number(name, item, marks, reporting_currency, has_semicolons)
    return columns


def _true_of_some(connection: duckdb.DuckDBPyConnection, conditions: dict[str, str]) -> list[str]:
    """Names of the conditions that hold for at least one row."""
    if not conditions:
        return []
    found = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in conditions.values())
    (row,) = connection.execute(f"select {found} from landed where _reject_reason is null").fetchall()
    return [name for name, is_true in zip(conditions, row, strict=True) if is_true]


def _oddity(name: str, item: FileObject, has_semicolons: bool) -> str:
    """A condition on values that are not in the one notation."""
    if name in item.accepted:
        return f"lower(trim({name})) in ({_words(name, item)}) and {name} not in ({_words(name, item)})"
    if item.types[name] == "text":
        if not name.endswith("_ref") and name not in ("phone", "postal_code"):
            return "false"
        return f"regexp_matches({name}, '[0-9]([.]0+|[eE][+][0-9]+) *$|^{UNSEEN}|{UNSEEN}$')"
    if item.types[name] in TIMES:
        return f"not is_iso_date({name})"
    if item.types[name] == "boolean":
        return "false"
    thousands = f" or decimal_mark(trim({name})) = 'point or thousands'" if has_semicolons else ""
    return f"not is_plain_number({name}){thousands}"


def _words(name: str, item: FileObject) -> str:
    """The words that a column may have, as a list in SQL."""
    return ", ".join(map(quoted_text, item.accepted[name]))


def _fault(name: str, condition: str, words: str) -> str:
    """A branch of a `case`: what is wrong with a value and what to do, with the value in front."""
    shown = f"'{name}: ''' || left({name}, 60) || ''' '"
    return f"when {condition} then {shown} || {quoted_text(words)}"


def _reference(name: str) -> _Column:
    spoilt = _fault(
        name,
        f"regexp_full_match(trim({name}), '[0-9]([.][0-9]+)?[eE][+][0-9]+')",
        "has lost digits, the spreadsheet has spoilt this id: format the column as text and export it again",
    )
    seen = f"regexp_replace({name}, '^{UNSEEN}+|{UNSEEN}+$', '', 'g')"
    return _Column(f"regexp_replace({seen}, '^( *-?[0-9]+)[.]0+ *$', '\\1')", f"case {spoilt} end")


def _time(name: str, is_day_first: bool, is_month_first: bool) -> _Column:
    order = f"day_order(tidy({name}))"
    is_uncertain = is_day_first == is_month_first
    remedies = {
        f"regexp_matches(trim({name}), '^[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.][0-9]{{2}}($|[^0-9])')": (
            "has a year of two digits: export it as 2026-04-30"
        ),
        f"regexp_full_match(trim({name}), '[0-9]{{5}}([.,][0-9]+)?')": (
            "is a spreadsheet's number of a day: format the column as a date and export it again"
        ),
        f"regexp_full_match(trim({name}), '1[0-9]{{9}}([0-9]{{3}})?')": (
            f"counts seconds or milliseconds: map it: to_timestamp({name}) or epoch_ms({name})"
        ),
    }
    if is_uncertain:
        remedies[f"{order} = 'either'"] = (
            f"may begin with the day or the month: export it as 2026-04-30, or map it: strptime({name}, '%d/%m/%Y')"
        )
    faults = " ".join(_fault(name, condition, words) for condition, words in remedies.items())
    month_first = f"{order} = 'month first'" if is_uncertain else str(is_month_first).lower()
    return _Column(
        f"if(is_iso_date({name}), {name}, plain_date({name}, {month_first}))", f"case {faults} end"
    )


def _number(
    name: str, item: FileObject, marks: set[str], reporting_currency: str, has_semicolons: bool
) -> _Column:
    parts, is_whole = f"{name}_parts", item.types[name] == "bigint"
    mark = f"decimal_mark({parts}.digits)"
    remedies = _uncertain_marks(mark, marks, is_whole, has_semicolons)
    is_number = f"{parts}.digits <> '' and has_one_sign({parts}) and {mark} is not null"
    has_sign = f"has_unit({parts})"
    currency = ""
    if name.endswith("amount"):
        fits, currency = _currency(
            parts, has_sign, "currency" in item.columns, quoted_text(reporting_currency)
        )
        remedies[f"{has_sign} and not {fits}"] = (
            "has a currency sign that does not fit: export it without, and the currency in the column currency"
        )
    else:
        is_number += f" and not ({has_sign})"
    if marks == {"comma"}:
        read_as = "'comma'"
    elif marks or not (
        is_whole and has_semicolons
    ):  # what is certain in itself is read whatever the others are
        read_as = f"if({mark} = 'comma', 'comma', 'point')"
    else:  # a whole number has no decimals
        read_as = f"if({mark} in ('comma', 'point or thousands'), 'comma', 'point')"
    value = f"if({is_number}, plain_number({parts}, {read_as}), {name})"
    faults = " ".join(_fault(name, condition, words) for condition, words in remedies.items())
    return _Column(value, f"case {faults} end" if faults else "", currency)


def _uncertain_marks(mark: str, certain: set[str], is_whole: bool, has_semicolons: bool) -> dict[str, str]:
    """What is wrong with a number's marks, by the condition that finds it; nothing when the column is certain."""
    if len(certain) == 1 or (is_whole and not certain):
        return {}
    uncertain = ["comma or thousands", "point or thousands"]
    shown = uncertain if certain or has_semicolons else uncertain[:1]
    return {
        f"{mark} in ({', '.join(map(quoted_text, shown))})": (
            "may have decimals or be thousands: export it without thousands separators and with a decimal point"
        )
    }


def _currency(parts: str, has_sign: str, has_column: bool, own: str) -> tuple[str, str]:
    """Whether the sign beside an amount fits its row, and the row's currency when the sign alone says it."""
    possible = f"possible_currencies({parts})"
    if not has_column:
        return f"list_contains({possible}, {own})", ""
    stated = "nullif(upper(trim(currency)), '')"
    is_alone = f"{stated} is null and len({possible}) = 1"
    is_told = f"{has_sign} and {is_alone} and not list_contains({possible}, {own})"
    return (
        f"(list_contains({possible}, coalesce({stated}, {own})) or ({is_alone}))",
        f"if({is_told}, {possible}[1], currency)",
    )
