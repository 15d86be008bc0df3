"""Cuts off what a container says is not to be seen."""

from __future__ import annotations

from fractions import Fraction

import av.filter
from av.video.frame import VideoFrame

from vidcolor.media.container_heads import Crop


class Cropper:
    """Cuts off what the container says is not to be seen; luma that stays is not touched."""

    def __init__(self, picture: VideoFrame, crop: Crop) -> None:
        """Say what pictures come, by one of them, and what is cut off: left, top, right, bottom."""
        left, top, right, bottom = crop
        width, height = picture.width - left - right, picture.height - top - bottom
        self._kind = _kind(picture)
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format,
            time_base=picture.time_base or Fraction(1, 25),
        )
        cut = self._graph.add("crop", f"{width}:{height}:{left}:{top}:exact=1")
        sink = self._graph.add("buffersink")
        source.link_to(cut)
        cut.link_to(sink)
        self._graph.configure()

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The part that is to be seen; a picture of another size or format stays as it is."""
        if _kind(picture) != self._kind:
            return picture
        self._graph.push(picture)
        part = self._graph.pull()
        assert isinstance(part, VideoFrame)
        return part


def _kind(picture: VideoFrame) -> tuple[int, int, str]:
    return picture.width, picture.height, picture.format.name
