"""The pace of calls to Zendesk, by a clock that only the test moves."""

from dagster_project.ingest.zendesk.calls import CallPace


def test_twenty_five_calls_at_ten_a_minute_take_two_minutes_and_no_minute_has_more():
    now, calls = [1000.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = CallPace(10, lambda: now[0], sleep)
    for _ in range(25):
        pace.wait()
        calls.append(now[0])
        now[0] += 0.25
    assert calls[-1] - calls[0] >= 120
    assert all(later - earlier >= 60 for earlier, later in zip(calls, calls[10:], strict=False))
