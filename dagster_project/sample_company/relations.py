"""Who belongs to whom: families of private persons, and companies under a parent.

Positions only, by rank among persons or companies; ranks follow arrival, so later arrivals change nobody's
relations. Not here: names and addresses (`directory`, `persons`).

Traps: two members of a family are two customers although surname, address and sometimes the telephone agree;
twins agree in the birth date too. Subsidiaries have names and domains of their own: only the declared parent
says that they belong together, and one group of five has one switchboard.
"""

import numpy as np

from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.timeline import Bools, Ints

NOBODY = -1
FAMILY_BLOCK = 8
"""Of so many persons in a row the first two are a pair, and in every second block three more are a family."""
SUBSIDIARY_SHARE = 0.05
FIRST_SUBSIDIARY_RANK = 12
GROUP_OF_FIVE = {5: 4, 6: 4, 7: 5, 8: 6}
"""Rank of the parent by rank: a group of five companies, two levels deep."""
DEEP_SHARE = 0.5


def family_leads(is_person: Bools) -> Ints:
    """The first member of each person's family, by position in the population; NOBODY without family.

    Args:
        is_person: Who is a private person, shape (n,).

    Returns:
        Positions, shape (n,); the first member leads itself.
    """
    member = np.flatnonzero(is_person)
    rank = np.arange(len(member))
    block, place = rank // FAMILY_BLOCK, rank % FAMILY_BLOCK
    in_pair = place <= 1
    in_trio = (block % 2 == 1) & (place >= 3) & (place <= 5)
    lead_rank = np.where(in_pair, rank - place, rank - (place - 3))
    # Who comes last may still wait for the others: a family of one is none yet, but its lead is the same then.
    leads = np.full(len(is_person), NOBODY, dtype=np.int64)
    in_family = in_pair | in_trio
    leads[member[in_family]] = member[lead_rank[in_family]]
    return leads


def family_traits(is_person: Bools) -> dict[str, Bools]:
    """What the members of a family share beside address and surname, each of shape (n,).

    `are_twins`: the first two have one birth date. `share_phone`: one telephone. `is_declared`: the CRM names
    the first member as parent of the others.
    """
    rank = np.cumsum(is_person) - 1
    block = rank // FAMILY_BLOCK
    is_pair = rank % FAMILY_BLOCK <= 1
    return {
        "are_twins": is_pair & (block % 3 == 1),
        "share_phone": block % 3 == 0,
        "is_declared": block % 2 == 0,
    }


def parent_companies(seed: int, is_person: Bools) -> Ints:
    """The parent of each company by position in the population; NOBODY for those without.

    Args:
        seed: Seed of the company.
        is_person: Who is a private person and so has no parent company, shape (n,).

    Returns:
        Positions, shape (n,), always lower than the own one; a parent's parent has none.
    """
    company = np.flatnonzero(~is_person)
    rank = np.arange(len(company))
    is_child = (rank >= FIRST_SUBSIDIARY_RANK) & (mixed_uniform(seed, "subsidiary", rank) < SUBSIDIARY_SHARE)
    drawn = mixed_index(seed, "parent", 2**31, rank) % np.maximum(rank, 1)
    parent = np.where(is_child, drawn, NOBODY)
    for child, owner in GROUP_OF_FIVE.items():
        if child < len(rank):
            parent[child] = owner
    top = roots(parent)
    # The group of five stays one of five.
    is_child &= ~np.isin(top, list(set(GROUP_OF_FIVE.values())))
    parent = np.where(is_child | np.isin(rank, list(GROUP_OF_FIVE)), parent, NOBODY)
    goes_deep = mixed_uniform(seed, "deep", rank) < DEEP_SHARE
    grand = np.where(parent >= 0, parent[parent], NOBODY)
    is_third_level = (grand >= 0) & (parent[np.maximum(grand, 0)] >= 0)
    flat = is_child & (grand >= 0) & (is_third_level | ~goes_deep)
    parent = np.where(flat, top, parent)
    parents = np.full(len(is_person), NOBODY, dtype=np.int64)
    has_parent = parent >= 0
    parents[company[has_parent]] = company[parent[has_parent]]
    return parents


def roots(parent: Ints) -> Ints:
    """The top of each chain of parents, shape (n,); the own position for those without parent."""
    top = np.where(parent >= 0, parent, np.arange(len(parent)))
    while not np.array_equal(above := top[top], top):
        top = above
    return np.asarray(top)


def group_of_five(is_person: Bools) -> Bools:
    """Who is in the group that has one switchboard, shape (n,)."""
    rank = np.cumsum(~is_person) - 1
    return np.asarray(~is_person & np.isin(rank, [*GROUP_OF_FIVE, *GROUP_OF_FIVE.values()]))


def answered_by_one_service(is_person: Bools) -> Bools:
    """Companies that all give the number of one answering service: a number that identifies nobody."""
    rank = np.cumsum(~is_person) - 1
    return np.asarray(~is_person & (rank % 11 == 9) & (rank < 11 * 14))
