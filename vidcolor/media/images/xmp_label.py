"""The label of a picture: IPTC's words in its XMP for what a program has added."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from vidcolor.core.label import Label, find_label

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""A real picture, parts of which a trained net made: here its colors."""
_NAMES = rb"(?:DigitalSourceType|AISystemUsed|AISystemVersionUsed)"
_END = re.compile(rb"</rdf:RDF\s*>")
_ABOUT = re.compile(rb"<rdf:Description\b[^>]*?\srdf:about\s*=\s*(\"[^\"<]*\"|'[^'<]*')")
_USED = re.compile(rb"<Iptc4xmpExt:AISystemUsed>([^<]{1,400})</Iptc4xmpExt:AISystemUsed>")
_EMPTY = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
)


def add_to_xmp(xmp: bytes, label: Label) -> bytes:
    """An XMP packet with the label; all else that it says stays.

    Args:
        xmp: The packet of the source; empty where it has none.
        label: Replaces what the packet says of the same.

    Raises:
        ValueError: It is no packet that something can be added to.
    """
    xmp = _without(xmp or _EMPTY)
    ends = [found.start() for found in _END.finditer(xmp)]
    if not ends:
        raise ValueError("it has no end")
    end = ends[-1]
    about = _ABOUT.search(xmp)
    said = {
        "DigitalSourceType": SOURCE_TYPE,
        "AISystemUsed": str(label),
        "AISystemVersionUsed": label.version,
    }
    lines = "".join(
        f"<Iptc4xmpExt:{name}>{escape(value)}</Iptc4xmpExt:{name}>\n"
        for name, value in said.items()
    )
    head = b"<rdf:Description rdf:about=" + (about[1] if about else b'""')
    space = f' xmlns:Iptc4xmpExt="{_IPTC}">\n'
    added = head + (space + lines + "</rdf:Description>\n").encode()
    return xmp[:end] + added + xmp[end:]


def _without(xmp: bytes) -> bytes:
    """The packet without what it says of the same, as attributes or as elements."""
    space = re.escape(_IPTC.encode())
    prefixes = set(re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + space + rb"[\"']", xmp))
    for prefix in sorted(prefixes):
        name = re.escape(prefix) + rb":" + _NAMES
        xmp = re.sub(rb"\s" + name + rb"\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')", b"", xmp)
        xmp = re.sub(rb"<" + name + rb"(?:\s[^>]*)?/>\s*", b"", xmp)
        xmp = re.sub(rb"<(" + name + rb")(?:\s[^>]*)?>[^<]*</\1\s*>\s*", b"", xmp)
    return xmp


def find_in_xmp(xmp: bytes) -> Label | None:
    """The label that a packet holds, if any."""
    found = _USED.search(xmp)
    return find_label(found[1].decode(errors="replace")) if found else None
