import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_bundle import AWKWARD_LABELS, made_up_model, made_up_spec

from trainer.errors import HarmcuError
from trainer.spec import MOST_MILLIHERTZ, MOST_WINDOW, Spec, check, check_labels, from_document

SPEC = made_up_spec(made_up_model(5))


def document() -> dict[str, Any]:
    text = json.dumps(SPEC.to_document())
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_a_spec_survives_json() -> None:
    assert from_document(document(), "spec.json") == SPEC


@pytest.mark.parametrize(
    ("field", "most"), [("rate_millihertz", MOST_MILLIHERTZ), ("window", MOST_WINDOW)]
)
def test_the_schema_has_the_limits_that_training_keeps(field: str, most: int) -> None:
    assert from_document({**document(), field: most}, "spec.json")
    with pytest.raises(HarmcuError, match=field):
        from_document({**document(), field: most + 1}, "spec.json")


@pytest.mark.parametrize("version", [0, 1, 3, "2", None, True])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(HarmcuError, match=r"spec\.json: schema version .* reads 2"):
        from_document({**document(), "schema": version}, "spec.json")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(HarmcuError, match="colour"):
        from_document({**document(), "colour": "red"}, "spec.json")


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Spec)])
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    broken = document()
    del broken[field]
    with pytest.raises(HarmcuError, match=field):
        from_document(broken, "spec.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_anything_anywhere_is_a_spec_or_refused(data: st.DataObject) -> None:
    """Replace one random value of the document by a random one."""
    broken = document()
    node: Any = broken
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        inner = node[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
            node = inner
            continue
        node[key] = data.draw(JSON)
        break
    try:
        spec = from_document(copy.deepcopy(broken), "spec.json")
    except HarmcuError:
        return
    check(spec)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (("walk",), "2 to 128"),
        (tuple(f"l{i}" for i in range(129)), "2 to 128"),
        (("", "walk"), "empty"),
        ((" walk", "sit"), "blanks"),
        (("walk", "walk"), "told apart"),
        (("caf\u00e9", "cafe\u0301"), "told apart"),
        (("walk", "walk\u200b"), "told apart"),
        (("wa\u00adlk", "walk"), "told apart"),
        (("walk\n", "sit"), "blanks"),
        (("wa\nlk", "sit"), "U\\+000A"),
        (("wa\x1b[31mlk", "sit"), "U\\+001B"),
        (("wa\u202elk", "sit"), "U\\+202E"),
        (("x" * 49, "sit"), "shorten"),
    ],
)
def test_bad_labels_are_refused(labels: tuple[str, ...], reason: str) -> None:
    with pytest.raises(HarmcuError, match=reason):
        check_labels(labels)


def test_how_many_labels_there_may_be() -> None:
    check_labels(("walk", "sit"))
    check_labels(tuple(f"label {number}" for number in range(128)))
    with pytest.raises(HarmcuError, match="129 labels"):
        check_labels(tuple(f"label {number}" for number in range(129)))


def test_awkward_labels_are_fine() -> None:
    check_labels((*AWKWARD_LABELS, "<script>", "a/b", "%s", "'; --"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hop": 33}, "hop 33 is longer than window 32"),
        ({"decision": dataclasses.replace(SPEC.decision, thresholds=(1,))}, "1 thresholds"),
        ({"channels": (SPEC.channels[0],) * 2}, "same name"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(HarmcuError, match=reason):
        check(dataclasses.replace(SPEC, **change))


def test_the_longest_label() -> None:
    check_labels(("x" * 48, "\u00e9" * 24))
    with pytest.raises(HarmcuError, match="longer than 48 bytes"):
        check_labels(("\u00e9" * 24 + "x", "sit"))
