from __future__ import annotations

import pytest

import tensorbridge as tb
from tensorbridge.options import option_text, quantize_options

NAMES = ["a.weight", "a.bias", "b.weight"]


def choose(scheme: str = "uniform", **given: object) -> list[str]:
    arguments = {"bit_width": None, "group_size": None, "overrides": None, "nonfinite": "error"}
    sets, indices = quantize_options(NAMES, scheme, **(arguments | given))
    return [sets[i] for i in indices or [0] * len(NAMES)]


def test_options_are_lines() -> None:
    assert option_text({"a": 1, "b": True, "c": None, "d": "x=y"}) == "a=1\nb=true\nd=x=y\n"


@pytest.mark.parametrize("bad", [{"a": "x\ny"}, {"a=b": 1}, {"a\n": 1}])
def test_what_lines_can_not_hold_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(tb.OptionError):
        option_text(bad)


def test_bit_width_and_group_size_are_short_for_uniform() -> None:
    assert choose(bit_width=8, group_size=128)[0] == "scheme=uniform:bits=8,group=128\n"
    assert choose(group_size="row")[0] == "scheme=uniform:group=row\n"


@pytest.mark.parametrize("given", [{"bit_width": 4}, {"group_size": 32}])
def test_beside_another_scheme_they_are_an_error(given: dict[str, int]) -> None:
    with pytest.raises(tb.OptionError, match="short for the options of uniform"):
        choose("q8_0", **given)


def test_the_first_override_that_matches_the_whole_name_decides() -> None:
    chosen = choose("q8_0", overrides={r".*\.bias": "f32", r"a\..*": "q4_0", "weight": "f16"})
    assert chosen == ["scheme=q4_0\n", "scheme=f32\n", "scheme=q8_0\n"]


def test_a_wrong_regular_expression_is_named() -> None:
    with pytest.raises(tb.OptionError, match=r"'\('"):
        choose(overrides={"(": "f32"})


def test_nonfinite_goes_with_every_set() -> None:
    chosen = choose("q8_0", overrides={"a.*": "f32"}, nonfinite="clip")
    assert all(text.endswith("nonfinite=clip\n") for text in chosen)
