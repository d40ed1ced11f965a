import subprocess
import sys

import pytest
from made_up import a_recording

from trainer import datasets
from trainer.errors import HarmcuError
from trainer.reading import assemble, options


def test_every_module_is_a_data_set() -> None:
    assert datasets.names() == (
        "csv",
        "edge-impulse",
        "hapt",
        "recordings",
        "uci-har",
        "watch",
        "wisdm",
    )


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        HarmcuError,
        match=r"'uci_har'; did you mean 'uci-har'\? choose one of csv, .*uci-har, watch",
    ):
        datasets.load("uci_har")


def test_choices_that_a_format_leaves_no_one_are_refused() -> None:
    with pytest.raises(HarmcuError, match="watch says its rate itself; leave out --rate"):
        datasets.load("watch", None, options.parse(rate=50))


@pytest.mark.parametrize(
    ("rate_hz", "lengths", "window"),
    [
        (100, [5000, 4000], 256),
        (50, [5000, 4000], 128),
        (119, [5000], 304),
        # A tenth of the samples may lie in shorter pieces, not more.
        (50, [1000, 1000, 40, 30], 128),
        (50, [100, 100, 70, 70], 64),
        (50, [10, 10], 16),
    ],
)
def test_the_window_is_2_56_seconds_or_what_the_recordings_fill(
    rate_hz: int, lengths: list[int], window: int
) -> None:
    recordings = [a_recording(length, rate_millihertz=1000 * rate_hz) for length in lengths]
    assert assemble.window_and_hop(recordings) == (window, window // 4)


def test_loading_needs_no_tensorflow() -> None:
    code = (
        "import sys; from trainer import datasets, evaluate, pipeline, report, splits, tflm;"
        "datasets.load('watch');"
        "assert not {'tensorflow', 'tf_keras', 'seglearn', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
