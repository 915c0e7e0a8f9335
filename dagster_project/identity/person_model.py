"""How two persons are compared.

Here: the columns that a person is compared by, the levels of likeness, the values that bring two persons
together for comparison, and the veto. Not here: weights (`match_weights.json`), training and scoring
(`matching.py`).

The veto keeps a household's members apart. They share surname, address, telephone and, when they are twins,
the birth date, and the model counts each of these as if it were independent of the others. Two persons whose given
names or surnames have nothing in common are never joined by likeness alone unless their birth dates agree; nor
are namesakes of whom nothing else agrees. Where only the given names or only the birth dates have nothing in common, it
depends on the data: errors in two fields of one record are rarer than in one, and twins and namesakes are a few in a
hundred of a family. So data in which both differ much more often than one, at equal surname and address, has families
in it, and then one difference is enough to keep two persons apart (twins; father and son of one name). Given
names that are only similar are enough there, too, unless birth date or e-mail agree: such pairs are for review.
"""

import polars as pl

from dagster_project.identity.comparisons import Comparison, Level, MatchModel
from dagster_project.identity.spelling import given_name_forms, sound_code

SWAPPED = (
    "(given_name_l = surname_r and given_name_r = surname_l)"
    " or (length(given_name_l) > 2 and length(surname_l) > 2"
    " and jaro_winkler_similarity(given_name_l, surname_r) >= 0.88"
    " and jaro_winkler_similarity(surname_l, given_name_r) >= 0.88)"
)
# What many records have is a name and no slip of another one, unless that is much more frequent: Joan and Joanne.
TWO_NAMES = (
    "(given_name_l != given_name_r and least(given_name_count_l, given_name_count_r) >= 5"
    " and 5 * least(given_name_count_l, given_name_count_r) >= greatest(given_name_count_l, given_name_count_r))"
)
LIKE_GIVEN_NAME = (
    "(jaro_winkler_similarity(given_name_l, given_name_r) >= 0.75"
    " or jaro_winkler_similarity(full_name_l, full_name_r) >= 0.92)"
)
SAME_NUMBER = "house_number_l = house_number_r"
LIKE_STREET = "jaro_winkler_similarity(street_l, street_r) >= 0.9"

COMPARISONS = (
    Comparison(
        "given name",
        "given_name_l is null or given_name_r is null",
        (
            Level("given_name_l = given_name_r", "given name equal", "given_name"),
            Level("list_has_any(given_forms_l, given_forms_r)", "given name a short form"),
            Level(
                f"jaro_winkler_similarity(given_name_l, given_name_r) >= 0.9 and not {TWO_NAMES}",
                "given name very similar",
            ),
            Level(SWAPPED, "given name and surname swapped"),
            Level("full_name_l = full_name_r", "full name equal"),
            Level(
                "left(given_name_l, 1) = left(given_name_r, 1)"
                " and least(length(given_name_l), length(given_name_r)) = 1",
                "given name initial equal",
            ),
            Level(f"{TWO_NAMES} and {LIKE_GIVEN_NAME}", "given name similar, and both usual"),
            Level(LIKE_GIVEN_NAME, "given name similar"),
        ),
    ),
    Comparison(
        "surname",
        "surname_l is null or surname_r is null",
        (
            Level("surname_l = surname_r", "surname equal", "surname"),
            Level("jaro_winkler_similarity(surname_l, surname_r) >= 0.9", "surname very similar"),
            Level(SWAPPED, "surname and given name swapped"),
            Level(
                "jaro_winkler_similarity(surname_l, surname_r) >= 0.78"
                " or jaro_winkler_similarity(full_name_l, full_name_r) >= 0.92",
                "surname similar",
            ),
        ),
    ),
    Comparison(
        "birth date",
        "birth_date_l is null or birth_date_r is null",
        (
            Level("birth_date_l = birth_date_r", "birth date equal"),
            Level(
                # One digit, two digits in the wrong order, or day and month in each other's place.
                "hamming(birth_text_l, birth_text_r) <= 1"
                " or (hamming(birth_text_l, birth_text_r) = 2 and birth_digits_l = birth_digits_r)"
                " or (year(birth_date_l) = year(birth_date_r)"
                " and month(birth_date_l) = day(birth_date_r) and day(birth_date_l) = month(birth_date_r))",
                "birth date one slip apart",
            ),
            Level(
                "(year(birth_date_l) = year(birth_date_r))::int + (month(birth_date_l) = month(birth_date_r))::int"
                " + (day(birth_date_l) = day(birth_date_r))::int >= 2",
                "birth date partly equal",
            ),
        ),
    ),
    Comparison(
        "address",
        "street_l is null or street_r is null",
        (
            Level(f"street_l = street_r and {SAME_NUMBER}", "address equal"),
            Level(f"{LIKE_STREET} and {SAME_NUMBER}", "address very similar"),
            Level(f"{LIKE_STREET} or levenshtein(address_text_l, address_text_r) <= 2", "street very similar"),
            Level(f"{SAME_NUMBER} and list_has_any(street_words_l, street_words_r)", "address similar"),
            Level("list_has_any(street_words_l, street_words_r)", "one word of the street equal"),
        ),
    ),
    Comparison(
        "place",
        "coalesce(postal_code_l, city_l) is null or coalesce(postal_code_r, city_r) is null"
        " or (coalesce(postal_code_l, postal_code_r) is null and coalesce(city_l, city_r) is null)",
        (
            Level("postal_code_l = postal_code_r and city_l = city_r", "postal code and city equal", "postal_code"),
            Level("postal_code_l = postal_code_r", "postal code equal"),
            Level(
                "levenshtein(postal_code_l, postal_code_r) <= 1"
                " and jaro_winkler_similarity(city_l, city_r) >= 0.88",
                "postal code and city very similar",
            ),
            Level("jaro_winkler_similarity(city_l, city_r) >= 0.88", "city very similar"),
            Level("levenshtein(postal_code_l, postal_code_r) <= 1", "postal code one slip apart"),
        ),
    ),
    Comparison(
        "phone",
        "phone_key_l is null or phone_key_r is null",
        (
            Level("phone_key_l = phone_key_r", "phone equal"),
            Level("levenshtein(phone_key_l, phone_key_r) <= 1", "phone one slip apart"),
        ),
        is_trained=False,
    ),
    Comparison(
        "e-mail",
        "email_key_l is null or email_key_r is null",
        (
            Level("email_key_l = email_key_r", "e-mail equal"),
            Level(
                # Another digit is another mailbox: jo.gray1 and jo.gray2.
                "levenshtein(email_key_l, email_key_r) <= 1 and email_digits_l = email_digits_r",
                "e-mail one slip apart",
            ),
            Level("own_mailbox_l = own_mailbox_r and length(own_mailbox_l) > 4", "e-mail name equal"),
        ),
        is_trained=False,
    ),
    Comparison(
        "company domain",
        "company_domain_l is null or company_domain_r is null",
        (Level("company_domain_l = company_domain_r", "company domain equal"),),
        is_trained=False,
    ),
)  # fmt: skip

