"""Key frames that show the same things agree on their colors.

Two things tell what is seen again: local features, which know a place and where it lies, and the
guide's own vectors, which know things before another background, but not so surely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from vidcolor.core.iterators import tap
from vidcolor.guidance.color_script import ColorScript, KeyLook, ScriptKey
from vidcolor.guidance.local_features import Similarity, find_candidates, match_features
from vidcolor.nets.guide_net import GuideNet

_ROUNDS = 4
"""How often key frames take over what those that show the same have agreed upon so far."""
_CANDIDATES = 12
"""Key frames that one is compared with, by each of two ways to find them."""
_SAME_SCENE = 0.78
"""Share of a picture that the guide sees again from which two key frames show the same."""
_SAME_PLACE = 0.15
"""The same where local features say that they do: borders and logos would say so, too."""
_CARE, _PLACE_CARE = 300.0, 3.0
"""How many times as much the automatic color counts against another shot as against a key frame of
the same shot: where the guide alone sees it again, and where it is the same place."""
_FARTHER = 2.0
"""Factor on how far things may have moved in the same place."""
_LEAST = 0.1
"""Likeness below which a sample is not seen again: a little would grow from round to round."""
_OWN = 0.25
"""How much a key frame's own color counts, of what one counts that surely shows the same."""
_NEAR = 15.0
"""ab units by which colors differ that are taken for one."""
_GRAY = 10.0
"""Chroma at which a color counts twice as much as gray, which is what the net says in doubt."""
_REVIVAL, _MOST_REVIVAL = 0.5, 1.3
"""How far it is made up for the dullness of means, and the largest factor there is of it. Whole, it
costs 0.03 dB and gains 1 % of colorfulness."""


@dataclass(frozen=True)
class _Link:
    """Another key frame that shows the same."""

    other: int
    """Its number."""
    way: Similarity | None
    """How our places come to it, where it shows the same place."""


