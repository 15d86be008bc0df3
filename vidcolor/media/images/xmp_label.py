"""The label of a picture: IPTC's words in its XMP for what a program has added."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from vidcolor.core.label import Label, find_label

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""A real picture, parts of which a trained net made: here its colors."""
_NAMES = rb"(?:DigitalSourceType|AISystemUsed|AISystemVersionUsed)"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SPACE = rb"xmlns(?::([\w.-]+))?\s*=\s*[\"']%s[\"']"
_QUOTED = rb"\s*=\s*(\"[^\"<]*\"|'[^'<]*')"
_LONGEST = 20_000
"""Bytes of a label."""
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
    rdf = _names(xmp, _RDF)
    xmp = re.sub(rb"<(" + rdf + rb"RDF)(\s[^<>]*)?/>", rb"<\1\2></\1>", xmp)
    ends = [found.start() for found in re.finditer(rb"</" + rdf + rb"RDF\s*>", xmp)]
    if not ends:
        raise ValueError("it has no end")
    end = ends[-1]
    about = re.search(rb"<" + rdf + rb"Description\b[^>]*?\s" + rdf + rb"about" + _QUOTED, xmp)
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
    here = re.compile(_SPACE % re.escape(_RDF.encode())).search(xmp)
    space = f' xmlns:Iptc4xmpExt="{_IPTC}">\n'
    if here is None or here[1] != b"rdf":  # the packet calls it something else
        space = f' xmlns:rdf="{_RDF}"' + space
    added = head + (space + lines + "</rdf:Description>\n").encode()
    return xmp[:end] + added + xmp[end:]


def _names(xmp: bytes, space: str) -> bytes:
    """A pattern of what stands before names of a namespace: ``(?:rdf:)``, or also nothing."""
    found = set(re.findall(_SPACE % re.escape(space.encode()), xmp))
    prefixes = [re.escape(prefix) + b":" if prefix else b"" for prefix in sorted(found)[::-1]]
    return b"(?:" + (b"|".join(prefixes) or b"(?!)") + b")"


def _without(xmp: bytes) -> bytes:
    """The packet without what it says of the same, as attributes or as elements."""
    name = _names(xmp, _IPTC) + _NAMES
    xmp = re.sub(rb"\s" + name + _QUOTED, b"", xmp)
    xmp = re.sub(rb"<" + name + rb"(?:\s[^>]*)?/>\s*", b"", xmp)
    return re.sub(rb"<(" + name + rb")(?:\s[^>]*)?>[^<]*</\1\s*>\s*", b"", xmp)


def find_in_xmp(xmp: bytes) -> Label | None:
    """The label that a packet holds, if any, also where another program has written it anew."""
    name = _names(xmp, _IPTC) + b"AISystemUsed"
    text = re.search(rb"<" + name + rb"(?:\s[^>]*)?>([^<]{1,%d})</" % _LONGEST, xmp)
    found = text or re.search(rb"\s" + name + _QUOTED, xmp)
    return find_label(found[1][:_LONGEST].decode(errors="replace")) if found else None
