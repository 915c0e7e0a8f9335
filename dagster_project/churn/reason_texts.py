"""What a caller says about a feature: `reason_texts.csv` read, and its sentences as expressions.

Here: the words and how numbers are written in them. Not here: which of them is a reason (`explanations.py`).

Columns of the list beside this file, one line per feature of the model:

- `family`: idea that it belongs to; members are summed, and two reasons for one customer are of two families.
- `worse_when`: 1 where more sounds bad to a person, -1 where less does, 0 where a caller cannot use it: no call can
  change a price, the size of a company or the day on which a year ends, so that they have no sentence.
- `form`: how its numbers are written (`rounded`).
- `said`: column of `customer_features`, or of the model's features, whose number is said. A feature that is a change
  (a trend, say) is said by the number that changed.
- `past`: column with the customer's own earlier value of it, where there is one.
- `fallen`, `unusual`, `unknown`: the sentence where it is worse than the own past, worse than at customers alike, or
  unknown where customers alike have it. `{value}`, `{past}` and `{usual}` are numbers, `{value:day/days}` is one with
  its word.
- `mitigation`: what to do about it.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl

Form = Literal["count", "days", "percent", "rating", "amount", "tone", "flag", "new"]

NEW_DAYS = 180  # who has been here longer is no newcomer
UNHAPPY_BELOW, FRIENDLY_ABOVE = -0.05, 0.05  # VADER's own bounds: Hutto and Gilbert (2014)
PLACEHOLDER = re.compile(r"\{(value|usual|past)(?::([^/}]+)/([^}]+))?\}")


@dataclass(frozen=True)
class ReasonText:
    """One line of the list; see the module."""

    feature: str
    family: str
    worse_when: int
    form: Form
    said: str
    past: str
    fallen: str
    unusual: str
    unknown: str
    mitigation: str

    @property
    def is_change(self) -> bool:
        """Whether the feature is the change of the number that is said."""
        return self.said != self.feature


@cache
def reason_texts() -> dict[str, ReasonText]:
    """By feature, in the order of the list."""
    with Path(__file__).with_name("reason_texts.csv").open(newline="") as lines:
        return {
            line["feature"]: ReasonText(
                **cast(dict[str, Any], line | {"worse_when": int(line["worse_when"])})
            )
            for line in csv.DictReader(lines)
        }


def rounded(value: pl.Expr, form: Form) -> pl.Expr:
    """The number as it is said: what does not differ in it is not told apart in a sentence."""
    match form:
        case "percent":
            return (100 * value).round(0)
        case "amount" | "flag":
            return value.round(0)
        case "tone":
            return (value > FRIENDLY_ABOVE).cast(pl.Float64) - (value < UNHAPPY_BELOW).cast(pl.Float64)
        case "new":
            return value.clip(upper_bound=NEW_DAYS)
        case "count" | "days" | "rating":
            return value.round(1)


def sentence(template: str, form: Form) -> pl.Expr:
    """The template with the numbers of the columns `value`, `usual` and `past`; null where one is unknown."""
    parts: list[pl.Expr] = []
    end = 0
    for found in PLACEHOLDER.finditer(template):
        parts += [pl.lit(template[end : found.start()]), _written(form, *found.groups())]
        end = found.end()
    return pl.concat_str(*parts, pl.lit(template[end:]))


def _written(form: Form, column: str, one: str | None, many: str | None) -> pl.Expr:
    number = rounded(pl.col(column), form)
    if form == "tone":
        happy, unhappy = pl.lit("friendly"), pl.lit("unhappy")
        return pl.when(number > 0).then(happy).when(number < 0).then(unhappy).otherwise(pl.lit("neutral"))
    whole = number.cast(pl.Int64, strict=False).cast(pl.String)
    words = pl.when(number == number.round(0)).then(whole).otherwise(number.cast(pl.String))
    if form == "count" and (column == "usual" or one):
        words = pl.when(number == 0).then(pl.lit("no" if one else "none")).otherwise(words)
    if one is None:
        return words
    return pl.concat_str(words, pl.lit(" "), pl.when(number == 1).then(pl.lit(one)).otherwise(pl.lit(many)))
