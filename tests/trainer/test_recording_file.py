import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording, load_or_line

from trainer import datasets, recording_file
from trainer.errors import HarmcuError
from trainer.reading import files
from trainer.recording import AXES, Recording
from trainer.recording_file import Header, Writer

HEADER = Header("walk", "anna", "nano33ble", AXES, 119_000)


def counts(samples: int, axes: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-30_000, 30_000, (samples, axes)).astype(np.int16)


def read_back(path: Path) -> recording_file.Contents:
    return recording_file.read(path.read_bytes(), path.name)


def test_a_person_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "walk.rec"
    with Writer(path, HEADER) as writer:
        writer.write(np.array([[1, -2, 8192, 0, 5, -32768], [2, 0, 8190, 1, 0, 7]], np.int16))
        writer.measured(118.7)
    assert path.read_text() == (
        'harmcu-recording {"schema": 1, "label": "walk", "subject": "anna", "board": "nano33ble", '
        '"axes": ["ax", "ay", "az", "gx", "gy", "gz"], "rate_hz": 119.0}\n'
        "0,1,-2,8192,0,5,-32768\n"
        "1,2,0,8190,1,0,7\n"
        'end {"samples": 2, "measured_rate_hz": 118.7, "gaps": 0, "lost": 0, "clipped": 1}\n'
    )


def test_gaps_part_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "walk.rec"
    with Writer(path, HEADER) as writer:
        writer.write(counts(100))
        writer.write(counts(50, seed=1), first=112)
        writer.write(counts(10, seed=2), first=170)
    contents = read_back(path)
    assert [(first, len(c)) for first, c in contents.pieces] == [(0, 100), (112, 50), (170, 10)]
    assert contents.end is not None
    assert (contents.end["gaps"], contents.end["lost"], contents.end["samples"]) == (2, 20, 160)
    (note,) = contents.notes
    assert (note.count, note.what) == (20, "samples lost in gaps, which split a recording")
    made = recording_file.recordings(contents, "walk.rec")
    assert [r.source for r in made] == [
        "walk.rec, samples 0 to 99",
        "walk.rec, samples 112 to 161",
        "walk.rec, samples 170 to 179",
    ]
    assert {(r.label, r.subject, r.board) for r in made} == {("walk", "anna", "nano33ble")}


def test_a_killed_writer_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "walk.rec"
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from trainer.recording_file import Header, Writer\n"
        "writer = Writer(Path(sys.argv[1]), Header('walk', 'a', '', ('ax', 'ay', 'az'), 50000))\n"
        "for number in range(1_000_000):\n"
        "    writer.write(np.full((7, 3), number % 99, np.int16))\n"
        "    if number == 500: print('going', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    contents = read_back(path)
    assert contents.end is None
    assert len(contents.pieces[0][1]) >= 7 * 500 - 50 * recording_file.FLUSHED_SECONDS
    assert any("without an end line" in note.what for note in contents.notes)


