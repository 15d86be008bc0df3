"""Every default of the product, as frozen dataclasses.

A sentence and a unit stand under each field. The command line and the library read the same
defaults from here and nowhere else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from vidcolor.errors import SettingsError

CODEC_NAMES = {
    **dict.fromkeys(("h264", "x264", "avc"), "libx264"),
    **dict.fromkeys(("h265", "x265", "hevc"), "libx265"),
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "prores": "prores_ks",
    "dnxhr": "dnxhd",
}
"""What people call a codec -> the encoder that is always there for it."""

CODEC_PROFILES = {"prores_4444": ("prores_ks", "4444")}
"""Names that stand for one profile of an encoder -> that encoder and its profile."""

_X264_CRF, _VPX_CRF = (0.0, 51.0), (0.0, 63.0)
_CHIPS = ("nvenc", "qsv", "amf", "vaapi", "videotoolbox")
CRF_RANGES = {
    **dict.fromkeys(("libx264", "libx265"), _X264_CRF),
    **dict.fromkeys(("libvpx-vp9", "libvpx", "libsvtav1", "libaom-av1"), _VPX_CRF),
    **{f"{codec}_{chip}": _X264_CRF for codec in ("h264", "hevc") for chip in _CHIPS},
    **{f"av1_{chip}": _VPX_CRF for chip in _CHIPS},
}
"""Rate factors that an encoder takes; beyond them FFmpeg takes the nearest without a word."""

_X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
PRESETS = {
    "libx264": (*_X264_PRESETS, *map(str, range(10))),
    "libx265": (*_X264_PRESETS, *map(str, range(10))),
    "libsvtav1": tuple(map(str, range(-2, 14))),
}
"""Presets of the encoders that have some; a number stands for a name of the first two."""


def check_quality(codec: str | None, crf: float | None, preset: str | None) -> None:
    """See that an encoder takes a rate factor and a preset; None is any that vidcolor may choose.

    Raises:
        SettingsError: It does not.
    """
    if crf is not None:
        least, most = CRF_RANGES.get(codec, (0.0, 63.0)) if codec else (0.0, 63.0)
        if not least <= crf <= most:
            raise SettingsError(
                f"--crf {crf:g} is outside {least:g} to {most:g}; lower is better, try 16"
            )
    if preset is not None and (codec is None or codec in PRESETS):
        known = PRESETS[codec] if codec else {name for names in PRESETS.values() for name in names}
        if preset not in known:
            words = "-2 to 13" if codec == "libsvtav1" else ", ".join(_X264_PRESETS)
            who = codec or "the encoder"
            raise SettingsError(f"{who} has no --preset {preset}; use {words}")


MAX_PIXELS = 2**31 - 1
"""FFmpeg decodes no larger pictures."""

MIN_FPS, MAX_FPS = 1, 120
"""Frames per second that an image sequence may have."""

MAX_STRIDE = 4
"""Up to here strides were measured to keep the quality."""

MAX_BATCH = 256
SIZE_STEP = 16
"""Working sizes are multiples of it: the nets halve their maps four times."""
"""Frames in one run of the net at most."""


@dataclass(frozen=True)
class InputSettings:
    """How a film is opened."""

    start: Fraction | None = None
    """Where to start, in seconds from the film's start; None is the beginning."""
    end: Fraction | None = None
    """Where to stop, in seconds from the film's start; None is the end."""
    video_stream: int | None = None
    """Which video stream to color, counted from 0 among those that are not cover art; None
    takes the one that FFmpeg selects."""
    max_pixels: int = 8192 * 8192
    """Largest frame accepted, in pixels."""
    decoder_threads: int = 0
    """Threads of the decoder; 0 takes one per core, at most 8."""
    max_hours: int = 100
    """Longest film accepted, in hours, by the duration its container declares."""
    subtitle_encoding: str | None = None
    """Encoding of subtitles and titles that are not UTF-8; None detects it."""
    sound: tuple[str, ...] = ()
    """Files whose sound goes beside the film's own, from the start of the film."""
    fps: Fraction | None = None
    """Frames per second of an image sequence; None takes what its frames say. Films have a rate of
    their own."""

    def __post_init__(self) -> None:
        if self.start is not None and self.start < 0:
            raise SettingsError("the start must be 0 or more")
        if self.end is not None and self.end <= (self.start or 0):
            raise SettingsError("the end must be after the start")
        if self.video_stream is not None and self.video_stream < 0:
            raise SettingsError("--video-stream counts from 0")
        if self.fps is not None and not MIN_FPS <= self.fps <= MAX_FPS:
            raise SettingsError(f"--fps {float(self.fps):g} is outside {MIN_FPS} to {MAX_FPS}")
        if not 1 <= self.max_pixels <= MAX_PIXELS:
            raise SettingsError(
                f"--max-pixels must be 1 to {MAX_PIXELS}, the largest number of pixels in a frame"
            )
        if self.subtitle_encoding is not None:
            try:
                "a".encode(self.subtitle_encoding)
            except (LookupError, ValueError):
                raise SettingsError(
                    f"--subtitle-encoding: unknown encoding {self.subtitle_encoding!r}; try"
                    " cp1252, cp1250, cp1251, shift_jis, gb18030 or another of Python's codecs"
                ) from None


