"""What must agree besides a shared address or telephone number.

Here: the names and birth dates of those who share a key, and the *parts* into which they divide: within one
part they may be one person (or one company), across parts they are not. Not here: who shares which key
(`exact.py`), and likeness without a shared key (`person_model.py`).

A couple shares a mailbox, a family its landline, a company its switchboard. So a shared key joins persons
only when:

* **E-mail of a person**: the given names agree (equal, a short form, a slip, an initial, swapped with the surname) and
  the birth dates, where both are known, do not contradict each other. A record without a name joins when
  there is only one part.
* **Phone, and the mailbox of a desk**: given name, surname and birth date agree so, and both names are known.
* **Father and son of one name** share both: a record without a birth date then joins neither.
* **Companies** whose people share a mailbox or a number have like names.
"""

import polars as pl

from dagster_project.databases import connect
from dagster_project.identity.groups import connected_labels
from dagster_project.identity.spelling import given_name_forms

BIRTH_DATES_AGREE = """(
    l.birth_date is null or r.birth_date is null
    or damerau_levenshtein(strftime(l.birth_date, '%Y%m%d'), strftime(r.birth_date, '%Y%m%d')) <= 1
    or (year(l.birth_date) = year(r.birth_date))::int + (month(l.birth_date) = month(r.birth_date))::int
        + (day(l.birth_date) = day(r.birth_date))::int >= 2
    or (month(l.birth_date) = day(r.birth_date) and day(l.birth_date) = month(r.birth_date)
        and year(l.birth_date) = year(r.birth_date))
)"""
GIVEN_NAMES_AGREE = """(
    list_has_any(l.given_forms, r.given_forms)
    or jaro_winkler_similarity(l.given_name, r.given_name) >= 0.85
    or (least(length(l.given_name), length(r.given_name)) = 1 and left(l.given_name, 1) = left(r.given_name, 1))
    or (l.given_name = r.surname and l.surname = r.given_name)
)"""
SURNAMES_AGREE = """(
    jaro_winkler_similarity(l.surname, r.surname) >= 0.88
    or (l.given_name = r.surname and l.surname = r.given_name)
)"""
# One of a couple's records may have only one name: then that name must be among the other's.
SINGLE_NAMES_AGREE = """(
    (l.given_name is null or r.given_name is null)
    and (coalesce(jaro_winkler_similarity(l.surname, r.surname) >= 0.88, false)
        or coalesce(l.surname, l.given_name) in (r.given_name, r.surname)
        or coalesce(r.surname, r.given_name) in (l.given_name, l.surname))
)"""
EMAIL_RULE = f"{BIRTH_DATES_AGREE} and ({GIVEN_NAMES_AGREE} or {SINGLE_NAMES_AGREE})"
PHONE_RULE = f"{BIRTH_DATES_AGREE} and {GIVEN_NAMES_AGREE} and {SURNAMES_AGREE}"
ORGANIZATION_RULE = """(
    jaro_winkler_similarity(l.organization_name, r.organization_name) >= 0.92
    or starts_with(l.organization_name, r.organization_name || ' ')
    or starts_with(r.organization_name, l.organization_name || ' ')
)"""


