"""Paints one picture again and again, as fast as a user clicks: the net looks at it once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import look_at, make_key, read_look
from vidcolor.core.frames import Frame
from vidcolor.guidance.entries import Hint, Point, Reference, SheetContent
from vidcolor.guidance.key_frame import KeyFrame, carry_key, mix_guides
from vidcolor.guidance.suggest import Suggestion, color_at, suggest_colors
from vidcolor.media.display import turn_upright
from vidcolor.nets.palette import PaletteColors

CARRIED_KEPT = 8
"""Other key frames of which it is kept what they say of a picture."""


class FramePainter:
    """One picture, and what the net knows of it. It takes no turns: one thread at a time."""

    def __init__(
        self,
        frame: Frame,
        colorizer: Colorizer,
        sample_aspect: Fraction | None = None,
        rotation: Sequence[int] | None = None,
        palette: PaletteColors = (),
    ) -> None:
        """Let the net look.

        Args:
            frame: The picture.
            colorizer: Has the net; it listens from now on.
            sample_aspect: Width of a sample over its height; None for square ones.
            rotation: Display matrix of the video; points are of the picture as players show it,
                ab is as stored.
            palette: To which the net's colors are drawn.

        Raises:
            WeightsError: The net has no guide.
            SettingsError: The net takes no hints.
            DeviceError: As `Colorizer.predict`.
        """
        self._colorizer = colorizer
        self._guide = colorizer.listen()
        self._carried: list[tuple[KeyFrame, Tensor]] = []
        self.view = look_at(frame, colorizer, sample_aspect, rotation, palette=palette)

    @property
    def automatic(self) -> Tensor:
        """``(2, h, w)`` ab as the net found it."""
        return self.view.seen.ab[0]

    @torch.inference_mode()
    def paint(
        self,
        hints: Sequence[Hint] = (),
        references: Sequence[Reference] = (),
        sheet: SheetContent | None = None,
    ) -> tuple[Tensor, Tensor]:
        """``(2, h, w)`` ab of the picture with what is said of it, and ``(1, h, w)`` how far.

        The automatic color, and 0, where nothing is.

        Args:
            hints: Of this picture, whatever their time.
            references: With a time: images of this very picture; without: looks.
            sheet: Has the saved colors that hints use; images are looked for beside it.

        Raises:
            SettingsError: A color is none, or an image cannot be read.
        """
        sheet = sheet or SheetContent()
        said: list[Hint | Reference] = [one for one in references if one.time is not None]
        said += hints
        keys = [self.key(Fraction(0), said, sheet)] if said else []
        looks = (one for one in references if one.time is None)
        keys += [read_look(one, self._colorizer, sheet) for one in looks]
        return self.blend(keys, Fraction(0))

    def key(
        self, seconds: Fraction, said: Sequence[Hint | Reference], sheet: SheetContent
    ) -> KeyFrame:
        """The picture as a key frame: for itself, and for others of its shot.

        Args:
            seconds: When it is shown.
            said: Hints of it and images of it, whatever their time.
            sheet: As of `paint`.

        Raises:
            SettingsError: As `paint`.
        """
        return make_key(self.view, seconds, said, self._colorizer, sheet)

    @torch.inference_mode()
    def blend(
        self, keys: Sequence[KeyFrame], seconds: Fraction, saturation: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """As `paint`, by what key frames say of the picture.

        Args:
            keys: Of its shot; its own one has its ``seconds``.
            seconds: When it is shown.
            saturation: Of the automatic color; what was said stays as it was said.
        """
        automatic = self.automatic * saturation
        if not keys:
            return automatic, torch.zeros_like(automatic[:1])
        guides = [
            (key.seconds, key.guide if key.seconds == seconds else self._carry(key)) for key in keys
        ]
        guide = mix_guides(guides, seconds)
        said = guide[2:].clamp(0, 1)
        return automatic * (1 - said) + guide[:2], said

    def _carry(self, key: KeyFrame) -> Tensor:
        """What another key frame says of this picture; the last ones stay, as it takes seconds."""
        known = next((guide for other, guide in self._carried if other is key), None)
        if known is None:
            known = carry_key(key, self.view.places, self.view.size, self._guide)
            self._carried = [*self._carried[1 - CARRIED_KEPT :], (key, known)]
        return known

    def suggest(self, point: Point, count: int = 9) -> list[Suggestion]:
        """Likely colors of a point, the likeliest first; their ``color`` is at its luma.

        Args:
            point: (x, y), 0..1 of width and height.
            count: How many at most.
        """
        y, x = self._sample(point)
        lightness = float(self.view.lightness[0, y, x])
        return suggest_colors(
            self.view.seen.logits[0, :, y, x], self._colorizer.bins, lightness, count
        )

    def lightness_at(self, point: Point) -> float:
        """L* 0..100 of a point."""
        y, x = self._sample(point)
        return float(self.view.lightness[0, y, x])

    def pick(self, point: Point, ab: Tensor | None = None) -> str:
        """``#rrggbb`` of a point: of ``(2, h, w)`` ab, or as the net found it."""
        y, x = self._sample(point)
        ab = self.automatic if ab is None else ab
        return color_at(
            float(self.view.lightness[0, y, x]), (float(ab[0, y, x]), float(ab[1, y, x]))
        )

    def _sample(self, point: Point) -> tuple[int, int]:
        h, w = self.view.size
        numbers = turn_upright(torch.arange(h * w).view(h, w), self.view.rotation)
        tall, wide = numbers.shape
        number = numbers[min(tall - 1, int(point[1] * tall)), min(wide - 1, int(point[0] * wide))]
        return divmod(int(number), w)