def test_an_interrupted_writer_still_ends_the_file(tmp_path: Path) -> None:
    path = tmp_path / "walk.rec"

    def interrupted() -> None:
        with Writer(path, HEADER) as writer:
            writer.write(counts(3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read_back(path).end is not None


@given(st.integers(0, 2000))
def test_cut_off_anywhere_it_is_read_to_the_last_whole_line(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "walk.rec"
    recording = a_recording(40)
    recording_file.write(path, recording)
    content = path.read_bytes()
    whole = content[:kept].count(b"\n")
    if whole == 0:
        with pytest.raises(HarmcuError, match="ends within its first line"):
            recording_file.read(content[:kept], "walk.rec")
        return
    contents = recording_file.read(content[:kept], "walk.rec")
    got = contents.pieces[0][1] if contents.pieces else np.zeros((0, 6), np.int16)
    assert (got == recording.counts[: len(got)]).all()
    assert len(got) == min(whole - 1, 40)
    assert (contents.end is None) == (whole < 42)


@pytest.mark.parametrize("axes", [AXES, AXES[:3], ("gx", "gz")])
def test_what_is_written_is_read(tmp_path: Path, axes: tuple[str, ...]) -> None:
    recording = dataclasses.replace(
        a_recording(axes=axes, label='größe, "x" $', rate_millihertz=99_840), board="host"
    )
    recording_file.write(tmp_path / "a.rec", recording)
    (back,) = datasets.load("recordings", tmp_path).recordings
    assert (back.counts == recording.counts).all()
    for name in ("axes", "rate_millihertz", "label", "subject", "board"):
        assert getattr(back, name) == getattr(recording, name)


def test_damaged_lines_are_counted_and_keep_the_rest_in_place() -> None:
    header = 'harmcu-recording {"schema":1,"label":"x","subject":"s","axes":["ax"],"rate_hz":50}'
    lines = ["0,1", "1,2", "2,99999", "3,\x00", "4,5,6", "1,7", "5,8", "end {", "6,9"]
    contents = recording_file.read("\n".join([header, *lines, ""]).encode(), "a.rec")
    assert [(first, c[:, 0].tolist()) for first, c in contents.pieces] == [(0, [1, 2]), (5, [8, 9])]
    assert [(n.what, n.count) for n in contents.notes[:2]] == [
        ("damaged lines", 5),
        ("samples lost in gaps, which split a recording", 3),
    ]


def read_lines(*lines: str) -> recording_file.Contents:
    header = 'harmcu-recording {"schema":1,"label":"x","subject":"s","axes":["ax"],"rate_hz":50}'
    return recording_file.read("\n".join([header, *lines, ""]).encode(), "a.rec")


def test_a_count_fits_into_16_bits() -> None:
    contents = read_lines("0,32767", "1,-32768", "2,32768", "3,-32769", 'end {"samples": 2}')
    assert [c[:, 0].tolist() for _, c in contents.pieces] == [[32767, -32768]]
    assert [(n.what, n.count) for n in contents.notes] == [("damaged lines", 2)]


def test_nothing_is_lost_before_the_first_sample() -> None:
    contents = read_lines("7,1", "8,2", 'end {"samples": 2}')
    assert [first for first, _ in contents.pieces] == [7]
    assert contents.notes == ()


def test_nothing_follows_the_end() -> None:
    contents = read_lines("0,1", 'end {"samples": 1}', "1,2", 'end {"samples": 2}')
    assert [len(c) for _, c in contents.pieces] == [1]
    assert contents.end == {"samples": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2 is not known, 1 is"),
        ({"axes": ["ay", "ax"]}, "the axes must be some of ax, ay"),
        ({"axes": []}, "the axes"),
        ({"rate_hz": 0}, "the rate must be"),
        ({"rate_hz": "fast"}, "the rate must be"),
        ({"label": ""}, "there must be a label"),
        ({"subject": "x" * 999}, "no text longer"),
        ({"subject": "\ud800"}, "half a character"),
        ({"label": "\udfff"}, "half a character"),
    ],
)
def test_headers_that_make_no_sense(change: dict[str, object], message: str) -> None:
    document = {"schema": 1, "label": "x", "subject": "s", "axes": ["ax"], "rate_hz": 50} | change
    with pytest.raises(HarmcuError, match=f"a.rec, line 1: .*{message}"):
        recording_file.read(f"harmcu-recording {json.dumps(document)}\n0,1\n".encode(), "a.rec")


@given(st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([
        'harmcu-recording {"schema":1,"label":"x","subject":"","axes":["ax"],"rate_hz":50}\n',
        "0,1\n", "7,8\n", "end {}\n", "end []\n", '{"', "\n", "\ufeff", "9" * 30 + ",1\n", "0,1",
        "x" * 5000 + "\n", "harmcu-recording " + "[" * 3000 + "\n",
    ]), max_size=12).map(lambda lines: "".join(lines).encode()),
))  # fmt: skip
def test_anything_is_contents_or_a_line(content: bytes) -> None:
    contents = load_or_line(recording_file.read, content, "a.rec")
    if contents is not None:
        assert all(len(c) for _, c in contents.pieces)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    recording_file.write(tmp_path / "a.rec", a_recording())
    with pytest.raises(HarmcuError, match=r"a\.rec: exists; recordings are never overwritten"):
        Writer(tmp_path / "a.rec", HEADER)


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    writer = Writer(tmp_path / "a.rec", HEADER)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HarmcuError, match=r"a\.rec: cannot be written \(No space left on device\)"):
        writer.write(counts(200))


