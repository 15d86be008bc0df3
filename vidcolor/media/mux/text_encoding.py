"""Text that is not UTF-8: from the time when every part of the world had a code page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from charset_normalizer import from_bytes

from vidcolor.media.open import VideoReader

_PAGES = {
    "cp1250": "pol cze ces slo slk hun rum ron hrv slv alb sqi bos",
    "cp1251": "rus ukr bul srp bel mac mkd",
    "koi8_r": "rus",
    "koi8_u": "ukr",
    "cp1253": "gre ell",
    "cp1254": "tur aze",
    "cp1255": "heb yid",
    "cp1256": "ara per fas urd",
    "cp1257": "lit lav est",
    "cp1258": "vie",
    "cp874": "tha",
    "cp932": "jpn",
    "euc_jp": "jpn",
    "gb18030": "chi zho",
    "big5": "chi zho",
    "cp949": "kor",
}
"""Code page -> languages (ISO 639-2) that were written in it; all others of Latin script in
Windows-1252."""

_WEST = "cp1252"
_LATIN = (_WEST, "cp1250", "cp1254", "cp1257")
_MOST_HIGH = 0.3
"""Share of bytes over 127 among the letters that a language of Latin script has at most."""
_ASK = " give --subtitle-encoding"
_BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")


def find_coding(data: bytes, language: str = "") -> str:
    """The code page in which text is most likely written; "" where none makes sense of it.

    Text that is UTF-8 with errors is in none.

    Args:
        data: The text, the longer the better.
        language: Of the text, as ISO 639-2 has it; may be empty.
    """
    if _is_mostly_utf8(data):
        return ""
    known = [page for page, spoken in _PAGES.items() if language in spoken.split()]
    if not known and language not in ("", "und"):
        known = [_WEST]
    high = sum(byte > 127 for byte in data)
    letters = high + sum(bytes([byte]).isalpha() for byte in data)
    candidates = [known, list(_LATIN) if high < _MOST_HIGH * letters else [], [_WEST, *_PAGES]]
    for pages in candidates:
        best = _best(data, pages)
        if best:
            return best
    return ""


def _best(data: bytes, pages: list[str]) -> str:
    """The page that gives the least mess and the most sense; the first one of equals."""
    found = []
    for order, page in enumerate(pages):
        match = from_bytes(data, cp_isolation=[page], enable_fallback=False).best()
        if match is not None:
            found.append((match.chaos, -match.coherence, order, page))
    return min(found)[3] if found else ""


class Texts:
    """Reads the text of one film, and tells in `VideoReader.notes` what was not UTF-8.

    What no code page makes sense of is noted as damage of the kind ``text``; its bytes become
    Latin-1 then, so that they are all still there, and what is UTF-8 among them stays.
    """

    def __init__(self, film: VideoReader) -> None:
        self._film = film
        self._given = film.settings.subtitle_encoding
        self._found: dict[str, str] = {}

    @property
    def is_told(self) -> bool:
        """Whether the code page is given rather than found out."""
        return self._given is not None

    def read(
        self, data: bytes, label: str, language: str, whole: Callable[[], bytes], at: float = 0.0
    ) -> str:
        """Text as it was meant.

        Args:
            data: The text.
            label: What it belongs to, for reports.
            language: As of `find_coding`.
            whole: Gives all text of its kind; only asked where ``data`` is not UTF-8.
            at: Second at which it is shown.
        """
        with suppress(UnicodeDecodeError):
            return data.decode("utf-16" if data[:2] in _BYTE_ORDER else "utf-8")
        if label not in self._found:
            self._found[label] = self._given or find_coding(whole(), language)
        coding = self._found[label]
        try:
            text = data.decode(coding or "ascii")
        except UnicodeDecodeError:
            self._film.log.note(
                "text", at, f"{label}: the encoding of its text could not be detected;{_ASK}"
            )
            return "".join(map(_as_latin, data.decode("utf-8", errors="surrogateescape")))
        note = f"{label}: its text is not UTF-8; read as {coding}"
        note += "" if self._given else f";{_ASK} if that is wrong"
        self._film.log.remark(note)
        return text

    def mended(self, tags: dict[str, str], label: str, all_tags: Iterable[str]) -> dict[str, str]:
        """``tags`` whose bytes were not UTF-8, as they were meant.

        Args:
            tags: With surrogates for such bytes.
            label: What they belong to, for reports.
            all_tags: What else may help to find the code page.
        """
        broken = {key: value for key, value in tags.items() if not _is_clean(value)}
        if not broken:
            return tags
        whole = _bytes_of("\n".join(value for value in all_tags if not _is_clean(value)))
        read = {
            key: self.read(_bytes_of(value), label, "", lambda: whole)
            for key, value in broken.items()
        }
        return tags | read


def is_utf8(data: bytes) -> bool:
    """Whether bytes are text in UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether more of the letters beyond ASCII are UTF-8 than are not."""
    letters = data.decode("utf-8", errors="surrogateescape")
    broken = sum(map(_is_byte, letters))
    return sum(letter > "\x7f" for letter in letters) > 2 * broken


def _is_byte(letter: str) -> bool:
    """Whether a letter stands for a byte that is not UTF-8."""
    return "\udc80" <= letter <= "\udcff"


def _as_latin(letter: str) -> str:
    return chr(ord(letter) - 0xDC00) if _is_byte(letter) else letter


def _is_clean(value: str) -> bool:
    return not any(map(_is_byte, value))


def _bytes_of(value: str) -> bytes:
    return value.encode("utf-8", errors="surrogateescape")
