"""Shared memory: sealed memfds, pooled and sub-allocated.

A *region* is one memfd with this process's mapping of it. A *lease* is a span of a region that is
in use; the span goes back to the pool when the lease dies. An *owner* ties an ndarray to its lease:
it is the array's ``.base``, so the memory is valid for as long as anyone holds a view of it, also
after the bridge or the server has gone.
"""

from __future__ import annotations

import logging
import mmap
import os
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import wire
from .allocator import ALIGNMENT, FreeList
from .dtypes import dtype_of, interface_type
from .errors import (
    OUT_OF_DESCRIPTORS,
    BridgeClosed,
    ErrorCode,
    QuotaError,
    ResourceError,
    TimeoutError,
    no_descriptor,
)
from .limits import available_memory
from .locks import STALLED, attempt

__all__ = ["FileRegion", "Lease", "Pool", "Region", "create_region"]

_log = logging.getLogger("tensorbridge")

PAGE = 4096
FIRST_SLAB = 1 << 20
LARGEST_SLAB = 32 << 20
# Below this the look at what is available costs more than it is worth.
_LARGE = 8 << 20
# The kernel ends processes rather than refuse memory, so that the last bytes are left to others.
_MARGIN = 8 << 20


class Region:
    """One memfd and its mapping in this process.

    Attributes
    ----------
    id, generation : int
        Its address on the wire.
    access : int
        `wire.READ` or `wire.READWRITE`: what the server may do with it.
    size : int
        Bytes.
    memory : mmap.mmap
        All of it, writable.
    view : memoryview
        The same; its slices are views, those of ``memory`` are copies.
    address : int
        Where it is mapped.
    """

    __slots__ = ("__weakref__", "access", "address", "bytes", "free", "generation", "id", "memory",
                 "size", "view")  # fmt: skip

    def __init__(self, region_id: int, access: int, mapping: mmap.mmap) -> None:
        self.id = region_id
        self.generation = 1
        self.access = access
        self.size = len(mapping)
        self.memory = mapping
        self.view = memoryview(mapping)
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(mapping, np.uint8)
        self.address = int(self.bytes.__array_interface__["data"][0])
        self.free = FreeList(self.size)


