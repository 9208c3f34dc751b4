"""An arena: one stretch of memory in which arrays take places and leave them."""

from __future__ import annotations

from bisect import insort

#: places begin at multiples of this, for the widest vector instructions
ALIGNMENT = 64


class Arena:
    """Places for arrays by size: the smallest gap that is large enough, or more room at the end.

    >>> arena = Arena()
    >>> arena.take("a", 100), arena.take("b", 10)
    (0, 128)
    >>> arena.free("a"); arena.take("c", 64), arena.size
    (0, 192)
    """

    def __init__(self) -> None:
        self.size = 0
        self.in_place = 0  # how often a place has passed from one array to the next without being free
        self._taken: dict[object, tuple[int, int]] = {}  # key -> offset, size
        self._gaps: list[tuple[int, int]] = []  # offset, size; sorted by offset, never adjacent

    def take(self, key: object, size: int) -> int:
        """The offset of a place of `size` bytes, which `key` has from now on."""
        size = -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        fitting = [gap for gap in self._gaps if gap[1] >= size]
        if fitting:
            gap = min(fitting, key=lambda gap: gap[1])
            self._gaps.remove(gap)
            offset = gap[0]
            if gap[1] > size:
                insort(self._gaps, (offset + size, gap[1] - size))
        else:
            offset = self.size
            if self._gaps and sum(self._gaps[-1]) == self.size:  # the last gap grows
                offset = self._gaps.pop()[0]
            self.size = offset + size
        self._taken[key] = offset, size
        return offset

    def inherit(self, before: object, after: object) -> None:
        """Let `after` have the place of `before`."""
        self._taken[after] = self._taken.pop(before)
        self.in_place += 1

    def free(self, key: object) -> None:
        """Leave the place that `key` has."""
        offset, size = self._taken.pop(key)
        for gap in list(self._gaps):
            if gap[0] + gap[1] == offset:
                self._gaps.remove(gap)
                offset, size = gap[0], gap[1] + size
            elif offset + size == gap[0]:
                self._gaps.remove(gap)
                size += gap[1]
        insort(self._gaps, (offset, size))
