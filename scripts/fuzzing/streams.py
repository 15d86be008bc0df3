"""MPEG: packets of transport streams, packs of program streams, and the PES within both."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

TS = 188
_WRAP = 1 << 33
_HZ = 90_000
_CLOCKS = (
    *(-_HZ, _HZ, 40, -40, 10 * _HZ, -10 * _HZ, 3600 * _HZ, _WRAP // 2, _WRAP - 20 * _HZ, 1, -1),
)
_STREAM_IDS = (0xBC, 0xBD, 0xBE, 0xBF, 0xC0, 0xC1, 0xE0, 0xE1, 0xF0, 0xFD, 0xFF)


def crc(data: bytes) -> int:
    """The check sum of tables."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value >> 31 else value << 1) & 0xFFFFFFFF
    return value


def packets(data: bytes) -> list[bytearray]:
    """The packets of a transport stream; a torn last one is among them."""
    return [bytearray(data[at : at + TS]) for at in range(0, len(data), TS)]


def payload(packet: bytearray) -> int:
    """Where the payload of a packet begins; its length where there is none."""
    if packet[3] & 0x10 == 0:
        return TS
    return min(TS, 5 + packet[4]) if packet[3] & 0x20 else 4


def _starts(parts: list[bytearray], wanted: Callable[[bytes], bool]) -> list[int]:
    """Packets that begin a PES or a table for which ``wanted`` says yes of its first bytes."""
    return [
        i
        for i, part in enumerate(parts)
        if len(part) == TS and part[1] & 0x40 and wanted(bytes(part[payload(part) :]))
    ]


def _is_pes(data: bytes) -> bool:
    return data[:3] == b"\0\0\1" and len(data) > 19 and data[3] not in (0xBE, 0xBF)


def _clock(data: bytearray) -> int:
    return (
        (data[0] >> 1 & 7) << 30
        | data[1] << 22
        | (data[2] >> 1) << 15
        | data[3] << 7
        | data[4] >> 1
    )


def _clocked(old: bytearray, value: int) -> bytes:
    top = old[0] & 0xF0
    return bytes(
        [
            top | (value >> 30 & 7) << 1 | 1,
            *(value >> 22 & 255, (value >> 15 & 127) << 1 | 1),
            *(value >> 7 & 255, (value & 127) << 1 | 1),
        ]
    )


def harm_pes(rng: random.Random, pes: bytearray, at: int) -> str:
    """Another time, id, length or flag of the PES that begins at ``at``; what it was."""
    flags = pes[at + 7] >> 6
    how = rng.choice(("time", "time", "time", "id", "length", "flags", "head", "scramble"))
    if how == "time" and flags:
        shift = rng.choice(_CLOCKS)
        places = [at + 9] if flags == 2 else [at + 9, at + 14]
        chosen = rng.choice((places, places[:1], places[-1:]))
        for place in chosen:
            value = (_clock(pes[place : place + 5]) + shift) % _WRAP
            pes[place : place + 5] = _clocked(pes[place : place + 5], value)
        return f"{len(chosen)} of {len(places)} times moved by {shift}"
    if how == "id":
        old, pes[at + 3] = pes[at + 3], rng.choice(_STREAM_IDS)
        return f"stream id {old:#x} is {pes[at + 3]:#x}"
    if how == "length":
        length = rng.choice((0, 1, 0xFFFF, rng.randrange(0x10000)))
        pes[at + 4 : at + 6] = length.to_bytes(2, "big")
        return f"PES length {length}"
    if how == "head":
        pes[at + 8] = rng.choice((0, 5, 10, 200, 255))
        return f"PES head of {pes[at + 8]} bytes"
    place = at + (6 if how == "scramble" else 7)
    pes[place] = rng.choice((pes[place] ^ 0x30, pes[place] ^ 0xC0, rng.randrange(256)))
    return f"PES flags {pes[place]:#x}"


def _times(rng: random.Random, parts: list[bytearray]) -> str | None:
    """The head of one PES, or of all from one on."""
    found = _starts(parts, _is_pes)
    if not found:
        return None
    first = rng.choice(found)
    state, words = rng.getrandbits(64), ""
    chosen = [i for i in found if i >= first] if rng.random() < 0.3 else [first]
    for i in chosen:
        words = harm_pes(random.Random(state), parts[i], payload(parts[i]))
    return f"{len(chosen)} PES from packet {first}: {words}"


def _pcr(rng: random.Random, parts: list[bytearray]) -> str | None:
    """Program clocks that jump, stand or are not there."""
    found = [
        i for i, p in enumerate(parts) if len(p) == TS and p[3] & 0x20 and p[4] > 6 and p[5] & 0x10
    ]
    if not found:
        return None
    first, how = rng.randrange(len(found)), rng.choice(("jump", "none", "zero", "announced"))
    for i in found[first:]:
        part = parts[i]
        if how == "none":
            part[5] &= 0xEF
        elif how == "zero":
            part[6:11] = bytes(5)
        else:
            base = (int.from_bytes(part[6:11], "big") + (100_000_000 << 7)) % (1 << 40)
            part[6:11] = base.to_bytes(5, "big")
            part[5] |= 0x80 if how == "announced" else 0
    return f"PCR {how} from number {first} of {len(found)}"


