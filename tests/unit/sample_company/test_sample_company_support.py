import datetime as dt
import json
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from dagster_project.sample_company.business_hours import SCHEDULES, after_work, next_open

TIME = "%Y-%m-%dT%H:%M:%SZ"


@pytest.fixture(scope="module")
def solved(landed) -> pl.DataFrame:
    """Tickets as solved, with what their metric set says."""
    field = pl.col("metric_set").str.json_path_match
    return landed.sound("zendesk__tickets").filter(status="solved").select(
        "id", "assignee_id", "schedule_id",
        opened=pl.col("created_at").str.to_datetime(TIME),
        reply_minutes=field("$.reply_time_in_minutes.calendar").cast(pl.Int64),
        reopens=field("$.reopens").cast(pl.Int64),
        escalated=field("$.escalated") == "true",
        solved=field("$.solved_at").str.to_datetime(TIME),
    )  # fmt: skip


@pytest.fixture(scope="module")
def events(landed, solved) -> pl.DataFrame:
    return (
        landed.sound("zendesk__ticket_events")
        .with_columns(second=pl.col("created_at").str.to_datetime(TIME))
        .join(solved.select("id"), left_on="ticket_id", right_on="id", how="semi")
        .sort("ticket_id", "id")
    )


def test_events_agree_with_the_metric_set_of_their_ticket(events, solved):
    reply = events.filter(pl.col("type") == "comment", pl.col("author_role") == "agent", "public")
    steps = events.filter(field_name="status")
    found = (
        solved.join(
            reply.group_by("ticket_id").agg(pl.col("second").min().alias("first_reply")),
            left_on="id", right_on="ticket_id", how="left", validate="1:1",
        )
        .join(
            steps.group_by("ticket_id").agg(
                pl.col("second").filter(pl.col("value") == "solved").max().alias("last_solved"),
                pl.col("previous_value")
                .filter(pl.col("previous_value") == "solved", pl.col("value") == "open")
                .len()
                .alias("reopened"),
            ),
            left_on="id", right_on="ticket_id", how="left", validate="1:1",
        )
        .join(
            events.filter(pl.col("field_name") == "group_id", pl.col("previous_value").is_not_null())
            .group_by("ticket_id").len("handed"),
            left_on="id", right_on="ticket_id", how="left", validate="1:1",
        )
    )  # fmt: skip
    assert ((found["first_reply"] - found["opened"]).dt.total_minutes() == found["reply_minutes"]).all()
    assert (found["last_solved"] == found["solved"]).all()
    assert (found["reopened"] == found["reopens"]).all()
    assert (found["handed"].is_not_null() == found["escalated"]).all()


def test_events_of_a_ticket_are_in_order_and_each_status_follows_from_the_one_before(events):
    waits = events.select(pl.col("second").diff().over("ticket_id").dt.total_seconds()).to_series()
    assert waits.drop_nulls().min() >= 0
    steps = events.filter(field_name="status").with_columns(
        expected=pl.col("value").shift(1).over("ticket_id").fill_null("new")
    )
    assert (steps["previous_value"] == steps["expected"]).all()
    assert {"new", "open", "pending", "hold", "solved"} == set(steps["previous_value"])


def test_some_tickets_are_solved_with_one_touch_and_some_notes_are_internal(events):
    replies = events.filter(pl.col("type") == "comment", pl.col("author_role") == "agent")
    touches = replies.filter("public").group_by("ticket_id").len()["len"]
    assert 0.15 < (touches == 1).mean() < 0.5
    assert (~replies["public"]).any()


def test_the_last_agent_has_the_ticket(events, solved):
    last = events.filter(field_name="assignee_id").group_by("ticket_id").agg(pl.col("value").last())
    both = solved.join(last, left_on="id", right_on="ticket_id", validate="1:1")
    assert (both["assignee_id"].cast(pl.String) == both["value"]).all() and both.height == solved.height


