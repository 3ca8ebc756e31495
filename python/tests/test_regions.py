"""Shared memory without a server: seals, pooling, lifetimes."""

from __future__ import annotations

import errno
import fcntl
import gc
import mmap
import os
import resource
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tensorbridge as tb
from conftest import descriptors
from tensorbridge import wire
from tensorbridge.regions import FIRST_SLAB, Pool, Region, create_memory

F32 = 12


class Peer:
    """What a server would be told."""

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self.quota = 1 << 40

    def register(self, region: Region, fd: int, deadline: float | None) -> None:
        if sum(self.known.values()) + region.size > self.quota:
            raise tb.QuotaError("too much", tb.ErrorCode.QUOTA_BYTES)
        assert os.fstat(fd).st_size == region.size
        self.known[region.id] = region.size

    def release(self, region: Region) -> None:
        del self.known[region.id]


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def pool(peer: Peer) -> Iterator[Pool]:
    before = descriptors()
    made = Pool(peer.register, peer.release, 1 << 30)
    yield made
    gc.collect()
    made.trim()
    assert made.usage() == (0, 0)
    assert not peer.known
    made.close()
    assert descriptors() == before


@pytest.mark.parametrize("access", [wire.READ, wire.READWRITE])
def test_memory_is_whole_and_sealed_as_its_access_requires(access: int) -> None:
    fd, mapping = create_memory(8192, access)
    assert fcntl.fcntl(fd, wire.F_GET_SEALS) == wire.REQUIRED_SEALS[access]
    assert os.fstat(fd).st_blocks * 512 == 8192
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(fd, 4096)
    if access == wire.READ:
        with pytest.raises(OSError, match=r"not permitted|denied") as refused:
            mmap.mmap(fd, 8192)
        assert refused.value.errno in (errno.EPERM, errno.EACCES)
    else:
        mmap.mmap(fd, 8192).close()
    mapping[:3] = b"yes"
    assert os.pread(fd, 3, 0) == b"yes"
    mapping.close()
    os.close(fd)


def test_arrays_are_aligned_and_hold_their_memory(pool: Pool) -> None:
    lease = pool.take(4 * 10, wire.READ)
    array = lease.array(0, F32, (2, 5))
    del lease
    gc.collect()
    assert array.ctypes.data % 64 == 0
    assert pool.usage()[1] == 64
    view = array.T[1:]
    del array
    gc.collect()
    assert pool.usage()[1] == 64
    del view
    gc.collect()
    assert pool.usage()[1] == 0


def test_small_arrays_share_a_slab_and_large_ones_have_their_own(pool: Pool, peer: Peer) -> None:
    leases = [pool.take(1000, wire.READ) for _ in range(50)]
    assert list(peer.known.values()) == [FIRST_SLAB]
    leases.append(pool.take(3 * FIRST_SLAB, wire.READ))
    assert sorted(peer.known.values()) == [FIRST_SLAB, 3 * FIRST_SLAB]
    del leases


def test_warm_memory_is_used_again(pool: Pool, peer: Peer) -> None:
    lease = pool.take(3 * FIRST_SLAB, wire.READ)
    address = lease.region.address
    del lease
    gc.collect()
    again = pool.take(3 * FIRST_SLAB - 100, wire.READ)
    assert again.region.address == address
    assert len(peer.known) == 1
    del again


def test_access_is_kept_apart(pool: Pool, peer: Peer) -> None:
    leases = [pool.take(64, wire.READ), pool.take(64, wire.READWRITE)]
    assert len(peer.known) == 2
    del leases


def test_parts_of_a_lease_come_back_independently(pool: Pool) -> None:
    lease = pool.take(640, wire.READWRITE)
    first = lease.carve(0, 64).array(0, F32, (16,))
    second = lease.carve(256, 128).array(0, F32, (32,))
    del lease
    gc.collect()
    assert pool.usage()[1] == 192
    del first
    gc.collect()
    assert pool.usage()[1] == 128
    second[:] = 1
    del second
    gc.collect()
    assert pool.usage()[1] == 0


def test_idle_memory_above_the_bound_goes_back_to_the_system(peer: Peer) -> None:
    pool = Pool(peer.register, peer.release, 4 * FIRST_SLAB)
    leases = [pool.take(3 * FIRST_SLAB, wire.READ) for _ in range(4)]
    assert len(peer.known) == 4
    leases.clear()
    gc.collect()
    assert sum(peer.known.values()) <= 4 * FIRST_SLAB
    pool.trim()
    assert not peer.known


def test_a_full_quota_is_met_by_dropping_idle_memory(pool: Pool, peer: Peer) -> None:
    peer.quota = 6 * FIRST_SLAB
    lease = pool.take(4 * FIRST_SLAB, wire.READ)
    del lease
    gc.collect()
    kept = pool.take(4 * FIRST_SLAB, wire.READWRITE)
    with pytest.raises(tb.QuotaError):
        pool.take(4 * FIRST_SLAB, wire.READ)
    del kept


def test_arrays_outlive_the_pool(peer: Peer) -> None:
    pool = Pool(peer.register, peer.release, 1 << 30)
    array = pool.take(1 << 20, wire.READ).array(0, F32, (1 << 18,))
    array[:] = 7
    pool.close()
    del pool
    gc.collect()
    assert (array == 7).all()


def test_a_lost_array_may_be_collected_while_the_pool_is_busy(pool: Pool) -> None:
    lease = pool.take(64, wire.READ)
    with pool._lock:
        del lease  # as a collection inside the pool would do
    assert pool.usage()[1] == 0


def test_threads_can_take_and_drop(pool: Pool) -> None:
    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        held = []
        for i in range(200):
            size = int(rng.integers(1, 5000))
            array = pool.take(4 * size, wire.READ).array(0, F32, (size,))
            array[:] = seed * 1000 + i
            held.append((array, seed * 1000 + i))
            if len(held) > 10:
                old, value = held.pop(int(rng.integers(10)))
                assert (old == value).all()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_memory_is_found_by_address(pool: Pool) -> None:
    array = pool.take(4096, wire.READ).array(0, F32, (1024,))
    address = array.ctypes.data
    region = pool.find(address, 4096)
    assert region is not None
    assert pool.find(region.address + region.size - 1, 2) is None
    assert pool.find(np.zeros(4).ctypes.data, 32) is None
    del array


def test_too_many_descriptors_are_told_with_a_remedy() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)  # numbers are limited, and there may be gaps
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        with pytest.raises(tb.ResourceError, match="ulimit") as refused:
            create_memory(4096, wire.READ)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused.value.code is tb.ErrorCode.OUT_OF_DESCRIPTORS


def test_impossible_sizes_are_refused_with_a_remedy() -> None:
    before = descriptors()
    with pytest.raises(tb.ResourceError, match="trim"):
        create_memory(1 << 55, wire.READ)
    assert descriptors() == before