GIVEN_NAME_DIFFERS = pl.col("gamma_given_name") == 0
TWO_GIVEN_NAMES = pl.col("gamma_given_name") == 2
SURNAME_DIFFERS = pl.col("gamma_surname") == 0
ONLY_NAMES_AGREE = pl.all_horizontal(
    pl.col(f"gamma_{name}") <= 0 for name in ("birth_date", "address", "place", "phone", "email")
)
BIRTH_DATE_DIFFERS = pl.col("gamma_birth_date") == 0
BIRTH_DATE_AGREES = pl.col("gamma_birth_date") >= 2
# By marriage: one given name and number, but nobody knows the birth dates.
MAY_HAVE_A_NEW_SURNAME = (
    SURNAME_DIFFERS
    & (pl.col("gamma_given_name") >= 7)
    & (pl.col("gamma_phone") == 2)
    & (pl.col("gamma_birth_date") < 0)
)
# Where no address is known, the place stands for it.
SAME_HOUSEHOLD = (pl.col("gamma_surname") >= 3) & (
    (pl.col("gamma_address") >= 4) | ((pl.col("gamma_address") < 0) & (pl.col("gamma_place") >= 4))
)
# Felix and Elio of one surname and address, of whom nothing of their own agrees, are a couple rather than a slip of the
# pen: a name that is only similar weighs nothing against all that a household shares.
LIKE_NAMED_HOUSEMATES = (
    SAME_HOUSEHOLD
    & (pl.col("gamma_given_name") == 1)
    & (pl.col("gamma_birth_date") <= 0)
    & (pl.col("gamma_email") <= 0)
)

PERSON_MODEL = MatchModel(
    kind="person",
    comparisons=COMPARISONS,
    blocking_columns=(
        "block_birth_date",
        "block_name_sound",
        "block_email",
        "block_phone",
        "block_place_surname",
        "block_place_given_name",
        "block_place_number",
        "block_address",
        "block_surname_birth_year",
        "block_given_name_birth_month",
        "block_street_given_name",
    ),
    # Not within an address: families would be taken for one person there.
    training_columns=(("birth_date",), ("given_name", "surname")),
    veto=((GIVEN_NAME_DIFFERS | SURNAME_DIFFERS) & (pl.col("gamma_birth_date") <= 0)) | ONLY_NAMES_AGREE,
    household_veto=GIVEN_NAME_DIFFERS
    | BIRTH_DATE_DIFFERS
    | LIKE_NAMED_HOUSEMATES
    | (TWO_GIVEN_NAMES & ~BIRTH_DATE_AGREES),
    household_contradiction=BIRTH_DATE_DIFFERS,
    doubtful_veto=MAY_HAVE_A_NEW_SURNAME,
    one_differs=SAME_HOUSEHOLD
    & ((GIVEN_NAME_DIFFERS & BIRTH_DATE_AGREES) | (BIRTH_DATE_DIFFERS & (pl.col("gamma_given_name") > 2))),
    both_differ=SAME_HOUSEHOLD & GIVEN_NAME_DIFFERS & BIRTH_DATE_DIFFERS,
)


