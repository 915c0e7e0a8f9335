"""Sentiment of ticket texts.

Here: one polarity per ticket. Not here: the mean per customer and period, which is SQL, and what a polarity
is worth in the health score.
"""

import polars as pl

MAXIMUM_TEXT_CHARACTERS = 5_000
"""The tone of a ticket shows in its first page. What follows is quoted mail, logs and signatures, which also
push the compound score to its ends, and a pasted file of 10 MB would take minutes to score."""

INPUT_COLUMNS = ("system", "ticket_ref", "subject", "body")


def score_ticket_sentiment(tickets: pl.DataFrame) -> pl.DataFrame:
    """Score the sentiment of every ticket with VADER's compound score.

    VADER is a lexicon of English words, emoticons and emoji with rules for negation, emphasis and
    contrast (Hutto and Gilbert 2014, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
    Social Media Text", ICWSM). It knows English only: a text in another language mostly scores 0,
    which reads as neutral, and a word that looks English can mislead it.

    Args:
        tickets: One row per ticket with the text columns `system`, `ticket_ref`, `subject`, `body`;
            rows that are wholly alike count once.

    Returns:
        One row per (`system`, `ticket_ref`), sorted by them: `system`, `ticket_ref`, `polarity` (Float64,
        -1 to 1, four decimals; null when subject and body are both empty).

    Raises:
        ValueError: When a ticket comes with two different texts.
    """
    texts = (
        tickets.select(pl.col(column).cast(pl.String) for column in INPUT_COLUMNS)
        .with_columns(_clean("subject"), _clean("body"))
        .select(
            "system",
            "ticket_ref",
            pl.concat_str("subject", "body", separator=". ", ignore_nulls=True)
            .str.head(MAXIMUM_TEXT_CHARACTERS)
            .replace("", None)
            .alias("text"),
        )
        .unique()
    )
    ambiguous = texts.filter(pl.struct("system", "ticket_ref").is_duplicated()).sort("system", "ticket_ref")
    if not ambiguous.is_empty():
        system, ticket_ref = ambiguous.row(0)[:2]
        raise ValueError(
            f"ticket {ticket_ref} of {system} has more than one text: one row per ticket is needed"
        )
    polarities = _polarity_of_texts(texts.get_column("text").drop_nulls().unique())
    return (
        texts.join(polarities, on="text", how="left", validate="m:1")
        .select("system", "ticket_ref", "polarity")
        .sort("system", "ticket_ref")
    )


def _clean(column: str) -> pl.Expr:
    """Text without NUL characters and outer blanks, cut to the length that is scored; empty text is null."""
    return (
        pl.col(column)
        .str.head(MAXIMUM_TEXT_CHARACTERS)
        .str.replace_all("\x00", " ", literal=True)
        .str.strip_chars()
        .replace("", None)
    )


def _polarity_of_texts(texts: pl.Series) -> pl.DataFrame:
    """Polarity of each text; VADER takes one text at a time, so each different text is scored once."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # pulls in an HTTP client: late

    score = SentimentIntensityAnalyzer().polarity_scores
    polarities = [score(text)["compound"] for text in texts]
    return pl.DataFrame({"text": texts, "polarity": pl.Series(polarities, dtype=pl.Float64)})
