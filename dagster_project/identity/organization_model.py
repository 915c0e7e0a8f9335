"""How two companies are compared.

Here: the columns that a company is compared by, the levels of likeness, the values that bring two companies
together for comparison, and the veto. Not here: weights (`match_weights.json`), training and scoring
(`matching.py`).

A parent and its subsidiaries carry one name and often one address: who is declared to belong to one group
is never joined by likeness (`likeness.py` leaves such pairs out). Companies with different domains and
merely similar names are not joined either.
"""

import polars as pl

from dagster_project.identity.comparisons import Comparison, Level, MatchModel
from dagster_project.identity.spelling import sound_code

SAME_NUMBER = "house_number_l = house_number_r"
LIKE_STREET = "jaro_winkler_similarity(street_l, street_r) >= 0.9"
WORDS_IN_COMMON = "length(list_intersect(name_words_l, name_words_r))"

COMPARISONS = (
    Comparison(
        "name",
        "organization_name_l is null or organization_name_r is null",
        (
            Level("organization_name_l = organization_name_r", "name equal", "organization_name"),
            Level(
                "jaro_winkler_similarity(organization_name_l, organization_name_r) >= 0.94",
                "name very similar",
            ),
            Level(f"{WORDS_IN_COMMON} >= 2", "two words of the name equal"),
            Level(
                "jaro_winkler_similarity(organization_name_l, organization_name_r) >= 0.88"
                f" or {WORDS_IN_COMMON} = least(length(name_words_l), length(name_words_r))",
                "name similar",
            ),
        ),
    ),
    Comparison(
        "company domain",
        "company_domain_l is null or company_domain_r is null",
        (
            Level("company_domain_l = company_domain_r", "company domain equal"),
            Level(
                "split_part(company_domain_l, '.', 1) = split_part(company_domain_r, '.', 1)",
                "company domain equal but for its ending",
            ),
        ),
        is_trained=False,
    ),
    Comparison(
        "phone",
        "phone_key_l is null or phone_key_r is null",
        (
            Level("phone_key_l = phone_key_r", "phone equal"),
            # Extensions of one switchboard.
            Level("left(phone_key_l, -2) = left(phone_key_r, -2)", "phone equal but for its last digits"),
        ),
        is_trained=False,
    ),
    Comparison(
        "e-mail",
        "email_key_l is null or email_key_r is null",
        (Level("email_key_l = email_key_r", "e-mail equal"),),
        is_trained=False,
    ),
    Comparison(
        "address",
        "street_l is null or street_r is null",
        (
            Level(f"street_l = street_r and {SAME_NUMBER}", "address equal"),
            Level(f"{LIKE_STREET} and {SAME_NUMBER}", "address very similar"),
            Level(LIKE_STREET, "street very similar"),
        ),
    ),
    Comparison(
        "place",
        "coalesce(postal_code_l, city_l) is null or coalesce(postal_code_r, city_r) is null"
        " or (coalesce(postal_code_l, postal_code_r) is null and coalesce(city_l, city_r) is null)",
        (
            Level("postal_code_l = postal_code_r", "postal code equal"),
            Level("jaro_winkler_similarity(city_l, city_r) >= 0.9", "city very similar"),
        ),
    ),
)

ORGANIZATION_MODEL = MatchModel(
    kind="organization",
    comparisons=COMPARISONS,
    blocking_columns=(
        "block_name",
        "block_name_sound",
        "block_first_word",
        "block_longest_word",
        "block_domain",
        "block_phone",
        "block_email",
        "block_address",
    ),
    training_columns=(("organization_name",), ("street", "house_number")),
    veto=(pl.col("gamma_name") == 0) | ((pl.col("gamma_company_domain") == 0) & (pl.col("gamma_name") < 3)),
    household_veto=pl.lit(value=False),
    household_contradiction=pl.lit(value=False),
    doubtful_veto=pl.lit(value=False),
    one_differs=pl.lit(value=False),
    both_differ=pl.lit(value=False),
)


def organization_columns(organizations: pl.DataFrame) -> pl.DataFrame:
    """Add what companies are compared by and what brings them together.

    Args:
        organizations: `organization_name`, `email_key`, `phone_key`, `company_domain`, `street`, `city`,
            `postal_code` (plain text).

    Returns:
        The rows with `name_words`, `house_number` and the columns of `ORGANIZATION_MODEL.blocking_columns`.
    """
    words = pl.col("name_words")
    house_number = pl.col("house_number")
    return (
        organizations.with_columns(
            name_words=pl.col("organization_name").str.split(" ").list.unique(maintain_order=True),
            house_number=pl.col("street").str.extract(r"(\d+)", 1),
            street=pl.col("street").str.replace_all(r"\b(unit )?\d+[a-z]?\b", "").str.strip_chars(),
        )
        .with_columns(
            block_name=pl.col("organization_name").str.replace_all(" ", "", literal=True),
            block_name_sound=sound_code(pl.col("organization_name")),
            block_first_word=words.list.first(),
            block_longest_word=words.list.eval(
                pl.element().sort_by(pl.element().str.len_chars(), descending=True, maintain_order=True)
            ).list.first(),
            block_domain=pl.col("company_domain").str.extract(r"^([^.]+)", 1),
            block_phone=pl.col("phone_key").str.head(-2),
            block_email=pl.col("email_key"),
            block_address=pl.format("{} {} {}", "postal_code", "street", house_number),
        )
    )  # fmt: skip
