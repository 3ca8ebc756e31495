from __future__ import annotations

import builtins
import json
import pickle

import pytest
from conftest import SPEC

import tensorbridge as tb
from tensorbridge.errors import error_of


def test_the_table_is_that_of_the_spec() -> None:
    table = json.loads((SPEC / "vectors" / "error_codes.json").read_text())
    assert {code.name: code.value for code in tb.ErrorCode} == {
        entry["name"]: entry["number"] for entry in table
    }


@pytest.mark.parametrize("code", [code for code in tb.ErrorCode if code])
def test_every_code_has_an_exception_of_its_group(code: tb.ErrorCode) -> None:
    error = error_of(code, "why", "a.weight", 7)
    kinds = {
        1: tb.ProtocolError,
        2: tb.OptionError if code >= 250 else tb.TensorError,
        3: tb.QuotaError,
        4: tb.BridgeError,
        5: tb.ResourceError,
        6: tb.FormatError,
    }
    assert isinstance(error, kinds[code // 100])
    assert "why" in str(error)
    assert "a.weight" in str(error)


def test_an_unknown_code_is_told_and_not_lost() -> None:
    error = error_of(399 + 300, "of a later version")
    assert isinstance(error, tb.ResourceError)
    assert "699" in str(error)


def test_a_tensor_error_carries_its_facts() -> None:
    error = tb.TensorError("a.weight", 12, "is NaN")
    assert (error.name, error.index, error.reason) == ("a.weight", 12, "is NaN")
    assert str(error) == 'tensor "a.weight" at flat index 12: is NaN'


def test_a_timeout_is_also_the_built_in_one() -> None:
    assert issubclass(tb.TimeoutError, builtins.TimeoutError)
    assert issubclass(tb.OptionError, ValueError)


@pytest.mark.parametrize(
    "error",
    [
        tb.TensorError("a", 1, "b"),
        tb.FormatError(3, "no overlaps"),
        tb.ServerDied("gone", "log"),
        tb.QuotaError("too much", tb.ErrorCode.QUOTA_BYTES),
        tb.TimeoutError("late"),
    ],
)
def test_errors_survive_pickling(error: tb.BridgeError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
