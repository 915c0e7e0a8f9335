"""Taking apart what must not be together.

Here: two records that are declared to be two parties, and where the edges between them are cut. Not here:
who declares it (`overrides.py`, `resolve.py`).

All edges of the two are a network: records and the keys that they share, each edge as strong as its rule. It
is cut where the least strength is lost (minimum cut, Ford and Fulkerson 1956), so every other record stays
on the side to which it is bound more strongly.
"""

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from dagster_project.identity.groups import label_groups

STRENGTH_SCALE = 10


def cut_edges(edges: pl.DataFrame, forbidden: pl.DataFrame) -> pl.DataFrame:
    """Cut the weakest edges so that no pair of `forbidden` is connected.

    Args:
        edges: `node` (Int64), `key`, `strength` (Float64) and any other columns; nodes with one key are
            connected.
        forbidden: `left_node`, `right_node`.

    Returns:
        The rows of `edges` that remain.
    """
    labels = label_groups(edges.select(pl.col("node").alias("group"), "key")).rename({"group": "node"})
    joined = (
        forbidden.select(
            left_node=pl.min_horizontal("left_node", "right_node"),
            right_node=pl.max_horizontal("left_node", "right_node"),
        )
        .unique()
        .join(labels.rename({"node": "left_node"}), on="left_node", validate="m:1")
        .join(labels.rename({"node": "right_node"}), on=["right_node", "label"], validate="m:1")
        .sort("label", "left_node", "right_node")
    )
    if joined.is_empty():
        return edges
    labelled = edges.join(labels, on="node", validate="m:1").sort("label", "node", "key")
    touched = labelled.join(joined.select("label").unique(), on="label", how="semi").sort(
        "label", "node", "key"
    )
    untouched = labelled.join(joined.select("label").unique(), on="label", how="anti").drop("label")
    parts = [
        _cut_component(component.drop("label"), pairs)
        for component, pairs in zip(
            touched.partition_by("label", maintain_order=True),
            joined.partition_by("label", maintain_order=True),
            strict=True,
        )
    ]
    return pl.concat([untouched, *parts])


def _cut_component(edges: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Cut the pairs of one component one after the other."""
    nodes = edges.get_column("node").unique().sort()
    keys = edges.get_column("key").unique().sort()
    start = nodes.search_sorted(edges.get_column("node")).to_numpy().astype(np.int32)
    end = (keys.search_sorted(edges.get_column("key")).to_numpy() + len(nodes)).astype(np.int32)
    capacity = np.maximum(edges.get_column("strength").to_numpy() * STRENGTH_SCALE, 1).astype(np.int32)
    kept = np.ones(edges.height, dtype=bool)
    size = len(nodes) + len(keys)
    for left, right in pairs.select("left_node", "right_node").iter_rows():
        source, sink = (int(nodes.search_sorted(node)) for node in (left, right))
        graph = _network(start[kept], end[kept], capacity[kept], size)
        _, labels = connected_components(graph, directed=False)
        if labels[source] != labels[sink]:
            continue
        residual = graph - maximum_flow(graph, source, sink).flow
        residual.eliminate_zeros()
        on_left = np.zeros(size, dtype=bool)
        on_left[breadth_first_order(csr_array(residual), source, return_predecessors=False)] = True
        kept &= on_left[start] == on_left[end]
    return edges.filter(pl.Series(kept))


def _network(start: np.ndarray, end: np.ndarray, capacity: np.ndarray, size: int) -> csr_array:
    ends = (np.concatenate([start, end]), np.concatenate([end, start]))
    return csr_array((np.concatenate([capacity, capacity]), ends), shape=(size, size), dtype=np.int32)
