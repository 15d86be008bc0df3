"""What a person can set on the page, and what it is on the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any

from vidcolor.core.purposes import purpose_of
from vidcolor.settings import (
    ColorizerSettings,
    OutputSettings,
    PaintSettings,
    ScriptSettings,
    Settings,
    TemporalSettings,
    TitleSettings,
)

NETS = {"default": "Best quality", "mini": "Fast draft"}
"""What the nets that ship are called on the page."""

CARDS = {"auto": "Automatic", "keep": "Keep gray", "color": "Color"}
"""What can be done with title cards, as the page calls it."""

PALETTES = {"auto": "On", "off": "Off"}
"""Whether a film gets one palette, as the page calls it."""

SAME = "same"
"""No purpose: the film becomes what it was."""

PURPOSES = {
    SAME: "Like the original",
    "share": "Sharing (MP4)",
    "web": "Web pages (WebM)",
    "edit": "Editing (ProRes, MOV)",
    "avid": "Avid (DNxHR, MXF)",
    "archive": "Archive (FFV1, MKV)",
}
"""What a colored film is for, as the page calls it."""

TUNED = 0.5
"""Where the dial of vividness stands for what the weights were tuned for."""


@dataclass(frozen=True)
class Choice:
    """Settings of the page, in range."""

    weights: str = ColorizerSettings().weights
    size: int = ColorizerSettings().size
    vivid: float = TUNED
    """0 safest to 1 most vivid; `TUNED` takes what the weights were tuned for."""
    smooth: float = TemporalSettings().strength
    saturation: float = PaintSettings().saturation
    device: str = ColorizerSettings().device
    titles: str = TitleSettings().cards
    """What is done with title cards; one of `CARDS`."""
    script: str = ScriptSettings().make
    """Whether shots agree on their colors first; one of `PALETTES`. Single frames go without."""
    label: bool = OutputSettings().label
    """Whether the file says that it was colored; frames on the page are no files."""
    purpose: str = SAME
    """What the film is for, which decides container, codecs and sound; one of `PURPOSES`."""

    def __post_init__(self) -> None:
        self.settings()

    def settings(self) -> Settings:
        """The same as settings of a run.

        Raises:
            SettingsError: A value is out of range.
        """
        vivid = None if self.vivid == TUNED else self.vivid
        if self.purpose != SAME:
            purpose_of(self.purpose)
        return Settings(
            colorizer=ColorizerSettings(
                weights=self.weights, size=self.size, vivid=vivid, device=self.device
            ),
            smooth=TemporalSettings(self.smooth),
            paint=PaintSettings(self.saturation),
            titles=TitleSettings(self.titles),
            script=ScriptSettings(self.script),
            output=OutputSettings(label=self.label),
        )

    def words(self) -> list[str]:
        """The same as options of the command."""
        words = [f"--weights={self.weights}", f"--size={self.size}", f"--device={self.device}"]
        words += [f"--smooth={self.smooth:g}", f"--saturation={self.saturation:g}"]
        words += [] if self.titles == TitleSettings().cards else [f"--titles={self.titles}"]
        words += [f"--script={self.script}", *([] if self.label else ["--no-label"])]
        words += [] if self.purpose == SAME else [f"--for={self.purpose}"]
        return words if self.vivid == TUNED else [*words, f"--vivid={self.vivid:g}"]

    def unsteadied(self) -> Choice:
        """The same without smoothing: what a single frame shows soonest."""
        return replace(self, smooth=0.0)

    def unscripted(self) -> Choice:
        """The same for a frame or a stretch, which has not all shots to agree with.

        A browser shows it, whatever the film is for.
        """
        return replace(self, script="off", purpose=SAME)

    def for_picture(self) -> Choice:
        """The same for a picture, of which nothing is told that is for films."""
        return replace(self, script=ScriptSettings().make, purpose=SAME)

    def told(self) -> str:
        """In words: what differs from the defaults."""
        usual = Choice()
        words = [] if self.weights == usual.weights else [f"model: {net_label(self.weights)}"]
        names = {"vivid": "vividness", "saturation": "saturation", "smooth": "flicker reduction"}
        for name, word in {**names, "size": "detail"}.items():
            if getattr(self, name) != getattr(usual, name):
                words.append(f"{word} {getattr(self, name):g}")
        if self.titles != usual.titles:
            words.append(f"title cards: {CARDS[self.titles].lower()}")
        if self.script != usual.script:
            words.append(f"one palette for the whole film: {PALETTES[self.script].lower()}")
        if self.purpose != usual.purpose:
            words.append(f"save for: {PURPOSES[self.purpose]}")
        words += [] if self.label else ["without a label"]
        return ", ".join(words) or "default settings"

    def plain(self) -> dict[str, Any]:
        """Plain types, to hand to another process, which shows frames by themselves."""
        return asdict(replace(self.unscripted(), label=OutputSettings().label))


def net_label(name: str) -> str:
    """How a net is called on the page; one of a file by its name."""
    return NETS.get(name, PurePath(name).stem)