@dataclass(frozen=True)
class ShotSettings:
    """How cuts are found in the luma."""

    threshold: float = 0.27
    """Distance of two frames, 0..1, from which there is a cut between them in a calm scene; with
    motion, it must be larger."""
    min_frames: int = 6
    """Fewest frames of a shot; shorter ones count as flashes. The stage delays frames by
    ``min_frames + 2``."""
    cuts: tuple[Fraction, ...] | None = None
    """When shots begin, in seconds from the film's start, in order; nothing else starts one then,
    however short they are. None looks for them."""

    def __post_init__(self) -> None:
        if self.cuts is not None and any(one >= other for one, other in pairwise(self.cuts)):
            raise SettingsError("the cuts must be in order, and none of them twice")
        if not 0 < self.threshold < 1:
            raise SettingsError("the threshold of a cut must be between 0 and 1")
        if not 2 <= self.min_frames <= 100:
            raise SettingsError("the shortest shot must have 2 to 100 frames")


CARDS = ("auto", "keep", "color")
"""What can be done with title cards."""


@dataclass(frozen=True)
class TitleSettings:
    """Whether title cards are left gray."""

    cards: str = "auto"
    """``auto`` leaves title cards gray and colors doubtful ones; ``keep`` leaves doubtful ones gray
    too; ``color`` colors them all. Black frames and leader always stay gray."""

    def __post_init__(self) -> None:
        if self.cards not in CARDS:
            raise SettingsError(f"no --titles {self.cards!r}; use {', '.join(CARDS)}")


PRECISIONS = ("auto", "int8", "bfloat16", "float32")
"""Precisions of the net's arithmetic."""


