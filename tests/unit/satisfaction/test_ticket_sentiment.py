"""The sentiment of ticket texts."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dagster_project.satisfaction.sentiment import score_ticket_sentiment

SCHEMA = {"system": pl.String, "ticket_ref": pl.String, "subject": pl.String, "body": pl.String}


def tickets(*texts: tuple[str | None, str | None]) -> pl.DataFrame:
    rows = [("zendesk", f"{number}", *text) for number, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def polarity(subject: str | None, body: str | None) -> float | None:
    return score_ticket_sentiment(tickets((subject, body)))["polarity"].item()


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Terrible service", "This is the worst support ever. I am furious and want my money back!"),
        ("Broken again!!!", "I hate this. It fails every day and nobody helps. Awful."),
        (None, "😡😡 useless"),
    ],
)
def test_an_angry_ticket_is_negative(subject, body):
    assert polarity(subject, body) < -0.4


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Thank you", "Great help, I love the new report. You are wonderful!"),
        ("Perfect", None),
        (None, "Works perfectly now, thanks a lot 😊"),
    ],
)
def test_a_happy_ticket_is_positive(subject, body):
    assert polarity(subject, body) > 0.4


def test_a_plain_question_is_neutral():
    assert polarity("Invoice address", "Where do I change the postal address on the invoice?") == 0.0


def test_a_text_in_an_unknown_language_reads_as_neutral():
    assert polarity("Rechnung", "Ich bin sehr unzufrieden mit der Lieferung") == 0.0


@pytest.mark.parametrize("text", [None, "", "   \n", "\x00"])
def test_an_empty_text_has_no_polarity(text):
    assert polarity(text, text) is None


def test_control_characters_and_lone_symbols_do_not_stop_the_run():
    assert polarity("I love\x00 it", "👍🏽👩‍👩‍👧‍👦 \u202e \ufeff") > 0.0


def test_only_the_first_page_of_a_huge_text_counts():
    page = "The export is fine. " * 250
    huge = page + "terrible awful horrible " * 420_000
    assert len(huge) > 10_000_000
    assert polarity(None, huge) == polarity(None, page)


def test_one_row_per_ticket_sorted_by_key():
    frame = tickets(("Great", "Great"), ("Awful", None), (None, None))
    twice = pl.concat([frame[::-1], frame])
    result = score_ticket_sentiment(twice)
    assert result["ticket_ref"].to_list() == ["0", "1", "2"]
    assert result.schema == {"system": pl.String, "ticket_ref": pl.String, "polarity": pl.Float64}
    assert_frame_equal(result, score_ticket_sentiment(frame))


def test_the_same_text_has_the_same_polarity_in_every_ticket():
    result = score_ticket_sentiment(tickets(*[("Great", "Thanks")] * 5, ("Bad", None)))
    assert result["polarity"].head(5).n_unique() == 1


def test_two_texts_for_one_ticket_are_refused():
    frame = tickets(("Great", None), ("Awful", None)).with_columns(ticket_ref=pl.lit("7"))
    with pytest.raises(ValueError, match="ticket 7 of zendesk has more than one text"):
        score_ticket_sentiment(frame)


def test_an_empty_frame_and_untyped_columns_work():
    assert score_ticket_sentiment(tickets()).shape == (0, 3)
    untyped = tickets((None, None)).with_columns(subject=pl.lit(None), body=pl.lit(None))
    assert score_ticket_sentiment(untyped)["polarity"].to_list() == [None]