def test_samples_out_of_order_are_a_bug(tmp_path: Path) -> None:
    with Writer(tmp_path / "a.rec", HEADER) as writer:
        writer.write(counts(5))
        with pytest.raises(HarmcuError, match="does not continue the recording at 5"):
            writer.write(counts(5), first=4)
        with pytest.raises(HarmcuError, match="please report this"):
            writer.write(counts(5, axes=3))


def test_file_names_are_safe_and_distinct() -> None:
    def recording(label: str, subject: str) -> Recording:
        return dataclasses.replace(a_recording(2), label=label, subject=subject)

    names = recording_file.names_of(
        [
            recording("walk", "1"),
            recording("Walk", "1"),
            recording("../../etc/passwd", "a/b\\c"),
            recording("CON?:*", ""),
        ]
    )
    assert names == [
        "1/walk.001.rec",
        "1/Walk.002.rec",
        "a_b_c/etc_passwd.001.rec",
        "unknown/CON_.001.rec",
    ]


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match=r"holds no \.rec recording"):
        datasets.load("recordings", tmp_path)


def test_marks_and_a_corrected_label(tmp_path: Path) -> None:
    path = tmp_path / "walk.001.rec"
    with Writer(path, HEADER) as writer:
        writer.write(counts(5))
        writer.mark()
        writer.write(counts(5))
        writer.relabel("run")
        writer.mark()
        writer.stopped("the board is gone")
    contents = read_back(path)
    assert contents.marks == (5, 10)
    assert contents.header.label == "run"
    assert [len(c) for _, c in contents.pieces] == [10]
    assert [note.what for note in contents.notes] == [
        "recordings that ended before their time: the board is gone"
    ]
    (recording,) = datasets.load("recordings", tmp_path).recordings
    assert recording.label == "run"


@pytest.mark.parametrize(
    "line",
    ['mark {"sample": -1}', 'mark {"sample": true}', "mark 3", 'label {"label": ""}', "label {}"],
)
def test_a_damaged_mark_is_counted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "walk.rec"
    recording_file.write(path, a_recording(3))
    head, *rest = path.read_text().splitlines(keepends=True)
    contents = recording_file.read("".join([head, line + "\n", *rest]).encode(), "walk.rec")
    assert contents.marks == ()
    assert contents.notes[0].what == "damaged lines"


def test_a_mark_before_the_first_sample(tmp_path: Path) -> None:
    with Writer(tmp_path / "walk.rec", HEADER) as writer:
        writer.mark()
        writer.write(counts(5))
    contents = read_back(tmp_path / "walk.rec")
    assert (contents.marks, contents.notes) == ((0,), ())


@pytest.mark.skipif(sys.platform == "win32", reason="keeps files that are open")
def test_a_recording_that_is_deleted_meanwhile_is_said(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "walk.rec", HEADER)
    writer.write(counts(5))
    (tmp_path / "walk.rec").unlink()
    with pytest.raises(HarmcuError, match=r"walk\.rec: was moved or deleted while it was recorded"):
        writer.close()
    writer.close()


def test_trouble_of_the_sensor_is_in_the_file(tmp_path: Path) -> None:
    with Writer(tmp_path / "walk.rec", HEADER) as writer:
        writer.write(counts(5))
        writer.troubled("the IMU is stuck")
    assert [note.what for note in read_back(tmp_path / "walk.rec").notes] == [
        "recordings of a sensor in trouble: the IMU is stuck"
    ]