def agreeing_persons(claims: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Divide those who share a key by their persons' names and birth dates.

    Args:
        claims: `key`, `member` (Int64), `given_name`, `surname`, `birth_date`; one row per spelling that a
            member has. What one member has belongs together.
        rule: `EMAIL_RULE` or `PHONE_RULE`. Under the latter who lacks one of the names joins nobody.

    Returns:
        `key`, `member`, `part` (Int64, the smallest member of the part), one row each.
    """
    forms = given_name_forms(claims.get_column("given_name"))
    spelled = claims.join(forms, on="given_name", how="left", validate="m:1")
    given_name, surname = pl.col("given_name").is_not_null(), pl.col("surname").is_not_null()
    if rule == PHONE_RULE:
        return _agreeing(spelled.filter(given_name & surname), pl.lit(value=True), rule)
    return _agreeing(spelled, given_name | surname, rule)


def agreeing_organizations(claims: pl.DataFrame) -> pl.DataFrame:
    """Divide those who share a key by their companies' names; as `agreeing_persons`.

    Args:
        claims: `key`, `member`, `organization_name` (null for members without a company).

    Returns:
        `key`, `member`, `part`.
    """
    return _agreeing(claims, pl.col("organization_name").is_not_null(), ORGANIZATION_RULE)


def _agreeing(claims: pl.DataFrame, is_named: pl.Expr, rule: str) -> pl.DataFrame:
    claims = claims.with_columns(is_named=is_named).unique().filter(
        pl.col("is_named") | ~pl.col("is_named").any().over("key", "member")
    )  # fmt: skip
    spelled = claims.filter("is_named").sort("key", "member").with_row_index("number")
    same_member = spelled.select(
        left=pl.col("number").first().over("key", "member").cast(pl.Int64),
        right=pl.col("number").cast(pl.Int64),
    )
    edges = pl.concat([same_member, _agreeing_pairs(spelled, rule)])
    label = connected_labels(edges.get_column("left"), edges.get_column("right"), spelled.height)
    between = _between_two(spelled.with_columns(label=label))
    if not between.is_empty():
        numbers = between.implode()
        edges = edges.filter(~pl.col("left").is_in(numbers) & ~pl.col("right").is_in(numbers))
        edges = pl.concat([same_member, edges])
        label = connected_labels(edges.get_column("left"), edges.get_column("right"), spelled.height)
    named = (
        spelled.with_columns(label=label)
        .select("key", "member", pl.col("member").min().over("key", "label").alias("part"))
        .unique()
    )
    only_part = named.group_by("key").agg(
        pl.col("part").first(), pl.col("part").n_unique().alias("part_count")
    )
    unnamed = (
        claims.filter(~pl.col("is_named"))
        .select("key", "member")
        .unique()
        .join(only_part, on="key", how="left", validate="m:1")
        # Only nameless ones: they agree with each other.
        .with_columns(pl.col("part").fill_null(pl.col("member").min().over("key")))
        .filter(pl.col("part_count").fill_null(1) == 1)
    )
    return pl.concat([named, unnamed.select("key", "member", "part")])


def _between_two(spelled: pl.DataFrame) -> pl.Series:
    """Numbers of those without a birth date whose part has birth dates that contradict each other.

    They would join father and son of one name, who share a mailbox or a number.
    """
    if "birth_date" not in spelled.columns:  # companies have none
        return pl.Series([], dtype=pl.Int64)
    has_several = pl.col("birth_date").drop_nulls().n_unique().over("key", "label") > 1
    dated = spelled.filter(has_several).drop_nulls("birth_date")
    if dated.is_empty():
        return pl.Series([], dtype=pl.Int64)
    with connect() as connection:
        connection.register("dated", dated.select("key", "label", "birth_date").unique().to_arrow())
        contradicting = connection.sql(
            f"""
            select distinct l.key, l.label
            from dated as l
            inner join dated as r on l.key = r.key and l.label = r.label and l.birth_date < r.birth_date
            where not {BIRTH_DATES_AGREE}
            """
        ).to_arrow_table()
    parts = pl.DataFrame(pl.from_arrow(contradicting)).cast({"label": pl.Int64})
    return (
        spelled.filter(pl.col("birth_date").is_null())
        .join(parts, on=["key", "label"], how="semi")
        .get_column("number")
        .cast(pl.Int64)
    )


def _agreeing_pairs(spelled: pl.DataFrame, rule: str) -> pl.DataFrame:
    shared = spelled.filter(pl.len().over("key") > 1)
    if shared.is_empty():
        return pl.DataFrame(schema={"left": pl.Int64, "right": pl.Int64})
    with connect() as connection:
        connection.register("spelled", shared.to_arrow())
        pairs = connection.sql(
            f"""
            select cast(l.number as bigint) as "left", cast(r.number as bigint) as "right"
            from spelled as l
            inner join spelled as r on l.key = r.key and l.number < r.number
            where {rule}
            """
        ).to_arrow_table()
    return pl.DataFrame(pl.from_arrow(pairs))