@dataclass(frozen=True)
class ColorizerSettings:
    """Which net to use, and how to run it."""

    weights: str = "default"
    """Name of shipped weights, or the path of a safetensors file."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
    size: int = 256
    """Working size: short side of the net's input, in pixels, a multiple of 16."""
    batch: int = 0
    """Frames per run of the net; 0 takes 1 on the CPU and 16 on a GPU, or fewer if memory is short.
    In float32 on the CPU, the net runs on one frame at a time."""
    precision: str = "auto"
    """Precision of the net's arithmetic: ``int8``, ``bfloat16`` or ``float32``; ``auto`` takes the
    fastest one that the device and the weights support."""
    vivid: float | None = None
    """0 for the safest colors, 1 for the most vivid; None takes the value the weights were tuned
    for."""

    stride: int = 1
    """Run the net on one frame in this many, where motion can be followed from frame to frame; the
    others get its colors along the optical flow."""
    threads: int = 0
    """Threads for the arithmetic of all stages on the CPU; 0 takes one per core."""

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= MAX_STRIDE:
            raise SettingsError(f"--stride {self.stride} is outside 1 to {MAX_STRIDE}")
        if self.vivid is not None and not 0 <= self.vivid <= 1:
            raise SettingsError(f"--vivid {self.vivid} is outside 0 to 1")
        if self.size % SIZE_STEP or not 64 <= self.size <= 1024:
            raise SettingsError(
                f"--size {self.size} is not a multiple of {SIZE_STEP} from 64 to 1024; try 256"
            )
        if self.threads < 0:
            raise SettingsError("threads must be 0 or more")
        if not re.fullmatch(r"auto|cpu(:\d{1,3})?|cuda(:\d{1,3})?|mps(:\d{1,3})?", self.device):
            raise SettingsError(f"no device {self.device!r}; use auto, cpu, cuda, cuda:N or mps")
        if not 0 <= self.batch <= MAX_BATCH:
            raise SettingsError("--batch must be 1 to 256")
        if self.precision not in PRECISIONS:
            raise SettingsError(f"no --precision {self.precision!r}; use {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class TemporalSettings:
    """How color is smoothed over time."""

    strength: float = 0.95
    """0 leaves each frame as the net colored it; 1 gives all frames of a shot the same weight. In
    between, the weight of a frame is multiplied by this for every frame of distance."""
    look_ahead: int = 24
    """How many later frames the color of a frame depends on; also about the delay of the stage. 0
    looks back only."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise SettingsError(f"--smooth {self.strength} is outside 0 to 1")
        if not 0 <= self.look_ahead <= 250:
            raise SettingsError("look_ahead must be 0 to 250 frames")


SCRIPTS = ("auto", "off")
"""Whether a color script is made."""


@dataclass(frozen=True)
class ScriptSettings:
    """Whether the colors of a film's things are decided before it is colored."""

    make: str = "auto"
    """``auto`` colors a few key frames of each shot of a film first, which all other frames
    follow; ``off`` does not. Films of one shot, pictures, pipes and previews go without."""

    def __post_init__(self) -> None:
        if self.make not in SCRIPTS:
            raise SettingsError(f"no --script {self.make!r}; use {', '.join(SCRIPTS)}")


@dataclass(frozen=True)
class PaintSettings:
    """How the predicted ab becomes chroma."""

    saturation: float = 1.0
    """Factor on ab before it is limited to the gamut; 0 is gray."""

    def __post_init__(self) -> None:
        if not 0 <= self.saturation <= 4:
            raise SettingsError(f"--saturation {self.saturation} is outside 0 to 4")


@dataclass(frozen=True)
class EncodeSettings:
    """How colored frames are encoded."""

    codec: str | None = None
    """FFmpeg encoder name, or one of `vidcolor.quality.CODEC_NAMES`; None chooses by container and
    bit depth (docs/formats.md)."""
    crf: float | None = None
    """CRF of the encoder; None takes vidcolor's default for the codec."""
    preset: str | None = None
    """Speed preset of the encoder; None takes vidcolor's default for the codec."""
    lossless: bool = False
    """Encode without loss, so that the luma of the file equals the source's."""
    options: tuple[tuple[str, str], ...] = ()
    """Further options for the encoder, as (key, value)."""
    threads: int = 0
    """Threads of the encoder; 0 takes one per core, at most 16."""
    sampling: str = ""
    """``420`` stores chroma in 4:2:0 where the size allows it, as all players take; empty stores it
    as the film does."""
    bits: int = 0
    """Fewest bits per sample of the target; 0 takes those of the film. Luma of limited range is
    multiplied by a power of two, so that dividing gives the film's."""

    def __post_init__(self) -> None:
        if self.codec in CODEC_PROFILES:
            codec, profile = CODEC_PROFILES[self.codec]
            object.__setattr__(self, "codec", codec)
            if not self.profile:
                object.__setattr__(self, "options", (("profile", profile), *self.options))
        if self.bits and not 8 <= self.bits <= 16:
            raise SettingsError(f"--bits {self.bits} is outside 8 to 16; use 8, 10, 12 or 16")
        if self.codec in CODEC_NAMES:
            object.__setattr__(self, "codec", CODEC_NAMES[self.codec])
        if self.threads < 0:
            raise SettingsError("threads must be 0 or more")
        if self.sampling not in ("", "420"):
            raise SettingsError(f"no sampling {self.sampling!r}; use 420, or none")
        if self.lossless and self.crf is not None:
            raise SettingsError("--lossless and --crf exclude each other; use one of them")
        check_quality(self.codec, self.crf, self.preset)

    @property
    def profile(self) -> str:
        """The profile of the encoder that is asked for; empty for none."""
        return next((value for key, value in self.options if key == "profile"), "")


@dataclass(frozen=True)
class ChunkSettings:
    """How a film is divided into chunks; a finished chunk is not colored again after a crash."""

    seconds: float = 20.0
    """Seconds after which a chunk ends with the current shot."""
    longest: float = 60.0
    """Seconds after which a chunk ends even within a shot."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise SettingsError(f"--chunk {self.seconds:g} must be more than 0 seconds")
        if not self.seconds <= self.longest:
            raise SettingsError("the longest chunk must not be shorter than the others")


AUDIO = ("copy", "pcm", "flac", "aac", "opus")
"""What can be done with sound."""


@dataclass(frozen=True)
class OutputSettings:
    """How the target is written."""

    force: bool = False
    """Replace an existing target."""
    fresh: bool = False
    """Start over instead of resuming an interrupted run."""
    strict: bool = False
    """Raise CannotCarry instead of listing what the container cannot hold."""
    split: bool = False
    """Write a target for each shot; the name has a place for its number, as ``out_%03d.mov``."""
    label: bool = True
    """Write into the target's metadata that it was colored, and with what."""
    audio: str = "copy"
    """``copy`` keeps every byte of the sound; ``pcm``, ``flac``, ``aac`` and ``opus`` convert what
    has another codec."""

    def __post_init__(self) -> None:
        if self.audio not in AUDIO:
            raise SettingsError(f"no --audio {self.audio!r}; use {', '.join(AUDIO)}")


@dataclass(frozen=True)
class Settings:
    """All settings of one run."""

    open: InputSettings = field(default_factory=InputSettings)
    shots: ShotSettings = field(default_factory=ShotSettings)
    titles: TitleSettings = field(default_factory=TitleSettings)
    colorizer: ColorizerSettings = field(default_factory=ColorizerSettings)
    smooth: TemporalSettings = field(default_factory=TemporalSettings)
    script: ScriptSettings = field(default_factory=ScriptSettings)
    paint: PaintSettings = field(default_factory=PaintSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    chunks: ChunkSettings = field(default_factory=ChunkSettings)
    output: OutputSettings = field(default_factory=OutputSettings)

    @property
    def without_script(self) -> Settings:
        """The same for what is colored in one pass."""
        return replace(self, script=ScriptSettings("off"))


LOOKS = ("side", "split", "wipe")
"""How to show two films in one."""


@dataclass(frozen=True)
class CompareSettings:
    """How to show two films in one."""

    look: str = "side"
    """``side`` puts them side by side, ``split`` shows the left half of one and the right half of
    the other, ``wipe`` moves the line between them left and right."""
    period: Fraction = Fraction(6)
    """Seconds that the line takes to the left edge and back."""
    height: int | None = None
    """Height of each picture, in pixels; None takes that of the first film."""

    def __post_init__(self) -> None:
        if self.look not in LOOKS:
            raise SettingsError(f"no --look {self.look!r}; use {', '.join(LOOKS)}")
        if self.period <= 0:
            raise SettingsError("--period must be more than 0 seconds")
        if self.height is not None and not 16 <= self.height <= 8192:
            raise SettingsError(f"--height {self.height} is outside 16 to 8192")


@dataclass(frozen=True)
class ClusterSettings:
    """Where the workers run that color the chunks of films, and what each of them gets."""

    address: str = ""
    """Address of a running Ray cluster; empty takes the environment variable ``RAY_ADDRESS``, and
    if it is not set starts Ray on this machine."""
    workers: int = 0
    """Number of workers; 0 takes as many as fit into the cluster when the run starts."""
    cpus: int = 0
    """Cores per worker; 0 takes one, or with a GPU its share of the machine's cores."""
    gpus: float | None = None
    """GPUs per worker, or a share of one; None takes one if the cluster has any."""
    attempts: int = 3
    """How often a chunk is tried before it is skipped and reported."""
    patience: float = 900.0
    """Seconds without an answer after which a busy worker counts as dead; a worker that writes a
    whole film gets more time, by its size."""

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise SettingsError("--workers must be 1 or more")
        if self.cpus < 0:
            raise SettingsError("--worker-cpus must be 1 or more")
        # An infinite number, or none, is refused, too.
        if self.gpus is not None and not (0 <= self.gpus <= 1 or 1 < self.gpus == self.gpus // 1):
            raise SettingsError("--worker-gpus must be a whole number, or a share from 0 to 1")
        if self.address.startswith("ray://"):
            raise SettingsError(
                "ray:// addresses are for remote clients; run vidcolor with --cluster=auto on a"
                " machine of the cluster that sees the films"
            )


@dataclass(frozen=True)
class BenchmarkSettings:
    """How much a benchmark measures."""

    frames: int = 240
    """Frames of the film that are measured, at most."""
    repeat: int = 3
    """Number of rounds; the figures are their medians."""
    width: int = 640
    """Width of the synthetic film, in pixels."""
    height: int = 480
    """Height of the synthetic film, in pixels."""

    def __post_init__(self) -> None:
        if self.frames < 16:
            raise SettingsError("--frames must be 16 or more; fewer say nothing")
        if self.repeat < 1:
            raise SettingsError("--repeat must be 1 or more")
        sides = (self.width, self.height)
        if any(side % 2 or not 64 <= side <= 8192 for side in sides):
            raise SettingsError("the sides of the synthetic film must be even, 64 to 8192 pixels")
