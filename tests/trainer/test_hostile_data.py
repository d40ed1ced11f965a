"""Files of data that no sensor wrote: repaired and said, or refused, and never in silence."""

from pathlib import Path

import numpy as np
import peak_memory
import pytest

from trainer import datasets
from trainer.errors import HarmcuError

HEADER = "timestamp,accX,accY,accZ\n"
ROWS = [f"{20 * i},0.1,{(i % 50) / 50:.3f},0.98\n" for i in range(600)]


def write(folder: Path, content: bytes) -> Path:
    (folder / "anna").mkdir()
    (folder / "anna" / "walk.csv").write_bytes(content)
    (folder / "anna" / "run.csv").write_text(HEADER + "".join(ROWS))
    return folder


@pytest.mark.parametrize("cell", ["NaN", "nan", "inf", "-Infinity", "1e308", "1e400", "9" * 5000])
def test_a_number_that_none_measures_costs_its_row_and_is_said(tmp_path: Path, cell: str) -> None:
    rows = [*ROWS]
    rows[10] = f"200,{cell},0.2,0.98\n"
    found = datasets.load("csv", write(tmp_path, (HEADER + "".join(rows)).encode()))
    walked = [r for r in found.recordings if r.label == "walk"]
    assert sum(len(r.counts) for r in walked) in (599, 600)
    assert max(int(np.abs(r.counts.astype(int)).max()) for r in walked) < 10_000
    assert any("walk.csv" in str(note) for note in found.notes)


@pytest.mark.parametrize(
    "damage", ["größe\n".encode("latin-1"), b"\0" * 1000, b"\xff\xfe\n", b"\x1b[2J\n", b'"\n']
)
def test_bytes_of_another_encoding_cost_a_row_or_two(tmp_path: Path, damage: bytes) -> None:
    whole = (HEADER + "".join(ROWS)).encode()
    place = whole.index(b"\n4000,") + 1
    found = datasets.load("csv", write(tmp_path, whole[:place] + damage + whole[place:]))
    assert sum(len(r.counts) for r in found.recordings if r.label == "walk") >= 597


def rss_of(path: Path) -> int:
    """Gives the bytes of memory that reading a folder took, in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from trainer import datasets\n"
        "from trainer.errors import HarmcuError\n"
        "try: datasets.load('csv', Path(sys.argv[1]))\n"
        "except HarmcuError as error: print(error, file=sys.stderr)\n"
    )
    return peak_memory.resident(code, path)


@pytest.mark.soak
@pytest.mark.parametrize("piece", [b"9", b"1,"])
def test_a_line_of_200_megabytes(tmp_path: Path, piece: bytes) -> None:
    line = piece * (200_000_000 // len(piece))
    assert rss_of(write(tmp_path, (HEADER + "".join(ROWS)).encode() + line)) < 1_500e6


def test_a_line_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    """A sparse file: it claims more than it holds."""
    with write(tmp_path, HEADER.encode()).joinpath("anna", "walk.csv").open("r+b") as file:
        file.truncate(1 << 30)
    with peak_memory.allocated() as peak:
        with pytest.raises(HarmcuError, match=r"walk\.csv is larger than 256 MiB"):
            datasets.load("csv", tmp_path)
        assert peak() < 600 << 20
