"""Every dbt table is built in a stretch that comes after what it reads and before who reads it."""

import pytest

from dagster_project.defs import dbt

# The order of a run: the stretches of dbt by their tag, and the two parts that Python has between them.
IDENTITY, SCORES = "identity", "scores"
PLACES = ["before_identity", IDENTITY, "no tag", "daily_features", SCORES, "daily_marts"]
STRETCHES = {
    "before_identity": dbt.dbt_bronze,
    "no tag": dbt.dbt_silver_and_gold,
    "daily_features": dbt.dbt_daily_features,
    "daily_marts": dbt.dbt_daily_marts,
}


def limit(
    name: str, near: dict[str, list[str]], places: dict[str, str], direction: int
) -> tuple[int, list[str]]:
    """The first place (`near` are parents, direction 1) or the last (children, -1) where a table can be built.

    Returns:
        Index into PLACES, and the tables from this one to the one of Python that bounds it.
    """
    if places[name] not in STRETCHES:
        return PLACES.index(places[name]) + direction, [name]
    found = [limit(neighbour, near, places, direction) for neighbour in near.get(name, [])]
    unbound = (0 if direction == 1 else len(PLACES) - 1, [])
    place, path = max([*found, unbound], key=lambda each: direction * each[0])
    return place, [name, *path]


def misplaced(parents: dict[str, list[str]], places: dict[str, str], daily: set[str]) -> list[str]:
    """One line per table in a wrong stretch: its tag, the right one, and why.

    Args:
        parents: What each table reads.
        places: The tag of each dbt table; IDENTITY or SCORES for one that Python writes.
        daily: Tables that are partitioned by day.
    """
    children = {name: [child for child, read in parents.items() if name in read] for name in places}
    lines = []
    for name in (name for name, tag in places.items() if tag in STRETCHES):
        place = PLACES.index(places[name])
        first, read = limit(name, parents, places, 1)
        last, waiting = limit(name, children, places, -1)
        reading = [parent for parent in parents.get(name, []) if PLACES.index(places[parent]) > place]
        if place < first:
            right, reason = PLACES[first], f"it reads {' > '.join(read[1:])}"
        elif name in daily and not places[name].startswith("daily"):
            right, reason = "daily_features", "it is partitioned by day"
        elif place > last:
            right, reason = PLACES[last], f"it is read by {' > '.join(waiting[1:])}"
        elif reading:
            right, reason = places[reading[0]], f"it reads {reading[0]}"
        else:
            continue
        lines.append(f"{name}: tag is {places[name]}, right is {right}: {reason}")
    return lines


def test_every_table_is_built_in_its_stretch():
    from dagster_project.definitions import defs

    graph = defs().get_repository_def().asset_graph
    nodes = {
        ".".join(node.key.path): node
        for node in graph.asset_nodes
        if node.key.path[0] not in ("landing", "published")
    }
    tag_of = {".".join(key.path): tag for tag, assets in STRETCHES.items() for key in assets.keys}
    written = {name: SCORES if node.is_partitioned else IDENTITY for name, node in nodes.items()}
    wrong = misplaced(
        parents={
            name: [parent for key in node.parent_keys if (parent := ".".join(key.path)) in nodes]
            for name, node in nodes.items()
        },
        places=written | tag_of,
        daily={name for name, node in nodes.items() if node.metadata.get("partition_expr") == "as_of_date"},
    )
    assert wrong == [], "\n".join(wrong)
    assert set(written | tag_of) == set(nodes)


SCORED = {"who_is_who": IDENTITY, "churn": SCORES}


@pytest.mark.parametrize(
    ("table", "reads", "read_by", "tag", "right"),
    [
        ("parties", [], ["who_is_who"], "before_identity", None),
        ("parties", [], ["who_is_who"], "no tag", "before_identity"),
        ("parties", ["who_is_who"], [], "before_identity", "no tag"),
        ("customers", ["who_is_who"], [], "no tag", None),
        ("mart", ["churn"], [], "daily_marts", None),
        ("mart", ["churn"], [], "no tag", "daily_marts"),
        ("mart", ["churn"], [], "daily_features", "daily_marts"),
        ("features", ["who_is_who"], ["churn"], "daily_features", None),
        ("features", ["who_is_who"], ["churn"], "daily_marts", "daily_features"),
        ("of_a_day", [], [], "no tag", "daily_features"),
        ("free", [], [], "no tag", None),
        ("free", [], [], "before_identity", None),
    ],
)
def test_a_table_in_a_wrong_stretch_is_named_with_the_right_tag(
    table: str, reads: list[str], read_by: list[str], tag: str, right: str | None
):
    """What lies between the table and Python does not hide the one from the other."""
    below, above = [f"below_{name}" for name in reads], [f"above_{name}" for name in read_by]
    parents = {table: below, **{f"below_{name}": [name] for name in reads}}
    parents |= {name: [table] for name in above} | {name: [f"above_{name}"] for name in read_by}
    places = SCORED | dict.fromkeys(below, "daily_marts" if "churn" in reads else "no tag")
    places |= dict.fromkeys(above, "daily_features" if "churn" in read_by else "before_identity") | {
        table: tag
    }
    said = [line for line in misplaced(parents, places, daily={"of_a_day"}) if line.startswith(f"{table}: ")]
    if right is None:
        assert said == []
    else:
        assert said[0].startswith(f"{table}: tag is {tag}, right is {right}: ")


def test_a_table_of_which_a_parent_is_built_later_goes_there_too():
    (line,) = misplaced({"a": ["b"]}, {"a": "before_identity", "b": "no tag"}, daily=set())
    assert line == "a: tag is before_identity, right is no tag: it reads b"
