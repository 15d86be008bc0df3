"""Proposed hints are comments until the user keeps them."""

from __future__ import annotations

from fractions import Fraction

from vidcolor.guidance.entries import Hint
from vidcolor.guidance.proposals import write_proposals
from vidcolor.guidance.sheet_edits import remove_entry
from vidcolor.guidance.sheet_file import parse_sheet

SHEET = """\
# mine
[[hint]]
time = 1
point = [0.5, 0.5]
color = "navy"
name = "coat"
# below
"""
FOUND = [
    (Hint(point=(0.25, 0.75), color="navy", time=Fraction(5), name="coat"), 0.91),
    (Hint(point=(0.1, 0.2), color="navy", time=Fraction(17, 2), name="coat"), 0.5),
]


def test_proposals_stand_at_the_end_and_say_nothing_yet() -> None:
    text = write_proposals(SHEET, "coat", FOUND)
    assert text.startswith(SHEET)
    assert parse_sheet(text).hints == parse_sheet(SHEET).hints
    assert '# found "coat", sure = 0.91; to keep it, take the # off below\n# [[hint]]\n' in text
    assert text.count("# [[hint]]") == 2


def test_a_proposal_is_a_hint_when_its_marks_are_taken_off() -> None:
    text = write_proposals(SHEET, "coat", FOUND)
    head, first, second = text.split("# found")
    lines = first.splitlines()
    kept = head + "\n".join(["# found" + lines[0], *(line[2:] for line in lines[1:])])
    sheet = parse_sheet(f"{kept}\n# found{second}")
    assert sheet.hints[1] == FOUND[0][0]
    assert len(sheet.hints) == 2


def test_looking_again_replaces_what_was_proposed_and_nothing_else() -> None:
    once = write_proposals(SHEET, "coat", FOUND)
    assert write_proposals(once, "coat", FOUND) == once
    assert write_proposals(once, "coat", []) == SHEET
    other = write_proposals(once, "hat", [(Hint(point=(0, 0), time=Fraction(2), name="hat"), 0.7)])
    assert other.count("# found") == 3
    assert write_proposals(other, "hat", []) == once
    assert other.replace(once, "").count('"hat"') == 2


def test_a_proposal_that_was_kept_stays() -> None:
    once = write_proposals(SHEET, "coat", FOUND[:1])
    kept = once.replace("# [[hint]]", "[[hint]]").replace("\n# time", "\ntime")
    kept = kept.replace("\n# point", "\npoint").replace("\n# color", "\ncolor")
    kept = kept.replace("\n# name", "\nname")
    again = write_proposals(kept, "coat", [])
    assert parse_sheet(again).hints == parse_sheet(kept).hints
    assert len(parse_sheet(again).hints) == 2


def test_a_name_may_have_any_letters() -> None:
    name = 'a (coat) "x" +*'
    hint = Hint(point=(0, 0), time=Fraction(2), name=name)
    text = write_proposals(SHEET, name, [(hint, 0.6)])
    assert parse_sheet(text).hints == parse_sheet(SHEET).hints
    assert write_proposals(text, name, []) == SHEET


def test_an_entry_that_is_removed_leaves_the_proposals() -> None:
    text = remove_entry(write_proposals(SHEET, "coat", FOUND), "hint", 1)
    assert text.count("# [[hint]]") == 2


def test_an_empty_sheet() -> None:
    assert write_proposals("", "coat", FOUND).startswith("# found")
    assert write_proposals("", "coat", []) == "\n"
