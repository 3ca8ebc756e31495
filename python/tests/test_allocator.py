from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorbridge.allocator import ALIGNMENT, FreeList

SIZE = 64 * ALIGNMENT


def test_a_full_list_gives_nothing() -> None:
    free = FreeList(SIZE)
    assert free.take(SIZE) == 0
    assert free.take(ALIGNMENT) is None
    assert not free.idle


def test_a_span_can_come_back_in_pieces() -> None:
    free = FreeList(SIZE)
    free.take(SIZE)
    for offset in (128, 0, 64, *range(192, SIZE, 64)):
        free.give(offset, 64)
    assert free.idle
    assert free.take(SIZE) == 0


def test_what_is_free_can_not_be_given_back() -> None:
    free = FreeList(SIZE)
    free.take(128)
    free.give(0, 64)
    for offset, length in ((0, 64), (0, 128), (128, 64)):
        with pytest.raises(ValueError, match="free already"):
            free.give(offset, length)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.randoms(use_true_random=False))))
def test_spans_in_use_never_overlap_and_all_come_back(
    steps: list[tuple[bool, int, object]],
) -> None:
    free = FreeList(SIZE)
    used: list[tuple[int, int]] = []
    for take, blocks, random in steps:
        if take:
            offset = free.take(blocks * ALIGNMENT)
            if offset is not None:
                assert offset % ALIGNMENT == 0
                assert offset + blocks * ALIGNMENT <= SIZE
                for other, length in used:
                    assert offset >= other + length or offset + blocks * ALIGNMENT <= other
                used.append((offset, blocks * ALIGNMENT))
        elif used:
            free.give(*used.pop(random.randrange(len(used))))
        assert free.free_bytes == SIZE - sum(length for _, length in used)
    for span in used:
        free.give(*span)
    assert free.idle
    assert free.take(SIZE) == 0