def create_memory(size: int, access: int) -> tuple[int, mmap.mmap]:
    """Create, fill, map and seal a memfd.

    Parameters
    ----------
    size : int
        Bytes, a multiple of the page size. All of them exist afterwards.
    access : int
        `wire.READ` or `wire.READWRITE`.

    Returns
    -------
    fd : int
        To be passed to the server and then closed by the caller.
    mapping : mmap.mmap
        Writable here, whatever the access.

    Raises
    ------
    ResourceError
        If the memory or the descriptor can't be had.
    """
    import fcntl

    if size >= _LARGE and size + _MARGIN > available_memory():
        raise _no_memory(size)
    fd = -1
    try:
        fd = os.memfd_create("tensorbridge", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.posix_fallocate(fd, 0, size)
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        mapping = mmap.mmap(fd, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        fcntl.fcntl(fd, wire.F_ADD_SEALS, wire.REQUIRED_SEALS[access])
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise _refused(error, size) from error
    return fd, mapping


def _refused(error: OSError, size: int) -> ResourceError:
    import errno

    if error.errno in OUT_OF_DESCRIPTORS:
        return no_descriptor(error, "shared memory")
    if error.errno == errno.EFBIG:
        return ResourceError(
            f"{size} bytes of shared memory are more than a file of this process may have: raise "
            "that limit (ulimit -f)",
            ErrorCode.OUT_OF_MEMORY,
        )
    if error.errno in (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT):
        return _no_memory(size)
    return ResourceError(f"shared memory can't be made: {error}", ErrorCode.SYSTEM_CALL)


def _no_memory(size: int) -> ResourceError:
    return ResourceError(
        f"{size} bytes of shared memory can't be had: drop arrays or call trim(), or raise the "
        "limit of this process (ulimit -v), its memory group or container",
        ErrorCode.OUT_OF_MEMORY,
    )


class Lease:
    """A span of a region that is in use; thread-safe, gives it back when it dies.

    A part can be carved out into a lease of its own, which then lives and dies by itself.
    """

    __slots__ = ("__weakref__", "_carved", "_pool", "length", "offset", "region")

    def __init__(self, pool: Pool, region: Region, offset: int, length: int) -> None:
        self._pool = pool
        self._carved: list[tuple[int, int]] = []
        self.region = region
        self.offset = offset
        self.length = length

    def carve(self, offset: int, length: int) -> Lease:
        """Hand a part over to a new lease.

        Parameters
        ----------
        offset, length : int
            Within the lease, multiples of `ALIGNMENT`; each part can be carved once.
        """
        part = Lease(self._pool, self.region, self.offset + offset, length)
        self._carved.append((offset, length))
        return part

    def span(self) -> tuple[int, int, int, int]:
        """Return the wire's name of the lease."""
        return (self.region.id, self.region.generation, self.offset, self.length)

    def array(self, offset: int, dtype: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return an ndarray over the lease, which it keeps alive.

        Parameters
        ----------
        offset : int
            Of the first element, within the lease.
        dtype : int
            Wire code.
        shape : tuple of int
        """
        return as_array(self, self.region.address + self.offset + offset, dtype, shape)

    def __del__(self) -> None:
        """Give back what was not carved; runs in any thread, at any time."""
        try:
            at = 0
            if self._carved:
                for offset, length in sorted(self._carved):
                    if offset > at:
                        self._pool.give_later(self.region, self.offset + at, offset - at)
                    at = offset + length
            if at < self.length:
                self._pool.give_later(self.region, self.offset + at, self.length - at)
        except Exception:  # at interpreter shutdown anything may be gone
            return


class FileRegion:
    """A file that the server may read; this process does not map it.

    The server forgets it when the object dies, and the last batch that reads it has ended.

    Attributes
    ----------
    id, generation : int
        Its address on the wire.
    access : int
        `wire.FILE`.
    size : int
        Bytes.
    """

    __slots__ = ("_pool", "access", "generation", "id", "size")

    def __init__(self, region_id: int, size: int) -> None:
        self.id = region_id
        self.generation = 1
        self.access = wire.FILE
        self.size = size
        self._pool: Pool | None = None

    def held_by(self, pool: Pool) -> FileRegion:
        """Note that the server knows it, so that it is told of the end."""
        self._pool = pool
        return self

    def __del__(self) -> None:
        """Release it; runs in any thread, at any time."""
        try:
            if self._pool is not None:
                self._pool.forget_file(self)
        except Exception:  # at interpreter shutdown anything may be gone
            return


class _Owner:
    """What an ndarray over foreign memory has as its base."""

    __slots__ = ("__array_interface__", "_keep")

    def __init__(self, keep: object, interface: dict[str, Any]) -> None:
        self._keep = keep
        self.__array_interface__ = interface


def as_array(
    keep: object,
    address: int,
    dtype: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    readonly: bool = False,
) -> npt.NDArray[Any]:
    """Return an ndarray over an address that keeps an object alive through its ``.base``."""
    interface = {
        "version": 3,
        "data": (address, readonly),
        "shape": shape,
        "typestr": interface_type(dtype),
        "strides": strides,
    }
    array: npt.NDArray[Any] = np.asarray(_Owner(keep, interface))
    numpy_dtype = dtype_of(dtype)
    return array if array.dtype == numpy_dtype else array.view(numpy_dtype)


def create_region(region_id: int, size: int, access: int) -> tuple[Region, int]:
    """Create a region; the caller passes the descriptor on and closes it."""
    fd, mapping = create_memory(size, access)
    return Region(region_id, access, mapping), fd


class Pool:
    """All regions of a bridge but the control region; thread-safe.

    Spans above a share of the slab size get a region of their own, smaller ones share slabs. Idle
    regions are kept for reuse, since fresh pages cost several times a refill of warm ones.

    Parameters
    ----------
    register : callable
        Makes a region known to the server; takes the region, its descriptor, and until when to
        wait for the answer.
    release : callable
        Tells the server to forget a region; must not block.
    max_idle_bytes : int
        How much idle memory is kept.
    """

    def __init__(
        self,
        register: Callable[[Region | FileRegion, int, float | None], None],
        release: Callable[[Region | FileRegion], None],
        max_idle_bytes: int,
    ) -> None:
        self._register = register
        self._release = release
        self._max_idle_bytes = max_idle_bytes
        self._lock = threading.Lock()
        self._regions: dict[int, list[Region]] = {wire.READ: [], wire.READWRITE: []}
        self._by_address: tuple[list[int], list[Region]] = ([], [])
        self._returned: deque[tuple[Region, int, int]] = deque()
        self._pooled_bytes = 0
        self._next_id = 1
        self._closed = False

    def take(self, length: int, access: int, deadline: float | None = None) -> Lease:
        """Lease memory.

        Parameters
        ----------
        length : int
            Bytes.
        access : int
            `wire.READ` or `wire.READWRITE`.
        deadline : float, optional
            Until when to wait for the server, should it have to map a new region; by
            `time.monotonic`.

        Raises
        ------
        QuotaError
            If the server allows this client no more.
        ResourceError
            If the system has no more.
        TimeoutError
            At the deadline.
        BridgeClosed
            If the pool was closed.
        """
        length = wire.align(max(length, 1), ALIGNMENT)
        if deadline is None:
            with self._lock:
                return self._take(length, access, None)
        for held in attempt(self._lock, deadline):
            if held:
                try:
                    return self._take(length, access, deadline)
                finally:
                    self._lock.release()
        raise TimeoutError(STALLED)

    def _take(self, length: int, access: int, deadline: float | None) -> Lease:
        self._collect()
        if self._closed:
            raise BridgeClosed("the bridge is closed")
        lease = self._take_pooled(length, access)
        if lease is None:
            region = self._add_region(length, access, deadline)
            lease = self._lease_from(region, length)
        if lease is None:
            raise ResourceError(f"no span of {length} bytes", ErrorCode.INTERNAL)
        return lease

    def _take_pooled(self, length: int, access: int) -> Lease | None:
        largest = max(LARGEST_SLAB, 2 * length)
        fitting = [
            region
            for region in self._regions[access]
            if length <= region.free.free_bytes and region.size <= largest
        ]
        if len(fitting) > 1:
            fitting.sort(key=_used_first)
        for region in fitting:
            lease = self._lease_from(region, length)
            if lease is not None:
                return lease
        return None

    def _lease_from(self, region: Region, length: int) -> Lease | None:
        offset = region.free.take(length)
        return None if offset is None else Lease(self, region, offset, length)

    def _add_region(self, length: int, access: int, deadline: float | None) -> Region:
        pooled = sum(region.size for region in self._regions[access])
        slab = min(max(FIRST_SLAB, pooled), LARGEST_SLAB)
        size = wire.align(slab if length <= slab // 4 else length, PAGE)
        region, fd = create_region(self._next_id, size, access)
        self._next_id += 1
        try:
            self._register_somehow(region, fd, deadline)
        finally:
            os.close(fd)
        self._regions[access].append(region)
        self._index()
        _log.debug("region %d: %d bytes", region.id, size)
        return region

    def _register_somehow(
        self, region: Region | FileRegion, fd: int, deadline: float | None = None
    ) -> None:
        """Register a region; if there is no room for it, give up idle ones."""
        try:
            self._register(region, fd, deadline)
        except QuotaError:
            if not self._drop_idle(0):
                raise
            self._register(region, fd, deadline)
        except TimeoutError:
            self._release(region)  # the server may take the request yet, and this after it
            raise

    def add_file(self, fd: int, size: int) -> FileRegion:
        """Let the server read a file.

        Parameters
        ----------
        fd : int
            Opened for reading; stays the caller's, who may close it afterwards.
        size : int
            Bytes of the file.

        Raises
        ------
        QuotaError
            If the server allows this client no more regions.
        ProtocolError
            If it is no regular file, or of another size.
        BridgeClosed
            If the pool was closed.
        """
        with self._lock:
            self._collect()
            if self._closed:
                raise BridgeClosed("the bridge is closed")
            region = FileRegion(self._next_id, size)
            self._next_id += 1
            self._register_somehow(region, fd)
            return region.held_by(self)

    def forget_file(self, region: FileRegion) -> None:
        """Let the server forget a file; does not block."""
        if not self._closed:
            self._release(region)

    def find(self, address: int, length: int) -> Region | None:
        """Return the region that holds a piece of memory, or None if none does."""
        starts, regions = self._by_address
        i = bisect_right(starts, address) - 1
        if i < 0:
            return None
        region = regions[i]
        return region if address + length <= region.address + region.size else None

    def give_later(self, region: Region, offset: int, length: int) -> None:
        """Give back a span; never blocks, so that a garbage collection may call it."""
        if self._closed:
            return
        self._returned.append((region, offset, length))
        for held in attempt(self._lock):
            if held:
                try:
                    self._collect()
                finally:
                    self._lock.release()

    def _collect(self) -> None:
        gave = False
        while self._returned:
            region, offset, length = self._returned.popleft()
            region.free.give(offset, length)
            gave = gave or region.free.idle
        if gave:
            self._drop_idle(self._max_idle_bytes)

    def _drop_idle(self, keep_bytes: int) -> int:
        if self._pooled_bytes <= keep_bytes:
            return 0
        idle = [region for region in self._all() if region.free.idle]
        excess = sum(region.size for region in idle) - keep_bytes
        dropped = 0
        for region in sorted(idle, key=lambda region: region.size, reverse=True):
            if excess <= dropped:
                break
            self._regions[region.access].remove(region)
            dropped += region.size
            self._release(region)
        if dropped:
            self._index()
        return dropped

    def _all(self) -> list[Region]:
        return self._regions[wire.READ] + self._regions[wire.READWRITE]

    def _index(self) -> None:
        regions = sorted(self._all(), key=lambda region: region.address)
        self._by_address = ([region.address for region in regions], regions)
        self._pooled_bytes = sum(region.size for region in regions)

    def trim(self) -> int:
        """Return all idle memory to the system; tell how many bytes that was."""
        with self._lock:
            self._collect()
            return self._drop_idle(0)

    def usage(self) -> tuple[int, int]:
        """Return the bytes of all regions, and how many of them are in use."""
        with self._lock:
            self._collect()
            total = sum(region.size for region in self._all())
            return total, total - sum(region.free.free_bytes for region in self._all())

    def close(self) -> None:
        """Let go of everything; memory that is still leased lives as long as its leases."""
        self._closed = True
        self._regions = {wire.READ: [], wire.READWRITE: []}
        self._by_address = ([], [])
        self._returned.clear()


def _used_first(region: Region) -> tuple[bool, int]:
    """Order that fills regions in use before it touches idle ones, and prefers small ones."""
    return region.free.idle, region.size