def _head(rng: random.Random, parts: list[bytearray]) -> str:
    """The head of a packet: counter, PID, error, start, adaptation."""
    at = rng.randrange(len(parts))
    part = parts[at]
    how = rng.choice(("counter", "pid", "error", "start", "adaptation", "sync", "scrambled"))
    if len(part) < TS:
        part.extend(bytes(TS - len(part)))
    if how == "counter":
        part[3] = part[3] & 0xF0 | rng.randrange(16)
    elif how == "pid":
        part[1:3] = rng.choice((b"\x1f\xff", b"\0\0", parts[rng.randrange(len(parts))][1:3]))
    elif how == "error":
        part[1] |= 0x80
    elif how == "start":
        part[1] ^= 0x40
    elif how == "adaptation":
        part[4] = rng.choice((0, 1, 183, 184, 255))
        part[3] |= 0x20
    else:
        part[0 if how == "sync" else 3] ^= 0x80
    return f"packet {at}: {how}"


def _places(rng: random.Random, parts: list[bytearray]) -> str:
    """Packets that are gone, doubled, exchanged, or strange."""
    at, count = rng.randrange(len(parts)), rng.choice((1, 1, 2, 10, 60))
    how = rng.choice(("gone", "twice", "moved", "strange"))
    some = parts[at : at + count]
    if how == "gone":
        del parts[at : at + count]
    elif how == "twice":
        parts[at:at] = some
    elif how == "moved":
        del parts[at : at + count]
        place = rng.randint(0, len(parts))
        parts[place:place] = some
    else:
        parts[at:at] = [bytearray(b"G" + rng.randbytes(TS - 1)) for _ in range(count)]
    return f"{len(some)} packets from {at} {how}"


def _tables(rng: random.Random, parts: list[bytearray]) -> str | None:
    """PAT and PMT with a right check sum: kinds of streams, PIDs, counts, versions, gone."""
    found = _starts(parts, lambda data: data[:1] == b"\0" and data[1:2] in (b"\0", b"\2"))
    if not found:
        return None
    first = rng.randrange(len(found))
    chosen = found[first:] if rng.random() < 0.7 else found[first : first + 1]
    how, value = rng.choice(("byte", "byte", "byte", "gone", "length", "sum")), rng.randrange(256)
    place = rng.randrange(3, 30)
    for i in reversed(chosen):
        part = parts[i]
        at = payload(part) + 1
        size = (part[at + 1] & 0x0F) << 8 | part[at + 2]
        if how == "gone":
            del parts[i]
        elif how == "length":
            part[at + 2] = value
        elif how == "sum":
            part[at + 3 + size - 4] ^= 0xFF
        elif at + 3 + size <= TS and size > 8:
            part[at + 3 + (place - 3) % (size - 4)] = value
            sum_at = at + 3 + size - 4
            part[sum_at : sum_at + 4] = crc(bytes(part[at:sum_at])).to_bytes(4, "big")
    return f"{len(chosen)} tables from number {first}: {how} {place} {value}"


TRANSPORT = (_times, _times, _times, _pcr, _head, _head, _places, _tables, _tables)


def harm_transport(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the packets of a transport stream."""
    for _ in range(50):
        parts = packets(data)
        words = rng.choice(TRANSPORT)(rng, parts)
        made = b"".join(parts)
        if words and made and made != data:
            return made, words
    return data + b"G", "nothing to change was found; a byte was appended"


def units(data: bytes) -> list[bytearray]:
    """A program stream cut before every pack, system header and PES."""
    starts, at = [], data.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(data):
        if data[at + 3] >= 0xB9:
            starts.append(at)
            if data[at + 3] >= 0xBB:  # its length is known: look no further within
                at += 3 + int.from_bytes(data[at + 4 : at + 6], "big")
        at = data.find(b"\0\0\1", at + 3)
    edges = [0, *(s for s in starts if s), len(data)]
    return [bytearray(data[a:b]) for a, b in pairwise(edges) if b > a]


def harm_program(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the units of a program stream."""
    for _ in range(50):
        parts = units(data)
        at = rng.randrange(len(parts))
        part, how = parts[at], rng.choice(("pes", "pes", "pes", "pack", "gone", "twice", "moved"))
        words = f"unit {at} of {len(parts)}: {how}"
        if how == "pes" and len(part) > 20 and part[3] >= 0xBD:
            words += f", {harm_pes(rng, part, 0)}"
        elif how == "pack" and part[3] == 0xBA:
            place = rng.randrange(4, min(14, len(part)))
            part[place] = rng.randrange(256)
            words += f", byte {place} is {part[place]:#x}"
        elif how in ("gone", "moved"):
            del parts[at]
            if how == "moved":
                parts.insert(rng.randint(0, len(parts)), part)
        elif how == "twice":
            parts.insert(at, part)
        made = b"".join(parts)
        if made and made != data:
            return made, words
    return data + b"\0", "nothing to change was found; a zero was appended"