def test_business_schedules_have_hours_zones_and_holidays_of_every_year(landed, solved):
    schedules = landed.sound("zendesk__schedules")
    assert schedules["time_zone"].n_unique() == 3
    for intervals in schedules["intervals"]:
        assert all(0 <= part["start_time"] < part["end_time"] <= 10_080 for part in json.loads(intervals))
    assert set(solved["schedule_id"]) == set(schedules["id"])
    holidays = landed.sound("zendesk__holidays")
    assert holidays["id"].is_unique().all() and (holidays["start_date"] <= holidays["end_date"]).all()
    per_year = holidays.group_by("schedule_id", pl.col("start_date").str.slice(0, 4).alias("year")).len()
    assert per_year.filter(pl.col("year").is_in(["2024", "2025", "2026"]))["len"].min() >= 3


def seconds(*moments: str) -> np.ndarray:
    return np.array([int(dt.datetime.fromisoformat(moment).timestamp()) for moment in moments])


@pytest.mark.parametrize(
    ("desk", "moment", "opens", "after_an_hour", "after_ten_hours"),
    [
        (0, "2025-01-08T12:00-05:00", "2025-01-08T12:00-05:00", "2025-01-08T13:00-05:00", "2025-01-09T14:00-05:00"),
        (0, "2025-01-10T16:30-05:00", "2025-01-10T16:30-05:00", "2025-01-13T09:30-05:00", "2025-01-14T10:30-05:00"),
        (1, "2024-12-23T18:00+01:00", "2024-12-27T09:00+01:00", "2024-12-27T10:00+01:00", "2024-12-30T11:00+01:00"),
        (1, "2025-03-28T16:59+01:00", "2025-03-28T16:59+01:00", "2025-03-31T09:59+02:00", "2025-04-01T10:59+02:00"),
        (2, "2025-01-11T20:00+09:00", "2025-01-13T09:00+09:00", "2025-01-13T10:00+09:00", "2025-01-14T10:00+09:00"),
        (2, "2025-01-11T03:00+09:00", "2025-01-11T10:00+09:00", "2025-01-11T11:00+09:00", "2025-01-13T13:00+09:00"),
    ],
)  # fmt: skip
def test_work_is_done_in_the_opening_hours_of_the_desk(desk, moment, opens, after_an_hour, after_ten_hours):
    """Counted by hand: over a night, a weekend, holidays, the change of the clocks, a short Saturday."""
    desks = np.array([desk])
    assert next_open(desks, seconds(moment)) == seconds(opens)
    assert after_work(desks, seconds(moment), np.array([3_600])) == seconds(after_an_hour)
    assert after_work(desks, seconds(moment), np.array([36_000])) == seconds(after_ten_hours)


def test_agents_act_in_the_opening_hours_of_their_desk(events, solved):
    acts = events.filter(pl.col("author_role") == "agent").join(
        solved.select("id", "schedule_id"), left_on="ticket_id", right_on="id", validate="m:1"
    )
    for position, schedule in enumerate(sorted(set(acts["schedule_id"]))):
        _, zone, hours = SCHEDULES[position]
        mine = acts.filter(schedule_id=schedule)["second"]
        for moment in mine.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).to_list():
            assert moment.tzinfo == ZoneInfo(zone)
            opens, closes = hours[moment.isoweekday() % 7]
            assert opens <= moment.hour + moment.minute / 60 + moment.second / 3_600 <= closes


def test_first_replies_take_as_long_as_first_replies_do(solved):
    """No constant, urgent ones sooner, and over a night or a weekend where they came late."""
    minutes = solved["reply_minutes"]
    assert minutes.n_unique() > 0.2 * solved.height
    quartiles = [minutes.quantile(share) for share in (0.25, 0.5, 0.75)]
    assert 30 < quartiles[0] < 120 < quartiles[1] < 480 < quartiles[2] < 1_440
