"""Lists of shots of PySceneDetect and ai-remaster-pipeline, and the frames that they mean."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from vidcolor.errors import ColorSheetError
from vidcolor.guidance.shot_csv import ListedReference, Mark, parse_shot_csv, read_shot_csv
from vidcolor.guidance.shot_import import PlacedShots, image_places, place_shots

F = Fraction
HEAD = (
    "Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,"
    "End Time (seconds),Length (frames),Length (timecode),Length (seconds)\n"
)
SCENES = HEAD + (
    "1,1,00:00:00.000,0.000,14,00:00:00.560,0.560,14,00:00:00.560,0.560\n"
    "2,15,00:00:00.560,0.560,42,00:00:01.680,1.680,28,00:00:01.120,1.120\n"
    "3,43,00:00:01.680,1.680,56,00:00:02.240,2.240,14,00:00:00.560,0.560\n"
)
"""As PySceneDetect 0.7 writes it with ``list-scenes -s``."""
REMASTER = """\
# source_video=outpainted/old film.mp4
enabled,end,source_reference,color_reference,prompt,fade_to_next,crossfade_seconds
true,0:00:00.560,refs/cut_0000_0.00.00.200.png,refs/cut_0000_color.png,"a street, at night",false,
0,0:00:01.680,refs/cut_0001_0.00.09.png,,,true,0.5
1,0:00:02.240,refs/x.png,refs/b.png,,false,0.5
"""
TIMES = [F(number, 25) for number in range(56)]
END = F(56, 25)


def place(text: str, times: list[Fraction] = TIMES, end: Fraction = END) -> PlacedShots:
    return place_shots(parse_shot_csv(text, "a.csv"), times, end, "a.csv")


def borders(text: str, *rest: list[Fraction] | Fraction) -> list[tuple[Fraction, Fraction | None]]:
    return [(s.stretch.start, s.stretch.end) for s in place(text, *rest).shots]  # type: ignore[arg-type]


EXACT = [(F(0), F(14, 25)), (F(14, 25), F(42, 25)), (F(42, 25), None)]


@pytest.mark.parametrize(
    "text",
    [
        SCENES,
        "Timecode List:,00:00:00.560,00:00:01.680\n" + SCENES,
        "00:00:00.560,00:00:01.680\n" + SCENES,  # what it writes where it knows no cuts
        SCENES.replace(",", ";"),
        SCENES.replace(",", "\t").replace("\n", "\r\n"),
        SCENES.replace("Start Frame", " start frame ") + "\n\n",
        # Version 0.5 counted from 0.
        SCENES.replace("\n1,1,", "\n1,0,").replace("\n2,15,", "\n2,14,").replace(",43,", ",42,"),
        # Without seconds, and without the lengths.
        "Start Frame,End Frame\n1,14\n15,42\n43,56\n",
    ],
)
def test_scenes_are_exact_to_the_frame(text: str) -> None:
    placed = place(text)
    assert [(shot.stretch.start, shot.stretch.end) for shot in placed.shots] == EXACT
    assert [shot.frames for shot in placed.shots] == [14, 28, 14]
    assert [shot.seconds for shot in placed.shots] == [F(14, 25), F(28, 25), F(14, 25)]
    assert not placed.by_seconds


def test_scenes_of_a_part_leave_the_rest_alone() -> None:
    row = "1,9,00:00:00.320,0.320,40,00:00:01.600,1.600,32,00:00:01.280,1.280\n"
    assert borders(HEAD + row) == [(F(8, 25), F(40, 25))]
    zero = row.replace("1,9,", "1,8,", 1)
    assert borders(HEAD + zero) == [(F(8, 25), F(40, 25))]


def test_the_times_are_those_of_the_frames() -> None:
    late = [F(round(1000 * (time + F(2, 25))), 1000) for time in TIMES]  # sound begins before it
    found = place(SCENES, late, late[-1] + F(1, 25))
    assert [shot.stretch.start for shot in found.shots] == [0, late[14], late[42]]
    assert not found.by_seconds


def test_where_the_frames_are_others_the_seconds_count() -> None:
    times = [F(number, 50) for number in range(40)] + [F(4, 5) + F(n, 20) for n in range(29)]
    found = place(SCENES, times, F(56, 25))
    assert found.by_seconds
    assert [shot.stretch.start for shot in found.shots] == [0, F(14, 25), F(17, 10)]


@pytest.mark.parametrize("last", ["106,,4.260,20", "80,,3.200,0"])
def test_scenes_of_a_variable_frame_rate(last: str) -> None:
    # As version 0.7.2 writes them, with PyAV and with OpenCV: its frames are its seconds times 25.
    steps = [F(40 if shot != 1 else 93, 1000) for shot in range(4) for _ in range(20)]
    times = [sum(steps[:number], F(0)) for number in range(80)]
    text = (
        "Start Frame,End Frame,Start Time (seconds),End Time (seconds),Length (frames)\n"
        "1,20,0.000,0.800,20\n21,86,0.800,3.460,66\n"
    )
    frame, _, seconds, length = last.split(",")
    text += f"87,{frame},3.460,{seconds},{length}\n"
    found = place(text, times, F(426, 100))
    assert found.by_seconds
    assert [(shot.stretch.start, shot.stretch.end) for shot in found.shots] == [
        (0, F(8, 10)),
        (F(8, 10), F(346, 100)),
        (F(346, 100), None),
    ]
    assert [shot.frames for shot in found.shots] == [20, 40, 20]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SCENES.replace("2,15,", "2,x,"), "a.csv:3: start frame: 'x' is no number of a frame"),
        (SCENES.replace("0.560,42", "nan,42"), "a.csv:3: start time (seconds): 'nan' is not a"),
        (SCENES.replace("2,15,", "2,49,"), "a.csv:3: the scene has no frames"),
        (
            SCENES.replace("3,43,00:00:01.680,1.680", "3,40,,1.56"),
            "a.csv:4: this shot begins before the one above it",
        ),
        (
            SCENES.replace(",42,00:00:01.680,1.680", ",97,,3.88"),
            "a.csv:3: this shot goes to frame 97, but the video has",
        ),
        (
            SCENES.replace(",56,00:00:02.240,2.240", ",97,,3.88"),
            "a.csv:4: this shot goes to frame 97, but the video has",
        ),
        (SCENES.replace(",1.120\n", "\n"), "a.csv:3: has 9 columns and not 10"),
        (HEAD, "a.csv:1: there are no shots in this list"),
        ("", "a.csv:1: there are no columns of PySceneDetect"),
        ("shot,start,start_seconds,frame,frames\n1,0,0,0,9\n", "use --shots"),
        (REMASTER.replace("0:00:01.680", ""), "a.csv:4: this shot has no end; write one"),
        (REMASTER.replace("0:00:01.680", "soon"), "a.csv:4: end: 'soon' is not a time"),
        (REMASTER.replace("0:00:01.680", "0:00:00.5"), "a.csv:4: this shot ends before its first"),
        (REMASTER.replace("0:00:02.240", "0:09:00"), "a.csv:5: this shot goes to 0:09:00.000, but"),
        (REMASTER.replace("\n0,", "\nmaybe,"), "a.csv:4: enabled: 'maybe' is neither true nor"),
        (REMASTER.replace("true,0:", "true,\0", 1), "a.csv:3: "),
    ],
)
def test_a_bad_list_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ColorSheetError) as raised:
        place(text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_list_of_the_remaster_pipeline() -> None:
    found = parse_shot_csv(REMASTER, "a.csv")
    assert (found.program, found.video) == ("ai-remaster-pipeline", "old film.mp4")
    assert found.left_out == {"prompt": [1], "fade_to_next": [2], "crossfade_seconds": [2]}
    placed = place_shots(found, TIMES, END, "a.csv")
    assert [(shot.stretch.start, shot.stretch.end) for shot in placed.shots] == EXACT
    assert [shot.stretch.keep_gray for shot in placed.shots] == [None, True, None]
    assert [(one.line, one.image, one.time, one.start, one.end) for one in placed.references] == [
        (3, "refs/cut_0000_color.png", F(1, 5), 0, F(14, 25)),
        (5, "refs/b.png", None, F(42, 25), None),
    ]


def test_its_frames_and_its_further_references() -> None:
    text = (
        "enabled,end,start_frame,end_frame,selected_frame,color_reference,additional_references\n"
        "true,0:00:00.56,0,14,3,a.png,"
        '"[{""selected_frame"":""5"",""color_reference"":""b.png""},{""prompt"":""x""}]"\n'
        "true,0:00:02.24,14,56,3,c.png,\n"
    )
    found = place(text)
    assert [(one.image, one.time) for one in found.references] == [
        ("a.png", F(3, 25)),
        ("b.png", F(1, 5)),
        ("c.png", None),  # that frame is in another shot
    ]
    assert [shot.frames for shot in found.shots] == [14, 42]
    with pytest.raises(ColorSheetError, match="additional_references is no list in JSON"):
        place(text.replace('"[{', '"x[{'))


def test_an_old_list_names_its_reference_otherwise() -> None:
    text = "# source_video=C:\\films\\a.mp4\nenabled,end,reference\ntrue,0:00:02,C:\\r\\cut_1.png\n"
    found = parse_shot_csv(text, "a.csv")
    assert found.video == "a.mp4"
    assert found.shots[0].references == (ListedReference("C:\\r\\cut_1.png", Mark()),)


def test_times_are_put_on_the_nearest_frame() -> None:
    text = "enabled,end\n1,0:00:00.57\n1,0:00:02.3\n"
    assert borders(text) == [(F(0), F(14, 25)), (F(14, 25), None)]


def test_files_that_are_no_text(tmp_path: Path) -> None:
    for data, told in (
        (b"enabled,end\n1,\xff\n", ":2: is not UTF-8 text"),
        (None, ": no such file; name a CSV"),
        (b"\xef\xbb\xbfenabled,end\n1,2\n", ""),
    ):
        path = tmp_path / "a.csv"
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        if told:
            with pytest.raises(ColorSheetError, match=f"^a.csv{told}"):
                read_shot_csv(path)
        else:
            assert len(read_shot_csv(path).shots) == 1
    with pytest.raises(ColorSheetError, match="is not a file"):
        read_shot_csv(tmp_path)


def test_images_are_looked_for_above_the_list(tmp_path: Path) -> None:
    places = list(image_places("refs\\a.png", tmp_path / "x" / "list.csv"))
    assert places[0] == tmp_path / "x" / "refs" / "a.png"
    assert tmp_path / "input" / "refs" / "a.png" in places
    assert list(image_places(str(tmp_path / "a.png"), tmp_path / "list.csv")) == [
        tmp_path / "a.png"
    ]


@pytest.mark.parametrize("text", [SCENES, REMASTER])
def test_whatever_a_list_says_only_its_own_error_is_raised(text: str) -> None:
    random.seed(5)

    def cut(letters: str) -> str:
        place = random.randrange(len(letters))
        return letters[:place] + letters[place + random.randrange(1, 9) :]

    def swap(letters: str) -> str:
        place = random.randrange(len(letters))
        return letters[:place] + random.choice(',;"\n\0#0123456789.:-x') + letters[place + 1 :]

    edits: list[Callable[[str], str]] = [cut, swap]
    refused = broken = 0
    for _ in range(1500):
        changed = text
        for _ in range(random.randrange(1, 6)):
            changed = random.choice(edits)(changed)
        try:
            place(changed)
        except ColorSheetError as error:
            refused += 1
            broken += str(error).count("\n")
    assert refused > 300
    assert not broken
