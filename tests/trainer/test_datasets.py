import subprocess
import sys

import pytest

from trainer import datasets
from trainer.errors import HarmcuError
from trainer.reading import options


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


def test_loading_needs_no_tensorflow() -> None:
    code = (
        "import sys; from trainer import datasets, evaluate, pipeline, report, splits, tflm;"
        "datasets.load('watch');"
        "assert not {'tensorflow', 'tf_keras', 'seglearn', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
