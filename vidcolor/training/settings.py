"""Everything that decides what a training run learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from vidcolor.errors import SettingsError

PRESETS = ("film", "mini", "book", "gate", "guide")
"""What can be trained: the colornets, the smoother's gate, and the guide of a colornet."""

AUGMENT = ("plain", "strong")

COLORNET_ONLY = (
    *("vgg", "start", "views", "accumulate", "thawed", "rebalance", "perceptual", "colorful"),
    *("adversarial", "source_weights", "kept_sources", "cache", "lite", "log_error"),
    *("agreement", "augment"),
)
"""Fields that mean nothing to a gate, and but for `INDEX` to a guide."""

INDEX = ("kept_sources", "cache")
"""Fields that say how pictures are found and split."""

OPTIONS = {"source_weights": "source-weight", "kept_sources": "keep"}
"""Options of the command that are not named as their fields are."""

MAY_CHANGE = ("workers", "checkpoint_minutes", "validate_minutes", "device", "cache")
"""Fields that may differ when a run goes on: they do not change what is learned."""


@dataclass(frozen=True)
class TrainSettings:
    """All settings of a training run."""

    stills: tuple[str, ...] = ()
    """Folders of color pictures."""
    clips: tuple[str, ...] = ()
    """Folders of short color films, or of folders of frames. A colornet learns from single frames
    of them, a gate from runs, a guide from pairs."""
    vgg: str = "torchvision"
    """Safetensors file with VGG16's ImageNet weights, or ``torchvision`` to download them. The
    book uses the classifier if the file has it."""
    lite: str = ""
    """The ``.pth`` file of EfficientNet-Lite2: its features are fused, too (film)."""
    preset: str = "film"
    """``film``, ``mini``, ``book``, ``gate`` or ``guide``."""
    start: str = ""
    """Weights to start from, a name or a file; empty starts from scratch."""
    teacher: str = ""
    """Weights that a ``mini`` learns from, whose colors a ``gate`` learns to smooth, or whose
    features a ``guide`` compares; a name or a file."""
    motions: int = 120
    """Moving scenes to make from the stills (gate)."""
    pictures: int = 900
    """Most of the stills to learn from, evenly many of each source (guide)."""
    views: int = 4
    """Differently aged copies of each batch that a student sees for one run of its teacher."""
    steps: int = 0
    """Length of the run in optimizer steps; such a run is reproducible bit for bit on the CPU."""
    minutes: float = 0.0
    """Length of the run in minutes; used if ``steps`` is 0."""
    batch: int = 32
    """Pictures (gate: sequences; guide: frames of pairs, too) per batch, in each process."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one optimizer step."""
    sides: tuple[int, ...] = (128, 192)
    """Crop sizes in pixels: small first; each one after the first is used for a fifth of the run,
    at its end. A gate and a guide have one."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    weight_decay: float = 1e-2
    """AdamW's weight decay."""
    thawed: int = 1
    """Upper blocks of VGG16 to train too, at a tenth of the rate (film)."""
    rebalance: float = 0.5
    """Exponent of the class weights: 0 for none, 1 for those of Zhang et al."""
    perceptual: float = 0.0
    """Weight of the distance in VGG16's features of the recomposed RGB (film)."""
    colorful: float = 0.0
    """Weight of the difference in colorfulness to the truth (film, mini)."""
    log_error: float = 0.0
    """Weight of the logarithm of each picture's squared error in RGB, at the dial's safe end (film,
    mini)."""
    agreement: float = 0.0
    """Exponent of the factor by which colors fade whose hue is in doubt, at most 4 (film, mini); 0
    leaves that of ``start``."""
    adversarial: float = 0.0
    """Share of the run, at its end, in which a critic takes part (film, mini)."""
    augment: str = "plain"
    """``plain``; or ``strong``, which also turns, bends and blurs the crops, changes their tones,
    and takes them smaller and larger (film, mini)."""
    ema: float = 0.999
    """Decay of the moving average of the weights, per step."""
    seed: int = 1
    """Random seed."""
    source_weights: tuple[tuple[str, float], ...] = ()
    """Weights of single sources, as (name, factor)."""
    kept_sources: tuple[str, ...] = ()
    """Sources that are kept whole from training and validated on; empty keeps one picture in forty
    of all sources."""
    workers: int | None = None
    """Processes that read pictures; None is one, or with a GPU as many as there are
    cores beside its own."""
    cache: str = ""
    """Folder in which all runs remember which pictures are usable, and where reduced copies of
    large ones are; empty for the user's cache folder."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints."""
    validate_minutes: float = 15.0
    """Minutes between validations, each with a line in the log, a plot and a sheet."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""

    @property
    def looks(self) -> int:
        """Batches in a row that hold the same crops."""
        return self.views if self.teacher else 1

    def __post_init__(self) -> None:
        if not self.stills and not self.clips:
            raise SettingsError("no training data; give --stills or --clips folders")
        if self.steps < 0 or not (self.steps or 0 < self.minutes < math.inf):
            raise SettingsError("the run has no length; give --steps N or --minutes M, above 0")
        if self.batch < 2 or self.accumulate < 1 or self.views < 1 or (self.workers or 0) < 0:
            raise SettingsError(
                "--batch must be at least 2, --accumulate and --views 1, --workers 0"
            )
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise SettingsError("--learning-rate must be above 0")
        if not 0 <= self.ema < 1:
            raise SettingsError("--ema must be 0 or more, and less than 1")
        if not 0 <= self.seed < 2**63:
            raise SettingsError("--seed must be 0 or more")
        if not self.checkpoint_minutes >= 0:
            raise SettingsError("--checkpoint-minutes must be 0 or more")
        if not self.validate_minutes > 0:
            raise SettingsError("--validate-minutes must be above 0")
        if any(side % 32 or side < 32 for side in self.sides) or not self.sides:
            raise SettingsError("--sides must be multiples of 32")
        if self.preset not in PRESETS:
            raise SettingsError(f"unknown preset {self.preset!r}; use {', '.join(PRESETS)}")
        if any(not 0 <= factor < math.inf for _, factor in self.source_weights):
            raise SettingsError("the factor of --source-weight must be 0 or more")
        if self.motions != type(self).motions and self.preset != "gate":
            raise SettingsError("only the preset gate learns from --motions")
        if self.pictures != type(self).pictures and self.preset != "guide":
            raise SettingsError("only the preset guide has a number of --pictures")
        if self.preset == "gate":
            self._check_helper(COLORNET_ONLY)
            if self.motions < 0 or not (self.clips or self.motions):
                raise SettingsError("--motions must be 0 or more, and above 0 without --clips")
        elif self.preset == "guide":
            self._check_helper([name for name in COLORNET_ONLY if name not in INDEX])
            if not self.stills or not self.clips:
                raise SettingsError(
                    "a guide learns hints from --stills and references from --clips; give both"
                )
            if self.pictures < 1:
                raise SettingsError("--pictures must be 1 or more")
        else:
            self._check_losses()

    def _check_helper(self, meaningless: Sequence[str]) -> None:
        """Of a net that helps a colornet."""
        usual = {field.name: field.default for field in fields(self)}
        for name in meaningless:
            if getattr(self, name) != usual[name]:
                option = OPTIONS.get(name, name.replace("_", "-"))
                raise SettingsError(f"--{option} has no effect on a {self.preset}; leave it out")
        if len(self.sides) > 1:
            raise SettingsError(
                f"a {self.preset} is trained on one size; give --sides a single number"
            )

    def _check_losses(self) -> None:
        if self.teacher and self.preset != "mini":
            raise SettingsError("only the presets mini, gate and guide learn from a --teacher")
        if self.perceptual and self.preset != "film":
            raise SettingsError("--perceptual needs the preset film")
        if self.preset == "book" and (self.colorful or self.adversarial or self.log_error):
            raise SettingsError(
                "the preset book has one loss; leave out --colorful, --log-error, --adversarial"
            )
        if self.preset == "book" and self.agreement:
            raise SettingsError("the preset book predicts no distribution; leave out --agreement")
        if self.lite and self.preset != "film":
            raise SettingsError("only the preset film has a place for --lite")
        if self.augment not in AUGMENT or (self.preset == "book" and self.augment != "plain"):
            raise SettingsError("--augment is plain, or strong with the presets film and mini")
        if not 0 <= self.thawed <= 5 or not 0 <= self.adversarial <= 1:
            raise SettingsError("--thawed must be 0 to 5 and --adversarial a share of 0 to 1")
        terms = (self.perceptual, self.colorful, self.log_error, self.rebalance)
        if not all(0 <= weight < math.inf for weight in terms):
            raise SettingsError("weights of losses must be 0 or more")
        if not 0 <= self.agreement <= 4:
            raise SettingsError("--agreement must be 0 to 4")
