"""Key frames that show the same things agree on their colors.

Two things tell what is seen again: local features, which know a place and where it lies, and the
guide's own vectors, which know things before another background, but not so surely.

Pairs of key frames are compared each by itself, and scenes, those that hang together, agree each by
itself; a large one takes turns, in which the blocks of one half agree each by itself, with what the
others said last. So several may share this work, and their script is the one that `settle` makes
alone, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heapreplace
from itertools import count

import torch
from torch import Tensor

from vidcolor.core.iterators import tap
from vidcolor.guidance.color_script import ColorScript, KeyLook, ScriptKey
from vidcolor.guidance.local_features import Similarity, find_candidates, match_features
from vidcolor.nets.guide_net import GuideNet

_ROUNDS = 4
"""How often key frames take over what those that show the same have agreed upon so far."""
TURNS = 2 * _ROUNDS
"""The same of a large scene, half of whose blocks take over at a time."""
LARGE = 64
"""Key frames of a scene that is not large, at most."""
BLOCK = 32
"""Those of a block of a large scene."""
_PASSES = 2
"""How often key frames pass on to others what they heard of a user."""
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
class Join:
    """Two key frames that show the same."""

    first: int
    """Its number."""
    second: int
    """That of the later one."""
    way: Similarity | None
    """How places of the first come to the second, where both show the same place."""


@dataclass(frozen=True)
class _Link:
    """Another key frame that shows the same."""

    other: int
    """Its number."""
    way: Similarity | None
    """How our places come to it, where it shows the same place."""


@dataclass(frozen=True)
class Scenes:
    """Which key frames of a film show the same."""

    links: tuple[tuple[_Link, ...], ...]
    """Of each key frame those to others, by their numbers."""

    @classmethod
    def of(cls, joins: Iterable[Join], keys: int) -> Scenes:
        """Those of so many key frames."""
        links: list[list[_Link]] = [[] for _ in range(keys)]
        for join in joins:
            links[join.first].append(_Link(join.second, join.way))
            links[join.second].append(_Link(join.first, join.way and join.way.inverse))
        return cls(tuple(tuple(sorted(some, key=lambda link: link.other)) for some in links))

    @cached_property
    def numbers(self) -> list[int]:
        """Of each key frame that of its scene, in the order in which they appear first."""
        first = list(range(len(self.links)))

        def find(one: int) -> int:
            while first[one] != one:
                first[one] = first[first[one]]
                one = first[one]
            return one

        for n, others in enumerate(self.links):
            for link in others:
                low, high = sorted((find(n), find(link.other)))
                first[high] = low
        firsts = [find(n) for n in range(len(self.links))]
        order = {one: number for number, one in enumerate(dict.fromkeys(firsts))}
        return [order[one] for one in firsts]

    @cached_property
    def members(self) -> list[list[int]]:
        """Key frames of each scene, ascending."""
        scenes: list[list[int]] = [[] for _ in set(self.numbers)]
        for n, number in enumerate(self.numbers):
            scenes[number].append(n)
        return scenes

    @cached_property
    def blocks(self) -> list[list[int]]:
        """Key frames of each block of each large scene, ascending.

        In a turn every second one agrees: those that are near in time mostly show the same.
        """
        large = (own for own in self.members if len(own) > LARGE)
        return [own[n : n + BLOCK] for own in large for n in range(0, len(own), BLOCK)]

    def divide(self, parts: int) -> list[list[list[int]]]:
        """Scenes of several key frames that are not large in parts of about the same work.

        They are the same for all who ask.
        """
        found: list[list[list[int]]] = [[] for _ in range(parts)]
        loads = [(0, part) for part in range(parts)]
        heapify(loads)
        joined = [own for own in self.members if 1 < len(own) <= LARGE]
        for work, own in sorted((-sum(len(self.links[n]) for n in own), own) for own in joined):
            load, part = loads[0]
            heapreplace(loads, (load - work, part))
            found[part].append(own)
        return found


@dataclass(frozen=True)
class Told:
    """A frame of which a user said something."""

    look: KeyLook
    guide: Tensor
    """``(M, 3)`` ab times weight, and weight 0..1."""


@torch.inference_mode()
def settle(
    looks: Sequence[KeyLook],
    guide: GuideNet,
    told: Sequence[Told] = (),
    tell: Callable[[int, int], object] = lambda *_: None,
) -> ColorScript:
    """A script of key frames: those that show the same agree, all others keep their colors.

    Where something of a key frame is seen again in others, all of them take the color that most of
    them have or nearly have, by how much they look alike and by how strong it is. The plain mean of
    a blue and a brown sweater would be a gray one. What a user said of one frame then passes on to
    all key frames that show the same; it changes no others.

    Args:
        looks: Ascending in time.
        guide: Tells what looks alike.
        told: What a user said.
        tell: Is told how many steps of how many are done.
    """
    pairs = find_pairs(looks)
    steps, of = count(1), len(pairs) + len(looks) * _ROUNDS

    def step(_: object) -> None:
        tell(next(steps), of)

    scenes = Scenes.of(compare_pairs(looks, pairs, guide, step), len(looks))
    found = {n: look.automatic for n, look in enumerate(looks)}
    for own in scenes.members:
        if len(own) <= LARGE:
            found |= agree_alone(own, looks, scenes, guide, step)
    for turn in range(TURNS):
        blocks = scenes.blocks[turn % 2 :: 2]
        for now in [agree(own, found, looks, scenes, guide, step) for own in blocks]:
            found |= now
    return conclude(looks, scenes, found, guide, told)


@torch.inference_mode()
def find_pairs(looks: Sequence[KeyLook]) -> list[tuple[int, int]]:
    """Numbers of key frames that may show the same, each pair once, ascending."""
    candidates = _find_candidates(looks, looks)
    pairs = ((n, m) for n, others in enumerate(candidates) for m in others if n != m)
    return sorted({(min(pair), max(pair)) for pair in pairs})


@torch.inference_mode()
def compare_pairs(
    looks: Sequence[KeyLook],
    pairs: Iterable[tuple[int, int]],
    guide: GuideNet,
    see: Callable[[object], object] = lambda _: None,
) -> list[Join]:
    """Those of some pairs that do show the same.

    Args:
        looks: Of all key frames.
        pairs: Some of `find_pairs`.
        guide: As of `settle`.
        see: Called with each pair.
    """
    found = []
    for n, m in tap(pairs, see):
        link = _compare(looks[n], looks[m], m, guide)
        if link:
            found.append(Join(n, m, link.way))
    return found


@torch.inference_mode()
def agree(
    own: Sequence[int],
    found: Mapping[int, Tensor],
    looks: Sequence[KeyLook],
    scenes: Scenes,
    guide: GuideNet,
    see: Callable[[object], object] = lambda _: None,
    rounds: int = 1,
) -> dict[int, Tensor]:
    """``(M, 2)`` ab of some key frames of a scene after they have looked at the others.

    Args:
        own: Their numbers, ascending.
        found: The colors so far of the whole scene.
        looks: Of all key frames.
        scenes: Of all.
        guide: As of `settle`.
        see: Called at each step.
        rounds: How often each looks at the others.
    """
    now = dict(found)
    for _ in range(rounds):
        for n in own:  # one after the other: two at once would exchange their colors
            if scenes.links[n]:
                now[n] = _agree(n, now, scenes.links[n], looks, guide)
            see(n)
    return {n: now[n] for n in own}


def agree_alone(
    own: Sequence[int],
    looks: Sequence[KeyLook],
    scenes: Scenes,
    guide: GuideNet,
    see: Callable[[object], object] = lambda _: None,
) -> dict[int, Tensor]:
    """The same of a whole scene that is not large, behind all rounds."""
    found = {n: looks[n].automatic for n in own}
    return agree(own, found, looks, scenes, guide, see, _ROUNDS)


@torch.inference_mode()
def conclude(
    looks: Sequence[KeyLook],
    scenes: Scenes,
    found: Mapping[int, Tensor],
    guide: GuideNet,
    told: Sequence[Told] = (),
) -> ColorScript:
    """The script of key frames that have agreed.

    Args:
        looks: As of `settle`.
        scenes: Of all.
        found: The ab that scenes of several key frames agreed upon, by their numbers.
        guide: As of `settle`.
        told: As of `settle`.
    """
    heard = _pass_on(told, looks, scenes.links, guide)
    agreed = [look.automatic for look in looks]
    for own in scenes.members:
        if len(own) > 1:
            scene = [looks[n] for n in own], [found[n] for n in own]
            for n, ab in zip(own, _revive(*scene), strict=True):
                agreed[n] = ab
    keys = []
    rows = zip(looks, scenes.numbers, agreed, scenes.links, heard, strict=True)
    for look, group, ab, others, said in rows:
        # Half of the digits: what is read is what was made.
        ab = (ab * (1 - said[:, 2:]) + said[:, :2]).half().float()
        weight = said[:, 2].half().float() if not others else torch.ones(len(ab))
        is_told = bool((said[:, 2] > _LEAST).any())
        keys.append(
            ScriptKey(look.seconds, group, look.places, look.automatic, ab, weight, is_told)
        )
    return ColorScript(tuple(keys))


def _compare(look: KeyLook, other: KeyLook, number: int, guide: GuideNet) -> _Link | None:
    """The link to another key frame of some number; None where it shows something else."""
    share = _share(look, other, guide)
    if share <= _SAME_PLACE:  # whatever their features say
        return None
    way = match_features(look.features, other.features)
    enough = _SAME_SCENE if way is None else _SAME_PLACE
    if share <= enough or _share(other, look, guide) <= enough:
        return None
    return _Link(number, way)


def _find_candidates(asked: Sequence[KeyLook], looks: Sequence[KeyLook]) -> list[list[int]]:
    """Of each asked key frame the numbers of those that may show the same, and of itself."""
    if not asked or not looks:
        return [[] for _ in asked]
    features = [look.features for look in looks]
    own = features if asked is looks else [look.features for look in asked]
    by_words = find_candidates(own, features, 1 + _CANDIDATES)
    means = torch.stack([look.places[:, :-3].mean(0) for look in looks])
    found = []
    for look, others in zip(asked, by_words, strict=True):
        apart = (means - look.places[:, :-3].mean(0)).square().sum(1)
        near = apart.topk(min(1 + _CANDIDATES, len(looks)), largest=False).indices.tolist()
        found.append(sorted({*near, *others}))
    return found


def _pass_on(
    told: Sequence[Told],
    looks: Sequence[KeyLook],
    links: Sequence[Sequence[_Link]],
    guide: GuideNet,
) -> list[Tensor]:
    """``(M, 3)`` of each key frame: what a user said of what it shows, as `Told.guide`."""
    heard = [torch.zeros(len(look.automatic), 3) for look in looks]
    for one, candidates in zip(told, _find_candidates([t.look for t in told], looks), strict=True):
        for n in candidates:
            if link := _compare(looks[n], one.look, 0, guide):
                heard[n] = _hear(heard[n], looks[n], one, link.way, guide)
    for _ in range(_PASSES if told else 0):
        before = list(heard)
        for n, link in ((n, link) for n, some in enumerate(links) for link in some):
            if before[link.other].any():
                one = Told(looks[link.other], before[link.other])
                heard[n] = _hear(heard[n], looks[n], one, link.way, guide)
    return heard


def _hear(
    heard: Tensor, look: KeyLook, told: Told, way: Similarity | None, guide: GuideNet
) -> Tensor:
    """``(M, 3)`` what was heard before or is now, by what speaks more clearly of each sample."""
    shares, sure = _see_again(look, told.look, way, guide)
    now = _clear(sure)[:, None] * (shares @ told.guide)
    return torch.where(now[:, 2:] > heard[:, 2:], now, heard)


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
    found: Mapping[int, Tensor],
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
        counts.append(_clear(sure) * (shares @ _strength(other)))
    return _find_mode(torch.stack(views, 1), torch.stack(counts, 1))


def _clear(sure: Tensor) -> Tensor:
    """How far what is seen again counts."""
    return ((sure - _LEAST) / (1 - _LEAST)).clamp(min=0)


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


def _revive(looks: Sequence[KeyLook], found: Sequence[Tensor]) -> list[Tensor]:
    """Colors of a scene, nearly as strong as the net found them: means are duller."""
    before, after = (
        torch.cat(list(colors)).square().sum(1).mean()
        for colors in ([look.automatic for look in looks], found)
    )
    lost = (before / after.clamp(min=1e-6)).sqrt().clamp(1, _MOST_REVIVAL)
    return [ab * (1 + _REVIVAL * (lost - 1)) for ab in found]


def _anywhere(places: Tensor) -> Tensor:
    """Places that do not tell where they lie, and how much light there was.

    Things move from shot to shot, and are lit or printed in another way: without the mean
    lightness, made shots differ by 0.58 instead of 0.65 of what they do without a script.
    """
    places = places.clone()
    places[:, -2:] = 0.0
    places[:, -3] -= places[:, -3].mean()
    return places
