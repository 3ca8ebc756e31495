"""A free list: which bytes of a region are in use.

It knows offsets only, no memory, and is not thread-safe: its owner holds a lock.
"""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["ALIGNMENT", "FreeList"]

ALIGNMENT = 64
"""Every span begins at a multiple of this and is a multiple of it long."""


class FreeList:
    """The free spans of a region, sorted, never adjacent.

    What was taken in one piece may be given back in several, in any order.

    Parameters
    ----------
    size : int
        Bytes of the region, a multiple of `ALIGNMENT`.
    """

    __slots__ = ("_ends", "_starts", "free_bytes", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free_bytes = size
        self._starts = [0]
        self._ends = [size]

    @property
    def idle(self) -> bool:
        """Whether nothing is in use."""
        return self.free_bytes == self.size

    def take(self, length: int) -> int | None:
        """Take a span.

        Parameters
        ----------
        length : int
            Bytes, a multiple of `ALIGNMENT`, above 0.

        Returns
        -------
        int or None
            Offset of the lowest free span that fits, or None.
        """
        if length > self.free_bytes:
            return None
        for i, start in enumerate(self._starts):
            end = self._ends[i]
            if end - start < length:
                continue
            if end - start == length:
                del self._starts[i], self._ends[i]
            else:
                self._starts[i] = start + length
            self.free_bytes -= length
            return start
        return None

    def give(self, offset: int, length: int) -> None:
        """Give back a span, or a part of one, and merge it with free neighbours.

        Raises
        ------
        ValueError
            If a part of it is free already.
        """
        end = offset + length
        i = bisect_right(self._starts, offset)
        if (i and self._ends[i - 1] > offset) or (i < len(self._starts) and self._starts[i] < end):
            raise ValueError(f"span {offset}..{end} is free already")
        joins_left = i > 0 and self._ends[i - 1] == offset
        joins_right = i < len(self._starts) and self._starts[i] == end
        if joins_left and joins_right:
            self._ends[i - 1] = self._ends[i]
            del self._starts[i], self._ends[i]
        elif joins_left:
            self._ends[i - 1] = end
        elif joins_right:
            self._starts[i] = offset
        else:
            self._starts.insert(i, offset)
            self._ends.insert(i, end)
        self.free_bytes += length
