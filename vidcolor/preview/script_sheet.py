"""Sheets of a color script: a row for each scene, with its palette and some of its key frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from vidcolor.preview.contact_sheet import BRIGHT, DIM, GAP, HEAD, MARGIN, WIDTH, Board
from vidcolor.preview.script_palette import Swatch
from vidcolor.preview.script_scenes import PALETTE, Scene, ScriptView

HIGHEST = 16_000
"""Pixels down of a page; what is more goes on another one."""
_TOP = MARGIN + HEAD + 18
_TITLE, _SMALL = 18, 13
"""Heights of letters."""
_LINE = 28
"""Height of the line above a scene."""
_APART = 22
"""Pixels between two scenes."""
_SWATCH = 40
"""Height of a swatch, where there is room."""
_LEAST_SWATCH = 16


def split_pages(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """The scenes of each page, in order; one page at least."""
    pages: list[list[Scene]] = [[]]
    room = HIGHEST - _TOP - MARGIN
    left = room
    for scene in scenes:
        height = _row_height(scene)
        if height > left and pages[-1]:
            pages.append([])
            left = room
        pages[-1].append(scene)
        left -= height
    return pages


def draw_pages(view: ScriptView) -> Iterator[Tensor]:
    """``(3, H, W)`` uint8 sRGB of each page."""
    pages = split_pages(view.visible)
    name, facts = view.heading
    keys = sum(len(scene.times) for scene in view.scenes)
    parts = (view.shots, "shot"), (keys, "key frame"), (len(view.scenes), "scene")
    more = ", ".join(_count(*part) for part in parts)
    for number, scenes in enumerate(pages, 1):
        page = f"page {number} of {len(pages)}" if len(pages) > 1 else ""
        told = "  \N{MIDDLE DOT}  ".join(part for part in (facts, more, page) if part)
        yield _draw_page(scenes, (name, told))


def _draw_page(scenes: Sequence[Scene], heading: tuple[str, str]) -> Tensor:
    across = [_row_width(scene) for scene in scenes]
    down = _TOP + sum(_row_height(scene) for scene in scenes) - _APART + MARGIN
    board = Board((max([WIDTH, *across]), max(_TOP + MARGIN, down)))
    board.print_heading(*heading)
    y = _TOP
    for scene in scenes:
        _draw_scene(board, scene, y)
        y += _row_height(scene)
    return board.tensor()


def _draw_scene(board: Board, scene: Scene, y: int) -> None:
    """The line of a scene, and below it palette and key frames, before and after."""
    title, more = describe_scene(scene)
    middle, room = y + _LINE / 2 - 3, board.size[0] - 2 * MARGIN
    length = board.write((MARGIN, middle), title, _TITLE, room)
    behind = MARGIN + length + _TITLE * 2 / 3
    board.write((behind, middle), more, _SMALL + 2, room - length - _TITLE, DIM)
    y += _LINE
    line_height = _line_height(scene)
    for line, palette in enumerate((scene.before, scene.after)[: _lines(scene)]):
        _draw_palette(board, palette, y + line * (line_height + GAP), line_height)
    x = MARGIN + PALETTE
    for number, picture in enumerate(scene.pictures):
        height, width = picture.before.shape[1:]
        words = ("", "") if number or scene.is_single else ("before  ", "after")
        labels = words[0] + picture.label, words[1]
        for line, one in enumerate((picture.before, picture.after)[: _lines(scene)]):
            top = y + line * (line_height + GAP)
            board.paste((x, top), one)
            board.print_plate(x, top + height, width, labels[line])
        x += width + GAP


def _draw_palette(board: Board, palette: Sequence[Swatch], y: int, height: int) -> None:
    """Swatches below each other, each with its color as ``#rrggbb`` and how much of it there is."""
    each = min(_SWATCH, height // max(1, len(palette)))
    for swatch in palette:
        high = each - min(4, each // 4)
        board.fill((MARGIN, y, MARGIN + _SWATCH, y + high), swatch.color)
        x, room = MARGIN + _SWATCH + 8, PALETTE - _SWATCH - 16
        size = min(_SMALL + 1, high)
        told = f"{swatch.share:.0%}"
        if high >= 2 * _SMALL + 6:
            board.write((x, y + high / 2 - 9), swatch.color, size, room, BRIGHT)
            board.write((x, y + high / 2 + 9), told, size - 1, room, DIM)
        else:
            length = board.write((x, y + high / 2), swatch.color, size, room, BRIGHT)
            board.write((x + length + 6, y + high / 2), told, size - 2, room - length - 6, DIM)
        y += each


def describe_scene(scene: Scene) -> tuple[str, str]:
    """``Scene 3: 5 shots``, and how many key frames it has and shows."""
    count, shown = len(scene.times), len(scene.pictures)
    more = _count(count, "key frame")
    if count > shown:
        more += f": {shown} shown, +{count - shown} more"
    changed = f"changed by {scene.change:.1f} ab units on the mean"
    more += f"  \N{MIDDLE DOT}  {'keeps its colors' if scene.is_single else changed}"
    return f"Scene {scene.number}: {_count(len(scene.shots), 'shot')}", more


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _line_height(scene: Scene) -> int:
    """Of the pictures before or after, and of the palette beside them."""
    longest = max(len(scene.before), len(scene.after))
    return max(scene.pictures[0].before.shape[1], _LEAST_SWATCH * longest)


def _row_height(scene: Scene) -> int:
    """Of all of a scene, with what is empty below it."""
    return _LINE + _lines(scene) * (_line_height(scene) + GAP) - GAP + _APART


def _lines(scene: Scene) -> int:
    """Before and after, unless they are the same."""
    return 1 if scene.is_single else 2


def _row_width(scene: Scene) -> int:
    widths = [picture.before.shape[2] + GAP for picture in scene.pictures]
    return 2 * MARGIN + PALETTE + sum(widths) - GAP
