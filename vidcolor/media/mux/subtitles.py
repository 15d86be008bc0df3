"""Text subtitles from one container's way of writing them to another's.

The text itself is copied; styling that the target cannot say is dropped, and ``passthrough`` lists
it as left behind.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

TEXT_CODECS = frozenset({"mov_text", "subrip", "srt", "text", "ass", "ssa", "webvtt"})
"""Names FFmpeg gives to text subtitles; ``srt`` and ``ssa`` are also names of decoders."""

STYLED = frozenset({"ass", "ssa"})

ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 384\r\nPlayResY: 288\r\n\r\n"
    b"[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColor, SecondaryColor,"
    b" OutlineColor, BackColor, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing,"
    b" Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1"
    b"\r\n\r\n[Events]\r\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)
"""What FFmpeg's mov_text encoder wants to see before it writes the track's default style."""

_MARKUP = re.compile(r"</?(?:[biuscv]|font|ruby|rt|lang|\d[\d:.]*)(?:[\s.][^<>]*)?>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}")


def to_text(codec: str, payload: bytes, read: Callable[[bytes], str]) -> str:
    """The plain text of one packet of ``codec``; empty for an event that clears the screen.

    Args:
        codec: One of `TEXT_CODECS`.
        payload: Of the packet.
        read: Makes text of its bytes.
    """
    if codec == "mov_text":
        data = text_bytes(codec, payload)
        return read(data).replace("\r\n", "\n").replace("\r", "\n")
    text = read(payload.rstrip(b"\0"))
    if codec in STYLED:
        return _from_ass(text)
    plain = _MARKUP.sub("", text.replace("\r\n", "\n"))
    return (html.unescape(plain) if codec == "webvtt" else plain).strip("\n")


def from_text(codec: str, text: str) -> bytes:
    """The payload of a packet of ``codec``: ``mov_text``, ``subrip`` or ``webvtt``."""
    if codec == "mov_text":
        data = text.encode("utf-8")[:0xFFFF]
        return len(data).to_bytes(2, "big") + data
    if codec == "webvtt":
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.encode("utf-8")


def text_bytes(codec: str, payload: bytes) -> bytes:
    """The bytes of a packet that are text."""
    if codec == "mov_text":
        # A 16-bit length, the text, then boxes of styles; UTF-16 starts with a byte order mark.
        return payload[2 : 2 + int.from_bytes(payload[:2], "big")]
    return payload


def _from_ass(line: str) -> str:
    # Matroska: ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect, Text.
    fields = line.split(",", 8)
    text = fields[8] if len(fields) == 9 else line
    if _DRAWING.search(text):
        return ""
    text = _OVERRIDE.sub("", text)
    return text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\N{NO-BREAK SPACE}")