def person_columns(persons: pl.DataFrame) -> pl.DataFrame:
    """Add what persons are compared by and what brings them together.

    Args:
        persons: `given_name`, `surname`, `email_key`, `phone_key`, `company_domain`, `street`, `city`,
            `postal_code` (plain text), `birth_date`, `given_name_count` (records with this given name).

    Returns:
        The rows with `given_forms`, `full_name`, `address_text`, `house_number`, `street_words`, `birth_text`,
        `birth_digits`, `email_digits`, `own_mailbox` and the columns of `PERSON_MODEL.blocking_columns`.
    """
    given_name, surname = pl.col("given_name"), pl.col("surname")
    forms = given_name_forms(persons.get_column("given_name"))
    blank_free = pl.concat_str(given_name, surname, ignore_nulls=True).str.replace_all(" ", "", literal=True)
    return (
        persons.join(forms, on="given_name", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            full_name=pl.when(blank_free != "").then(blank_free),
            house_number=pl.col("street").str.extract(r"(\d+)", 1),
            address_text=pl.col("street").str.replace_all(" ", "", literal=True),
            street=_emptied(pl.col("street").str.replace_all(r"\b(unit )?\d+[a-z]?\b", "").str.strip_chars()),
            birth_text=pl.col("birth_date").dt.strftime("%Y%m%d"),
            email_digits=pl.col("email_key").str.replace_all(r"\D", ""),
            own_mailbox=_own_mailbox(pl.col("email_key"), given_name, surname),
            surname_sound=sound_code(surname),
            given_sound=sound_code(pl.col("given_sound_form")),
        )
        .with_columns(
            birth_digits=pl.col("birth_text").str.split("").list.sort().list.join(""),
            # Longer words only: "st" and "unit" say nothing.
            street_words=pl.col("street").str.split(" ").list.filter(pl.element().str.len_chars() > 3),
        )
        .with_columns(**_blocks())
    )


def _own_mailbox(email_key: pl.Expr, given_name: pl.Expr, surname: pl.Expr) -> pl.Expr:
    """The part before the @ when the person chose it; one made of the names says no more than the names."""
    mailbox = email_key.str.extract("^([^@]+)", 1)
    letters = mailbox.str.replace_all(r"[^\p{L}]", "")
    names_in_it = [
        letters.str.contains(name.str.slice(0, 4), literal=True) & (name.str.len_chars() > 2)
        for name in (given_name, surname)
    ]
    return pl.when(~pl.any_horizontal(names_in_it).fill_null(value=False)).then(mailbox)


def _emptied(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _blocks() -> dict[str, pl.Expr]:
    """The values that bring two persons together; null where a part of the value is missing."""
    birth_date = pl.col("birth_date")
    surname_sound, given_sound = pl.col("surname_sound"), pl.col("given_sound")
    longest_word = pl.col("street_words").list.sort().list.eval(
        pl.element().sort_by(pl.element().str.len_chars(), descending=True, maintain_order=True)
    ).list.first().str.slice(0, 6)  # fmt: skip
    return {
        # Day and month in ascending order, so that swapping them makes no difference.
        "block_birth_date": pl.format(
            "{} {} {}",
            birth_date.dt.year(),
            pl.min_horizontal(birth_date.dt.day(), birth_date.dt.month()),
            pl.max_horizontal(birth_date.dt.day(), birth_date.dt.month()),
        ),
        # In ascending order too: given name and surname in the wrong fields.
        "block_name_sound": pl.format(
            "{} {}",
            pl.min_horizontal(surname_sound, given_sound),
            pl.max_horizontal(surname_sound, given_sound),
        ),
        "block_email": pl.col("own_mailbox"),
        "block_phone": pl.col("phone_key").str.tail(7),
        "block_place_surname": pl.format("{} {}", "postal_code", pl.col("surname").str.slice(0, 1)),
        "block_place_given_name": pl.format("{} {}", "city", given_sound.str.slice(0, 3)),
        "block_place_number": pl.format("{} {}", "postal_code", "house_number"),
        "block_address": pl.format("{} {}", longest_word, "house_number"),
        "block_surname_birth_year": pl.format("{} {}", surname_sound, birth_date.dt.year()),
        "block_given_name_birth_month": pl.format(
            "{} {} {}", given_sound.str.slice(0, 2), birth_date.dt.month(), birth_date.dt.day()
        ),
        "block_street_given_name": pl.format("{} {}", longest_word, given_sound.str.slice(0, 2)),
    }
