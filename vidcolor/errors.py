"""Every error that vidcolor raises on purpose.

VidcolorError
├── SettingsError (ValueError)
│   └── ColorSheetError
├── FilmError
│   ├── FilmUnreadable
│   │   └── FilmChanged
│   ├── NoPicture
│   ├── UnsupportedPixels
│   ├── FilmTooLarge
│   └── NotComparable
├── OutputError
│   ├── OutputExists (FileExistsError)
│   ├── CannotCarry
│   ├── EncoderMissing
│   ├── ChunkDiffers
│   ├── JobDiffers
│   └── OutputFull
├── WeightsError
│   ├── WeightsNotFound (FileNotFoundError)
│   ├── WeightsCorrupt
│   └── WeightsMismatch
├── DeviceError
│   ├── DeviceLost
│   └── OutOfMemory
├── TrainingError
├── ClusterError
│   ├── ManifestMismatch
│   └── PartsDiffer
├── AccessDenied
└── PreviewProcessDied

A message is one line: what happened, then what to do about it. Only ``vidcolor.cli`` turns an
error into printed text and an exit code.
"""

from __future__ import annotations


class VidcolorError(Exception):
    """Anything vidcolor refuses or fails to do; the target file is untouched."""


class SettingsError(VidcolorError, ValueError):
    """A setting is out of range or two settings contradict each other."""


class ColorSheetError(SettingsError):
    """A color sheet says what cannot be read, what cannot be, or what does not fit the video."""

    line = 0
    """Line of the file, from 1; 0 where it is not known."""


class FilmError(VidcolorError):
    """The source film cannot be used."""


class FilmUnreadable(FilmError):
    """The file is missing, empty, damaged beyond use, or no media file at all."""


class FilmChanged(FilmUnreadable):
    """The file became another one while it was colored."""


class NoPicture(FilmError):
    """The file has no video stream that can be colored."""


class UnsupportedPixels(FilmError):
    """The pixel format or codec of the film is not one that vidcolor handles."""


class FilmTooLarge(FilmError):
    """The picture has more pixels, or the film more hours, than the limit allows."""


class NotComparable(FilmError):
    """Truth and result do not go together: other frames, other sizes, other kinds of file."""


class OutputError(VidcolorError):
    """The colored film cannot be written."""


class OutputExists(OutputError, FileExistsError):
    """The target exists already and overwriting was not asked for."""


class CannotCarry(OutputError):
    """The target cannot hold something that the source has, and ``strict`` is set."""


class EncoderMissing(OutputError):
    """The encoder asked for is not available or does not fit the container or the pixels."""


class ChunkDiffers(OutputError):
    """A finished chunk has other frames than the film has now: one of them was not read whole."""

    def __init__(self, number: int) -> None:
        """Name the chunk."""
        super().__init__(
            f"chunk {number} no longer has the frames it had when it was colored; run the same"
            " command again to color it again"
        )
        self.number = number


class JobDiffers(OutputError):
    """The work folder beside the target is that of another film or of other settings."""


class OutputFull(OutputError):
    """The disk has no room left for the target."""


class WeightsError(VidcolorError):
    """A weights file cannot be used."""


class WeightsNotFound(WeightsError, FileNotFoundError):
    """No weights of that name or path."""


class WeightsCorrupt(WeightsError):
    """The weights file is damaged, truncated, or not a safetensors file."""


class WeightsMismatch(WeightsError):
    """The tensors in the weights file do not fit the net its metadata describes."""


class DeviceError(VidcolorError):
    """The device that the net runs on does not do its work."""


class DeviceLost(DeviceError):
    """The GPU stopped working in the middle of it."""


class OutOfMemory(DeviceError):
    """The memory does not do for one frame at a time."""


class TrainingError(VidcolorError):
    """Training cannot start or go on: no pictures, or a run folder of another configuration."""


class ClusterError(VidcolorError):
    """The cluster cannot be reached or started, or its machines do not see the same."""


class ManifestMismatch(ClusterError):
    """A part of a film is read otherwise here than the planner read it."""


class PartsDiffer(ClusterError):
    """A film that was read in parts has to be read as a whole; the text says why."""


class AccessDenied(VidcolorError):
    """The page asks for what it may not have: another folder, too large an upload."""


class Busy(VidcolorError):
    """The page asks for more at once than is answered at once."""


class PreviewProcessDied(VidcolorError):
    """The process that makes previews ended or hung over a film."""
