import numpy as np
import pytest

from trainer import tflm
from trainer.bundle import Bundle
from trainer.errors import HarmcuError


def test_windows_do_not_influence_one_another(trained: Bundle) -> None:
    rng = np.random.default_rng(1)
    windows = rng.integers(-128, 128, (5, trained.spec.window, 6)).astype(np.int8)
    engine = tflm.Tflm(trained.model)
    together = engine.run(windows)
    assert together.dtype == np.int8
    assert together.shape == (5, len(trained.spec.labels))
    one_by_one = [engine.run(windows[index : index + 1])[0] for index in (3, 1, 4, 0, 2)]
    assert (together[[3, 1, 4, 0, 2]] == one_by_one).all()
    # A softmax sums to 1; each of the labels is rounded by itself.
    assert np.abs((together.astype(int) + 128).sum(axis=1) - 256).max() <= len(trained.spec.labels)


def test_no_windows_no_scores(trained: Bundle) -> None:
    empty = np.empty((0, trained.spec.window, 6), np.int8)
    assert tflm.Tflm(trained.model).run(empty).shape == (0, len(trained.spec.labels))


def test_the_wrong_shape_is_refused(trained: Bundle) -> None:
    engine = tflm.Tflm(trained.model)
    for shape in ((2, trained.spec.window + 1, 6), (trained.spec.window, 6)):
        with pytest.raises(HarmcuError, match="do not fit the model's input"):
            engine.run(np.zeros(shape, np.int8))


def test_the_arena_is_measured_and_its_margin_stated(trained: Bundle) -> None:
    arena = tflm.measure_arena(trained.model)
    # The two largest neighbours, 58 and 62 columns of 16 and 32 channels, live at the same time.
    assert arena.measured_bytes > 58 * 16 + 58 * 32
    assert arena.margin_bytes >= arena.measured_bytes // 10
    assert arena.bytes == arena.measured_bytes + arena.margin_bytes
    assert arena.bytes % tflm.ARENA_ALIGNMENT == 0
    assert tflm.measure_arena(trained.model) == arena


def test_the_measured_arena_suffices_on_this_computer(trained: Bundle) -> None:
    from tflite_micro.python.tflite_micro import runtime

    arena = tflm.measure_arena(trained.model)
    window = np.zeros((1, trained.spec.window, 1, 6), np.int8)
    interpreter = runtime.Interpreter.from_bytes(trained.model, arena_size=arena.bytes)
    interpreter.set_input(window, 0)
    interpreter.invoke()
    assert (interpreter.get_output(0) == tflm.Tflm(trained.model).run(window[:, :, 0, :])).all()


@pytest.mark.parametrize("damage", [b"", b"no model at all", b"\x1c\x00\x00\x00TFL3" + bytes(40)])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    with pytest.raises(HarmcuError, match="TensorFlow Lite Micro cannot"):
        tflm.measure_arena(damage)
