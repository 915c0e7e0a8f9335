"""What was wrong with the rows of a run, one line per kind and column: how often, and one example.

Here: the count over the quarantine and over values that were left out. Not here: the rules (`dbt/macros/bronze`).
"""

from dataclasses import dataclass
from pathlib import Path

from dagster_project.databases import connect

_KINDS = """
    with quarantined as (
        select 'quarantine' as fate, source_file, source_line, unnest(string_split(reason, '; ')) as fault
        from quarantine.{name}
    ),

    incomplete as (
        select 'left out' as fate, _source_file, _source_line, unnest(string_split(_faults, '; '))
        from bronze.{name}
        where _faults is not null
    ),

    -- Faults are of one kind when they differ in what is quoted and in digits alone.
    kinds as (
        select
            fate,
            count(*) as row_count,
            arg_min(fault, (source_file, source_line)) as example,
            arg_min(source_file, (source_file, source_line)) as source_file,
            arg_min(source_line, (source_file, source_line)) as source_line
        from (from quarantined union all from incomplete)
        group by fate, regexp_replace(regexp_replace(fault, '''.*''', ''), '[0-9]', '', 'g')
    )

    select fate, row_count, example, source_file, source_line
    from kinds
    order by fate desc, row_count desc, example
"""


@dataclass(frozen=True)
class FaultKind:
    """Faults of one kind in one object.

    Attributes:
        fate: `quarantine`, or `left out` where the row was kept without the value.
        row_count: How many there are.
        example: The first of them, in words.
        source_file: Where the first of them is.
        source_line: Its line there.
    """

    fate: str
    row_count: int
    example: str
    source_file: str
    source_line: int


def fault_kinds(warehouse: Path, object_name: str) -> list[FaultKind]:
    """Count what was wrong with the rows of an object; quarantined rows first, then what came most often.

    Args:
        warehouse: The DuckDB file.
        object_name: `<system>__<object>`.
    """
    with connect(warehouse, read_only=True) as connection:
        return [FaultKind(*row) for row in connection.execute(_KINDS.format(name=object_name)).fetchall()]
