"""Names of kinds of films that are not opened, told by their first bytes, so that a user knows."""

from __future__ import annotations

_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\0\0\0\0\x01\xbc", "GXF"),
    (0, b"\x84\x10\xff\xff\xff\xff", "RoQ (id Software)"),
    (4, b"\x11\xaf", "FLI (Autodesk)"),
    (4, b"\x12\xaf", "FLC (Autodesk)"),
    (0, b"BIK", "Bink"),
    (0, b"KB2", "Bink 2"),
    (0, b"SMK2", "Smacker"),
    (0, b"SMK4", "Smacker"),
    (8, b"4XMV", "4X Movie"),
    (0, b"NSVf", "NSV (Nullsoft)"),
    (0, b"NSVs", "NSV (Nullsoft)"),
    (0, b"FWS", "Flash (SWF)"),
    (0, b"CWS", "Flash (SWF)"),
    (0, b"ZWS", "Flash (SWF)"),
    (0, b"FILM", "Sega FILM"),
    (0, b"Interplay MVE File", "Interplay MVE"),
    (0, b"THP\0", "THP (Nintendo)"),
    (0, b"NuppelVideo", "NuppelVideo"),
    (0, b"MythTVVideo", "NuppelVideo (MythTV)"),
    (0, b"ARMovie", "ARMovie (RPL)"),
    (0, b"\x0d\x00\x01\x00V", "Vivo"),
    (8, b"WVQA", "VQA (Westwood)"),
    (8, b"MOVE", "Wing Commander III movie"),
    (8, b"ANIM", "Amiga ANIM"),
    (8, b"AMV ", "AMV (media players)"),
    (8, b"CDXA", "Video CD image (CDXA)"),
    (0, b"LEITCH", "LXF (Leitch)"),
    (4, b"RED1", "R3D (Red)"),
    (4, b"RED2", "R3D (Red)"),
    (0, b"DHAV", "DHAV (surveillance recorder)"),
    (0, b"AV\0", "PVA"),
    (0, b"\x8aMNG\r\n\x1a\n", "MNG"),
    (0, b"MLVI", "MLV (Magic Lantern)"),
    (0, b"DVDVIDEO-", "DVD index (IFO); name a .vob"),
    (0, b".R1M\0\x01", "IVR (RealPlayer recording)"),
    (0, b"pFIL", "TiVo"),
    (0, b"\xf5\x46\x7a\xbd", "TiVo"),
    (0, b"\x1f\x8b", "archive (gzip); unpack it"),
    (0, b"PK\x03\x04", "archive (ZIP); unpack it"),
    (0, b"Rar!", "archive (RAR); unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "archive (7z); unpack it"),
    (0x8001, b"CD001", "disc image (ISO); unpack it"),
)
"""Offset, bytes, name."""
START = 0x8006
"""Bytes that tell."""


def unopened_kind(head: bytes) -> str | None:
    """The kind of the file that begins with ``head``; None for one that is not known here."""
    return next((name for at, magic, name in _KINDS if head.startswith(magic, at)), None)