@torch.inference_mode()
def settle(
    looks: Sequence[KeyLook],
    guide: GuideNet,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> ColorScript:
    """A script of key frames: those that show the same agree, all others keep their colors.

    Where something of a key frame is seen again in others, all of them take the color that most of
    them have or nearly have, by how much they look alike and by how strong it is. The plain mean of
    a blue and a brown sweater would be a gray one.

    Args:
        looks: Ascending in time.
        guide: Tells what looks alike.
        tell: Is told how many steps of how many are done.
    """
    pairs = _find_pairs(looks)
    steps, of = count(1), len(pairs) + len(looks) * _ROUNDS

    def step(_: object) -> None:
        tell(next(steps), of)

    links = _find_links(looks, tap(pairs, step), guide)
    found = [look.automatic for look in looks]
    for _ in range(_ROUNDS):
        for n in range(len(looks)):  # one after the other: two at once would exchange their colors
            if links[n]:
                found[n] = _agree(n, found, links[n], looks, guide)
            step(n)
    groups = _number_groups(links)
    found = _revive(looks, found, groups)
    keys = []
    for look, group, ab, others in zip(looks, groups, found, links, strict=True):
        weight = torch.full((len(ab),), 1.0 if others else 0.0)
        ab = ab.half().float()  # what is read is what was made
        keys.append(ScriptKey(look.seconds, group, look.places, look.automatic, ab, weight))
    return ColorScript(tuple(keys))


def _find_links(
    looks: Sequence[KeyLook], pairs: Iterable[tuple[int, int]], guide: GuideNet
) -> list[list[_Link]]:
    """Of each key frame the others that show the same, of pairs that may."""
    links: list[list[_Link]] = [[] for _ in looks]
    for n, m in pairs:
        way = match_features(looks[n].features, looks[m].features)
        share = _share(looks[n], looks[m], guide)
        enough = _SAME_SCENE if way is None else _SAME_PLACE
        if share <= enough or _share(looks[m], looks[n], guide) <= enough:
            continue
        links[n].append(_Link(m, way))
        links[m].append(_Link(n, way and way.inverse))
    return [sorted(some, key=lambda link: link.other) for some in links]


def _find_pairs(looks: Sequence[KeyLook]) -> list[tuple[int, int]]:
    """Numbers of key frames that may show the same, each pair once."""
    if len(looks) < 2:
        return []
    means = torch.stack([look.places[:, :-3].mean(0) for look in looks])
    by_words = find_candidates([look.features for look in looks], _CANDIDATES)
    pairs = set()
    for n, own in enumerate(means):
        apart = (means - own).square().sum(1)
        apart[n] = torch.inf
        near = apart.topk(min(_CANDIDATES, len(looks) - 1), largest=False).indices.tolist()
        pairs |= {(min(n, m), max(n, m)) for m in (*near, *by_words[n])}
    return sorted(pairs)


def _share(look: KeyLook, other: KeyLook, guide: GuideNet) -> float:
    """Share of a picture that the guide sees again in another one."""
    return float(_see_again(look, other, None, guide)[1].mean())


def _see_again(
    look: KeyLook, other: KeyLook, way: Similarity | None, guide: GuideNet
) -> tuple[Tensor, Tensor]:
    """``(M, M')`` shares of another key frame's samples in ours, and ``(M,)`` how far they count.

    They are found anew each time: those of a long film would not fit into memory.
    """
    places, others = _anywhere(look.places), _anywhere(other.places)
    if way is not None:
        places[:, -2:] = way.move(look.places[:, -2:]) / _FARTHER
        others[:, -2:] = other.places[:, -2:] / _FARTHER
    alike: Tensor = guide.between(places, others)
    total = alike.sum(1)
    care = _CARE if way is None else _PLACE_CARE
    sure: Tensor = total / (total + guide.unlike.exp() * care)
    return alike / total[:, None], sure


def _agree(
    n: int,
    found: Sequence[Tensor],
    links: Sequence[_Link],
    looks: Sequence[KeyLook],
    guide: GuideNet,
) -> Tensor:
    """``(M, 2)`` ab of one key frame after it has looked at the others."""
    views, counts = [found[n]], [_OWN * _strength(looks[n])]
    for link in links:
        other = looks[link.other]
        shares, sure = _see_again(looks[n], other, link.way, guide)
        views.append(shares @ found[link.other])
        seen = ((sure - _LEAST) / (1 - _LEAST)).clamp(min=0)
        counts.append(seen * (shares @ _strength(other)))
    return _find_mode(torch.stack(views, 1), torch.stack(counts, 1))


def _strength(look: KeyLook) -> Tensor:
    """``(M,)`` how much the net's colors count."""
    chroma: Tensor = look.automatic.norm(dim=1)
    return 1 + chroma / _GRAY


def _find_mode(views: Tensor, counts: Tensor) -> Tensor:
    """``(M, 2)`` where the colors of each sample lie densest.

    One step of mean shift (Comaniciu and Meer, 2002) from the color with the most others near it.

    Args:
        views: ``(M, V, 2)`` colors.
        counts: ``(M, V)`` how much each counts.
    """
    near = torch.exp(torch.cdist(views, views).square() / (-2 * _NEAR**2))
    best = (near @ counts[..., None])[..., 0].argmax(1)
    weights = near[torch.arange(len(near)), best] * counts
    total: Tensor = weights.sum(1, keepdim=True)
    return (weights[..., None] * views).sum(1) / total


def _revive(
    looks: Sequence[KeyLook], found: Sequence[Tensor], groups: Sequence[int]
) -> list[Tensor]:
    """Colors of each scene, nearly as strong as the net found them: means are duller."""
    revived = list(found)
    for group in set(groups):
        own = [n for n, one in enumerate(groups) if one == group]
        before, after = (
            torch.cat([colors[n] for n in own]).square().sum(1).mean()
            for colors in ([look.automatic for look in looks], found)
        )
        lost = (before / after.clamp(min=1e-6)).sqrt().clamp(1, _MOST_REVIVAL)
        factor = 1 + _REVIVAL * (lost - 1)
        for n in own if len(own) > 1 else ():
            revived[n] = found[n] * factor
    return revived


def _number_groups(links: Sequence[Sequence[_Link]]) -> list[int]:
    """Numbers of what hangs together, in the order in which it appears first."""
    first = list(range(len(links)))

    def find(one: int) -> int:
        while first[one] != one:
            first[one] = first[first[one]]
            one = first[one]
        return one

    for n, others in enumerate(links):
        for link in others:
            low, high = sorted((find(n), find(link.other)))
            first[high] = low
    firsts = [find(n) for n in range(len(links))]
    order = {one: number for number, one in enumerate(dict.fromkeys(firsts))}
    return [order[one] for one in firsts]


def _anywhere(places: Tensor) -> Tensor:
    """Places that do not tell where they lie, and how much light there was.

    Things move from shot to shot, and are lit or printed in another way: without the mean
    lightness, made shots differ by 0.58 instead of 0.65 of what they do without a script.
    """
    places = places.clone()
    places[:, -2:] = 0.0
    places[:, -3] -= places[:, -3].mean()
    return places
