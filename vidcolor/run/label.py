"""The label of a run: what its target says of how it was colored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.core.paths import JPEG_SUFFIXES
from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.media.images.metadata import JPEG_XMP, Extras
from vidcolor.media.images.xmp_label import add_to_xmp
from vidcolor.nets.weights import available_weights
from vidcolor.run.spec import digest_net, versions

Painted = tuple[Frame, Extras]
"""A picture in color, and what goes along with it."""


def label_of(spec: RunSpec | None) -> Label | None:
    """The label of what a run writes; None where it writes none.

    It holds nothing but what the spec does, so that a run that is resumed, or divided among many
    machines, writes the same bytes.
    """
    if spec is None or not spec.label:
        return None
    others = spec.net.others.values()
    return make_label(spec.versions["vidcolor"], spec.net.weights, spec.colors, others)


def label_session(session: Session, colorizers: Iterable[Colorizer] = ()) -> Label:
    """The label of what a session has colored outside of a run.

    Args:
        session: Knows what is said of the colors.
        colorizers: Other nets that colored a part.
    """
    others = [*session.other_weights.values(), *map(digest_net, colorizers)]
    version = versions()["vidcolor"]
    return make_label(version, digest_net(session.colorizer), session.colors, others)


def make_label(version: str, weights: str, sheet: str, others: Iterable[str] = ()) -> Label:
    """A label with the names of weights that ship with vidcolor.

    Args:
        version: Of vidcolor.
        weights: sha256, hexadecimal.
        sheet: Digest of what the color sheet says.
        others: sha256 of other weights that colored a part.
    """
    names = {one.sha256: one.name for one in available_weights().values()}
    more = sorted({one for one in others if one != weights})
    named = tuple((names.get(one, ""), one) for one in more)
    return Label(version, weights, names.get(weights, ""), sheet, named)


def label_pages(
    pages: Iterable[Painted], label: Label | None, suffix: str, report: Report
) -> Iterator[Painted]:
    """The same pictures, whose XMP says how they were colored.

    Args:
        pages: Pictures in color.
        label: None leaves them as they are.
        suffix: Of the target.
        report: Gets a note where XMP of the source leaves no room for the label.
    """
    room = JPEG_XMP if suffix.lower() in JPEG_SUFFIXES else None
    for frame, extras in pages:
        yield frame, _add_to_page(extras, label, room, report) if label else extras


def _add_to_page(extras: Extras, label: Label, room: int | None, report: Report) -> Extras:
    try:
        xmp = add_to_xmp(extras.xmp, label)
        if room is not None and len(xmp) > room:
            raise ValueError(f"with it, it has more than the {room} bytes a JPEG holds")
    except ValueError as error:
        report.notes.append(f"the picture is not labeled, to keep its XMP as it is: {error}")
        return extras
    return replace(extras, xmp=xmp)