@pytest.mark.parametrize(("count", "is_clipped"), [(32767, 1), (-32767, 1), (32766, 0)])
def test_full_scale_is_clipped(tmp_path: Path, count: int, is_clipped: int) -> None:
    with Writer(tmp_path / "walk.rec", HEADER) as writer:
        writer.write(np.full((1, 6), count, np.int16))
    end = read_back(tmp_path / "walk.rec").end
    assert end is not None
    assert end["clipped"] == is_clipped


@pytest.mark.parametrize("rate_millihertz", [1000, 10_000_000])
def test_the_slowest_and_the_fastest(tmp_path: Path, rate_millihertz: int) -> None:
    header = dataclasses.replace(HEADER, rate_millihertz=rate_millihertz)
    with Writer(tmp_path / "walk.rec", header) as writer:
        writer.write(counts(5))
    assert read_back(tmp_path / "walk.rec").header == header
    for beyond in (rate_millihertz // 10, rate_millihertz * 10):
        if not 1000 <= beyond <= 10_000_000:
            wrong = dataclasses.replace(HEADER, rate_millihertz=beyond)
            with pytest.raises(HarmcuError, match="1 to 10000 Hz"):
                Writer(tmp_path / "wrong.rec", wrong)


def test_what_is_on_the_disk_while_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 Hz half a second is 50 samples; header, marks, labels and the end are not put off."""
    synced: list[int] = []
    sync = os.fsync

    def counted(descriptor: int) -> None:
        sync(descriptor)
        synced.append(len(path.read_bytes().splitlines()))

    monkeypatch.setattr(os, "fsync", counted)
    path = tmp_path / "walk.rec"
    with Writer(path, dataclasses.replace(HEADER, rate_millihertz=100_000)) as writer:
        for sample in counts(120):
            writer.write(sample[None])
        writer.mark()
        writer.relabel("run")
        writer.write(counts(1))
    assert synced == [1, 51, 101, 122, 123, 125]


def _captured(path: Path, measured: float, samples: int = 600) -> None:
    """A 5 Hz tone as a sensor records it that says 119 Hz and runs at another rate."""
    tone = 8000 * np.sin(2 * np.pi * 5 * np.arange(samples) / measured)
    with Writer(path, HEADER) as writer:
        writer.write(np.repeat(tone[:, None], 6, axis=1).astype(np.int16))
        writer.measured(measured)


def test_a_rate_that_is_off_is_repaired_and_said(tmp_path: Path) -> None:
    _captured(tmp_path / "walk.rec", 110.0)
    dataset = datasets.load("recordings", tmp_path)
    (recording,) = dataset.recordings
    assert recording.rate_millihertz == 119_000
    assert len(recording.counts) == pytest.approx(600 * 119 / 110, abs=1)
    spectrum = np.abs(np.fft.rfft(recording.counts[:, 0] * np.hanning(len(recording.counts))))
    assert spectrum.argmax() * 119 / len(recording.counts) == pytest.approx(5.0, abs=0.1)
    assert [(note.kind, note.count) for note in dataset.notes] == [("repaired", 1)]


def test_a_rate_that_is_right_stays(tmp_path: Path) -> None:
    _captured(tmp_path / "walk.rec", 118.2)
    dataset = datasets.load("recordings", tmp_path)
    assert len(dataset.recordings[0].counts) == 600
    assert dataset.notes == ()


def test_a_rate_that_cannot_be_is_refused(tmp_path: Path) -> None:
    _captured(tmp_path / "walk.rec", 60.0)
    with pytest.raises(HarmcuError, match="rate is over 20% off"):
        datasets.load("recordings", tmp_path)


def test_clipping_is_said_and_too_much_of_it_refused(tmp_path: Path) -> None:
    for name, clipped in (("some", 3), ("much", 20)):
        with Writer(tmp_path / f"{name}.rec", HEADER) as writer:
            samples = counts(100)
            samples[:clipped, 2] = 32767
            writer.write(samples)
    dataset = datasets.load("recordings", tmp_path)
    assert len(dataset.recordings) == 1
    assert {(n.kind, n.count, n.source) for n in dataset.notes} == {
        ("remark", 3, "some.rec"),
        ("dropped", 1, "much.rec"),
    }


def test_the_number_of_a_take_is_never_given_again(tmp_path: Path) -> None:
    free = recording_file.free_path
    assert free(tmp_path, "anna", "go up") == tmp_path / "anna" / "go_up.001.rec"
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "go_up.002.rec.discarded").touch()
    (tmp_path / "anna" / "go_up.001.rec").touch()
    assert free(tmp_path, "anna", "go up") == tmp_path / "anna" / "go_up.003.rec"
    assert free(tmp_path, "anna", "go") == tmp_path / "anna" / "go.001.rec"


@pytest.mark.parametrize("packed", [False, True])
def test_a_take_may_be_larger_than_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """Days of recording are read as they come, and have the digest of the whole file."""
    monkeypatch.setattr(files, "LARGEST_FILE", 1000)
    path = tmp_path / "walk.001.rec"
    with Writer(path, HEADER) as writer:
        writer.write(counts(5000))
    whole = path.read_bytes() + b"after the end line\n" * 9
    path.write_bytes(whole)
    if packed:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            archive.write(path, path.name)
        path = tmp_path / "all.zip"
    dataset = datasets.load("recordings", path)
    assert (dataset.recordings[0].counts == counts(5000)).all()
    assert dataset.sha256 == files.digest({"walk.001.rec": hashlib.sha256(whole).hexdigest()})
    monkeypatch.setattr(recording_file, "LARGEST_FILE", 100_000)
    with pytest.raises(HarmcuError, match=r"walk\.001\.rec: is larger than 0 MiB; split it"):
        datasets.load("recordings", path)


def test_a_tail_of_zeros_is_cut_off(tmp_path: Path) -> None:
    """As file systems leave it when the power fails."""
    path = tmp_path / "walk.rec"
    with Writer(path, HEADER) as writer:
        writer.write(counts(10))
    content = path.read_bytes()
    contents = recording_file.read(content + bytes(100_000), "walk.rec")
    assert (contents.pieces[0][1] == counts(10)).all()
    assert ("lines cut off at the end of a file", 1) in {(n.what, n.count) for n in contents.notes}
    with pytest.raises(HarmcuError, match="line 13: no line of a recording is this long"):
        recording_file.read(content + bytes(100_000) + b"\n", "walk.rec")


@pytest.mark.parametrize("text", ["con", "NUL", "com1", "LPT9", "aux", "prn", "com²"])
def test_names_that_windows_keeps_for_devices_are_not_given(text: str) -> None:
    assert recording_file.safe(text) == f"{text}_"
    assert recording_file.safe(f"{text}x") == f"{text}x"


@given(st.text(max_size=300))
def test_any_label_makes_a_name_that_file_systems_take(text: str) -> None:
    name = f"{recording_file.safe(text)}.001.rec{recording_file.DISCARDED}"
    assert len(name.encode()) <= 255
    assert not set(name) & set('<>:"/\\|?*') | {c for c in name if ord(c) < 32}


def test_long_labels_of_any_script_are_recorded(tmp_path: Path) -> None:
    """Each of these characters takes three or four bytes."""
    for label in ("走" * 100, "𝔸" * 100, "ä" * 100):
        path = recording_file.free_path(tmp_path, label, label)
        header = dataclasses.replace(HEADER, label=label, subject=label)
        with Writer(path, header) as writer:
            writer.write(counts(2))
        assert read_back(path).header.label == label


def test_files_of_other_formats_beside_recordings_are_said(tmp_path: Path) -> None:
    with Writer(tmp_path / "walk.rec", HEADER) as writer:
        writer.write(counts(100))
    for name in ("run.csv", "sit.JSON", "README.txt"):
        (tmp_path / name).write_text("1,2,3\n")
    dataset = datasets.load("recordings", tmp_path)
    noted = [note for note in dataset.notes if note.kind == "dropped"]
    assert [(note.what, note.source) for note in noted] == [
        ("files that are no recordings of harmcu", "run.csv"),
        ("files that are no recordings of harmcu", "sit.JSON"),
    ]


@pytest.mark.parametrize("kept", ["whole", "without its end line", "cut in its last line"])
def test_two_recordings_in_one_file_are_refused(tmp_path: Path, kept: str) -> None:
    """The second one's samples would get the first one's label."""
    made = {}
    for label, samples in (("walk", 100), ("run", 300)):
        with Writer(tmp_path / label, dataclasses.replace(HEADER, label=label)) as writer:
            writer.write(counts(samples))
        made[label] = (tmp_path / label).read_bytes()
    rows = b"".join(made["walk"].splitlines(keepends=True)[:-1])
    first = {"whole": made["walk"], "without its end line": rows, "cut in its last line": rows[:-9]}
    line = {"whole": 103, "without its end line": 102, "cut in its last line": 101}
    said = rf"two, line {line[kept]}: another recording begins here"
    with pytest.raises(HarmcuError, match=said):
        recording_file.read(first[kept] + made["run"], "two")


def test_a_text_of_nothing_is_no_label() -> None:
    start = 'harmcu-recording {"schema": 1, "axes": ["ax"], "rate_hz": 50, "label": '
    for label in ("null", '""', '"  "'):
        with pytest.raises(HarmcuError, match="line 1: there must be a label"):
            recording_file.read(f"{start}{label}}}\n0,1\n".encode(), "a")
    text = f'{start}"a", "subject": null}}\n0,1\nlabel {{"label": "  "}}\n1,2\n'
    contents = recording_file.read(text.encode(), "a")
    assert (contents.header.label, contents.header.subject) == ("a", "")
    assert contents.notes[0].what == "damaged lines"


def test_what_is_wrong_is_counted_once_a_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Writer(tmp_path / f"{name}.rec", HEADER) as writer:
            writer.write(counts(20))
        text = (tmp_path / f"{name}.rec").read_text().replace('"samples": 20', '"samples": 21')
        (tmp_path / f"{name}.rec").write_text(f"{text}rest\n")
        (tmp_path / f"{name}_cut.rec").write_text("harmcu-rec")
    noted = [(n.what, n.count, n.source) for n in datasets.load("recordings", tmp_path).notes]
    for name in ("a", "b"):
        source = f"{name}.rec"
        assert ("recordings whose end line counts other samples", 1, source) in noted
        assert ("lines after the end line", 1, source) in noted
        cut = ("recordings that end within their first line", 1, f"{name}_cut.rec")
        assert cut in noted
    assert len(noted) == 6


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_line(more: int) -> None:
    header = 'harmcu-recording {"schema": 1, "label": "a", "axes": ["ax"], "rate_hz": 50}\n0,1\n'
    line = "x" * (recording_file.LONGEST_LINE + more)
    content = f"{header}{line}\n1,2\n".encode()
    if more:
        with pytest.raises(HarmcuError, match="line 3: no line of a recording is this long"):
            recording_file.read(content, "a")
    else:
        assert [len(got) for _, got in recording_file.read(content, "a").pieces] == [2]


def test_an_index_below_nothing_is_damage() -> None:
    header = 'harmcu-recording {"schema": 1, "label": "a", "axes": ["ax"], "rate_hz": 50}\n'
    contents = recording_file.read(f"{header}-1,5\n0,1\n1,2\n".encode(), "a")
    assert [(first, got.ravel().tolist()) for first, got in contents.pieces] == [(0, [1, 2])]
    assert contents.notes[0].what == "damaged lines"
    assert contents.notes[0].count == 1
