"""A session: what a run works with, loaded once and handed on as one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache, cached_property, partial
from pathlib import Path

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import FrameSource, Guide
from vidcolor.core.files import file_sha256
from vidcolor.core.frames import PixelLayout
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError, WeightsNotFound
from vidcolor.guidance.color_script import ColorScript, digest_keys
from vidcolor.guidance.digest import digest_part, digest_whole, with_script
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.decode.frame_windows import read_frames
from vidcolor.nets.colornet import ColorNet, DistributionNet
from vidcolor.nets.trust_gate import Gate
from vidcolor.nets.weights import find_weights, load_gate, load_weights
from vidcolor.settings import Settings


class Session:
    """Settings, the net on its device, and the gate of the temporal smoother.

    Attributes:
        settings: All of them; those of the colorizer are the colorizer's own.
        colorizer: The net on its device.
        guidance: What is said of the video's colors; None where nothing is.
        script: The color script of the video; None where there is none. `follow` sets it.
        source: Gives the frames that hints and references speak of; None where none is needed.
        rotation: Display matrix of the video; None where it is stored upright.
    """

    def __init__(
        self,
        settings: Settings,
        colorizer: Colorizer,
        guidance: Guidance | None = None,
        others: dict[str, Colorizer] | None = None,
    ) -> None:
        """Put together what was loaded; `load` loads it.

        Args:
            settings: Of everything but the net.
            colorizer: The net; its own settings apply.
            guidance: What is said of the video; None where nothing is.
            others: The nets of stretches that are loaded already, by name; gets those to come.

        Raises:
            SettingsError: The guidance has a stretch with its own ``vivid`` or ``palette``, which
                has no effect on the net, or with a palette that there is not.
        """
        self.settings = replace(settings, colorizer=colorizer.settings)
        self.colorizer = colorizer
        self.guidance = guidance
        self.script: ColorScript | None = None
        self.source: FrameSource | None = None
        self.rotation: Sequence[int] | None = None
        self._others: dict[str, Colorizer] = {} if others is None else others
        self._configured: tuple[VideoInfo, int] | None = None
        self._inferred = 0
        self._check_dials(None, colorizer.net)

    @classmethod
    def load(
        cls,
        settings: Settings | None = None,
        colorizer: Colorizer | None = None,
        guidance: Guidance | None = None,
    ) -> Session:
        """A session with the net that the settings name.

        Args:
            settings: None takes the defaults.
            colorizer: What to color with; its own settings apply then, whatever ``settings``
                says of the net.
            guidance: What is said of the video; None where nothing is.

        Raises:
            WeightsError: The weights are missing or damaged.
            SettingsError: The device does not exist here, or ``vivid`` has no effect on the net.
            DeviceError: The device has no memory left for the net, or does not work.
        """
        settings = settings or Settings()
        colorizer = colorizer or Colorizer.from_weights(settings=settings.colorizer)
        return cls(settings, colorizer, guidance)

    def with_guidance(self, guidance: Guidance | None) -> Session:
        """The same nets for another video."""
        return Session(self.settings, self.colorizer, guidance, self._others)

    def for_picture(self, guidance: Guidance | None) -> Session:
        """The same nets for a picture, which has no color script."""
        return Session(self.settings.without_script, self.colorizer, guidance, self._others)

    @cached_property
    def scripted(self) -> bool:
        """Whether a film of several shots gets a color script: it is asked for and can be made.

        Raises:
            WeightsError: The guide of the net is damaged, or there are several.
        """
        if self.settings.script.make == "off":
            return False
        try:
            self.colorizer.listen()
        except (WeightsNotFound, SettingsError):
            return False
        return True

    @property
    def needs_shots(self) -> bool:
        """Whether the shots of a video must be known before it is colored."""
        return self.scripted or bool(self.guidance and self.guidance.needs_shots)

    def follow(
        self,
        script: ColorScript,
        shots: Sequence[ShotRange],
        frame_rate: Fraction | None = None,
    ) -> None:
        """Color by a script from now on.

        Args:
            script: Of the video.
            shots: Those of the video, or those that the frames to come lie in.
            frame_rate: As of `Guidance`.
        """
        self.script = script
        self.guidance = (self.guidance or Guidance(ColorSheet(), frame_rate)).with_shots(shots)

    @property
    def smooths(self) -> bool:
        """Whether any frame is smoothed."""
        return self.settings.smooth.strength > 0 or bool(self.guidance and self.guidance.smooths)

    def colorizer_for(self, weights: str | None) -> Colorizer:
        """The net that a stretch names, on the device of the session's own; loaded once.

        Args:
            weights: Name or path; None is the session's own.

        Raises:
            WeightsError: The weights are missing or damaged.
            SettingsError: A setting has no effect on the net, or does not fit it.
            DeviceError: The device has no memory left for the net, or does not work.
        """
        if weights in (None, self.colorizer.name, self.settings.colorizer.weights):
            return self.colorizer
        assert weights is not None
        if weights not in self._others:
            net, sha256 = load_weights(weights)
            self._check_dials(weights, net)
            own = self.settings.colorizer
            vivid = own.vivid if isinstance(net, DistributionNet) else None
            own = replace(own, weights=weights, vivid=vivid)
            self._others[weights] = Colorizer(net, own, name=weights, sha256=sha256)
            if self._configured:
                self._configure(self._others[weights], *self._configured)
        return self._others[weights]

    def guide_for(self, colorizer: Colorizer, aspect: Fraction | None) -> Guide | None:
        """Guides the frames that a net colors; None where nothing is said that they could follow.

        Raises:
            WeightsError: The net has no guide.
            SettingsError: The net takes no hints.
        """
        # Another net would not know the things of the script again.
        script = self.script if colorizer is self.colorizer else None
        script = script if script and script.is_followed else None
        if not self.guidance or not (script or self.guidance.needs_shots) or self.source is None:
            return None
        aspect, paint = aspect or Fraction(1), self.settings.paint
        return Guide(self.guidance, colorizer, self.source, aspect, paint, self.rotation, script)

    @property
    def other_weights(self) -> dict[str, str]:
        """sha256 of the weights that stretches name, by name, hexadecimal.

        Raises:
            WeightsNotFound: There are no such weights.
        """
        own = self.colorizer.name, self.settings.colorizer.weights
        names = [name for name in self.guidance.weights if name not in own] if self.guidance else []
        return {name: _sha256_of(find_weights(name)[0]) for name in names}

    @property
    def colors(self) -> str:
        """Digest of all that is said of the video's colors; empty where nothing is."""
        return digest_whole(self.guidance, self._nets) if self.guidance else ""

    def colors_of(self, first: Fraction, last: Fraction) -> str:
        """Digest of what is said of some frames, and of the color script in their shots."""
        said = digest_part(self.guidance, first, last, self._nets) if self.guidance else ""
        if self.script is None or self.guidance is None:
            return said
        keys = self.script.keys_within(*self.guidance.widen(first, last))
        return with_script(said, digest_keys(keys))

    @property
    def _nets(self) -> dict[str, str]:
        """sha256 of the nets of stretches by name, and without a name of all guides."""
        return {"": self.guides} | self.other_weights

    @property
    def guides(self) -> str:
        """sha256 of the guides that color sheet and color script need, hexadecimal; or empty.

        Raises:
            WeightsError: A net has no guide.
            SettingsError: A net takes no hints.
        """
        if not self.needs_shots:
            return ""
        colorizers = [self.colorizer]
        if self.guidance and self.guidance.needs_shots:
            colorizers += [self.colorizer_for(one) for one in self.guidance.weights]
        for each in colorizers:
            each.listen()
        return "+".join(each.guide_sha256 for each in colorizers)

    @property
    def inferred(self) -> int:
        """Frames that nets ran on in this run."""
        return self._inferred + sum(each.inferred for each in self._colorizers)

    @property
    def notes(self) -> list[str]:
        """What a user should know of what was said of the colors, and of how the nets went."""
        nets = (note for each in self._colorizers for note in each.notes)
        return list(dict.fromkeys([*self.said, *nets]))

    @property
    def said(self) -> Sequence[str]:
        """What a user should know of what was said of the colors."""
        return self.guidance.notes if self.guidance else ()

    def count(self, colorizer: Colorizer) -> None:
        """Take note of the frames that a net ran on before it begins again."""
        self._inferred += colorizer.inferred
        colorizer.inferred = 0

    @property
    def _colorizers(self) -> list[Colorizer]:
        return [self.colorizer, *self._others.values()]

    def _check_dials(self, weights: str | None, net: ColorNet) -> None:
        """See that the own ``vivid`` and ``palette`` of a stretch have an effect on its net.

        Raises:
            SettingsError: They have none, or there is no such palette.
        """
        if not self.guidance:
            return
        _ = self.guidance.palettes
        if isinstance(net, DistributionNet):
            return
        why = (
            f"{weights or self.colorizer.name or 'this net'} predicts one color, not how likely"
            " each is, so"
        )
        if self.guidance.sets_vivid(weights):
            raise SettingsError(f"{why} vivid has no effect; use saturation in the color sheet")
        if self.guidance.sets_palette(weights):
            raise SettingsError(
                f"{why} a palette has no effect; use --weights default or mini, or hints"
            )

    @property
    def gate(self) -> Gate | None:
        """That of the smoother; None where nothing is smoothed."""
        return self._gate[0]

    @property
    def gate_sha256(self) -> str:
        """Of the gate's weights, hexadecimal; empty where nothing is smoothed."""
        return self._gate[1]

    @property
    def _gate(self) -> tuple[Gate | None, str]:
        return _shipped_gate() if self.smooths else (None, "")

    @property
    def weights(self) -> dict[str, str]:
        """Name and digests of all weights in use, for reports."""
        gate = {"gate_sha256": self.gate_sha256} if self.gate_sha256 else {}
        guide = self.colorizer.guide_sha256
        guides = {"guide_sha256": guide} if guide and (self.guidance or self.scripted) else {}
        return self.colorizer.weights | gate | guides | self.other_weights

    def configure_for(self, info: VideoInfo, batch: int = 0) -> None:
        """Forget the last video and decide how the net is run for the next one.

        Args:
            info: Of the video.
            batch: Frames a run of the net; 0 decides it by the memory there is.
        """
        self._inferred = 0
        self.watch(info)
        self._configure(self.colorizer, info, batch)
        self._configured = info, self.colorizer.batch
        for other in self._others.values():
            self._configure(other, *self._configured)
        for weights in self.guidance.weights if self.guidance else ():
            self.colorizer_for(weights)  # what is wrong with them is not to be met hours later
        _ = self.guides

    def watch(self, info: VideoInfo) -> None:
        """Take the frames that hints and references speak of from this video."""
        self.source = partial(read_frames, info.path, self.settings.open)
        self.rotation = info.rotation

    @staticmethod
    def _configure(colorizer: Colorizer, info: VideoInfo, batch: int) -> None:
        colorizer.reset()
        colorizer.configure_for(info.height, info.width, info.sample_aspect, batch)

    def threads_for(self, info: VideoInfo, layout: PixelLayout) -> WorkerThreads:
        """A thread for each core, and those that only wait for a GPU."""
        colorizer = self.colorizer
        waiting = 0 if colorizer.device.type == "cpu" else colorizer.ahead
        frame = 3 * info.height * info.width * (1 if layout.bits == 8 else 2)
        return WorkerThreads((self.settings.colorizer.threads or usable_cores()) + waiting, frame)


@cache
def _sha256_of(path: Path) -> str:
    return file_sha256(path)


@cache
def _shipped_gate() -> tuple[Gate, str]:
    """Read once, for all videos of a process; nothing changes it."""
    return load_gate()
