"""What is always the same when an operation runs, learned from several runs without a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pytest_nadia.redis.state.tree import (
    ABSENT,
    Change,
    Leaf,
    Name,
    Node,
    Path,
    comparable,
)

Tree: TypeAlias = Mapping[Name, Node]
# Whether a leaf of the first clean run and one of the run with this number are the same.
SameInRun: TypeAlias = Callable[[Leaf, Leaf, int], bool]


@dataclass(frozen=True, slots=True)
class Always:
    """A leaf that every run had."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Varying:
    """Something that differs from run to run."""


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping. `rest`: what the first run had under names that differ from run to run.

    `rest_alike`: every run had the same under such names. `rest_counted`: it had as many.
    """

    known: Mapping[Name, Pattern]
    rest: tuple[Node, ...]
    rest_alike: bool
    rest_counted: bool


Pattern: TypeAlias = Always | Varying | Named


def learn(nodes: Sequence[Node], same: SameInRun) -> Pattern:
    """What the same place holds in every clean run."""
    trees = [tree for node in nodes if (tree := _as_tree(node)) is not None]
    if len(trees) == len(nodes):
        return _learn_names(trees, same)
    first, *others = nodes
    if all(_same(first, node, run, same) for run, node in enumerate(others, start=1)):
        return Always(_leaf(first))
    return Varying()


def varying(pattern: Pattern, path: Path = ()) -> Iterator[Path]:
    """The places that are left out; a place whose names differ ends with "*"."""
    if isinstance(pattern, Varying):
        yield path
    elif isinstance(pattern, Named):
        if pattern.rest:
            yield (*path, "*")
        for name, child in pattern.known.items():
            yield from varying(child, (*path, name))


def mismatches(
    pattern: Pattern, node: Node, same: Callable[[Leaf, Leaf], bool], path: Path = ()
) -> Iterator[Change]:
    """Where a run is not as all clean runs are."""
    if isinstance(pattern, Named):
        tree = _as_tree(node)
        if tree is None:
            yield Change(path, "several values", node)
        else:
            yield from _name_mismatches(pattern, tree, same, path)
    elif isinstance(pattern, Always) and not _is_leaf_like(pattern.leaf, node, same):
        yield Change(path, pattern.leaf, node)


def _learn_names(trees: Sequence[Tree], same: SameInRun) -> Named:
    common = set(trees[0]).intersection(*trees[1:])
    rests = [tuple(tree[name] for name in tree if name not in common) for tree in trees]
    counted = [Counter(map(comparable, rest)) for rest in rests]
    return Named(
        known={
            name: learn([tree[name] for tree in trees], same) for name in trees[0] if name in common
        },
        rest=max(rests, key=len),
        rest_alike=all(other == counted[0] for other in counted),
        rest_counted=len({len(rest) for rest in rests}) == 1,
    )


def _name_mismatches(
    pattern: Named, tree: Tree, same: Callable[[Leaf, Leaf], bool], path: Path
) -> Iterator[Change]:
    for name, child in pattern.known.items():
        if name in tree:
            yield from mismatches(child, tree[name], same, (*path, name))
        else:
            yield Change((*path, name), example(child), ABSENT)
    others = {name: node for name, node in tree.items() if name not in pattern.known}
    if not pattern.rest:
        for name, node in others.items():
            yield Change((*path, name), ABSENT, node)
    elif pattern.rest_counted:
        yield from _rest_mismatches(pattern, tuple(others.values()), path)


def _rest_mismatches(pattern: Named, rest: tuple[Node, ...], path: Path) -> Iterator[Change]:
    if len(rest) > len(pattern.rest):
        yield Change((*path, "*"), ABSENT, rest[-1])
    elif len(rest) < len(pattern.rest):
        yield Change((*path, "*"), pattern.rest[-1], ABSENT)
    elif pattern.rest_alike and Counter(map(comparable, rest)) != Counter(
        map(comparable, pattern.rest)
    ):
        yield Change((*path, "*"), pattern.rest, rest)


def example(pattern: Pattern) -> Node:
    """What a clean run had there, as far as it is known."""
    if isinstance(pattern, Always):
        return pattern.leaf
    if isinstance(pattern, Varying):
        return "..."
    parts = {name: example(child) for name, child in pattern.known.items()}
    return tuple(parts.values()) if parts and 0 in parts else parts


def _as_tree(node: Node) -> Tree | None:
    if isinstance(node, Mapping):
        return node
    return dict(enumerate(node)) if isinstance(node, tuple) else None


def _is_leaf_like(leaf: Leaf, node: Node, same: Callable[[Leaf, Leaf], bool]) -> bool:
    return _as_tree(node) is None and same(leaf, _leaf(node))


def _same(first: Node, other: Node, run: int, same: SameInRun) -> bool:
    if _as_tree(first) is not None or _as_tree(other) is not None:
        return False
    return same(_leaf(first), _leaf(other), run)


def _leaf(node: Node) -> Leaf:
    if isinstance(node, Mapping | tuple):
        raise TypeError("not a leaf")
    return node
