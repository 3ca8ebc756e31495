"""What a crossing costs: born-in-shared-memory arrays, ordinary arrays, batches of many layers."""

from __future__ import annotations

import mmap
import os
import time

import numpy as np
from sampling import estimate, interleaved, keep, ratio
from settings import Settings

import tensorbridge as tb

_SIZES_MB = (4, 40, 400)


def numpy_born_shared(settings: Settings) -> None:
    """Describe a 4, 40 or 400 MB array, have two elements read, and see the completion."""
    with tb.open() as bridge:
        arrays = {f"{mb} MB": bridge.empty((mb << 18,), "float32") for mb in _SIZES_MB}
        contenders = {}
        for name, array in arrays.items():
            array[:] = 1.0
            contenders[name] = lambda a=array: bridge.run("noop", {"w": a})
        samples = interleaved(contenders, settings.rounds(200), warm_up=400, inner=20)
    keep(settings.folder, "numpy_born_shared", samples)
    for name, values in samples.items():
        figures = estimate(values)
        print(f"  noop {name:>7}  p50 {figures.text()}  p99 {figures.p99 * 1e6:.1f} us")
    print(f"  400 MB over 4 MB: {ratio(samples['400 MB'], samples['4 MB'])}   (goal 1.2x)")


def numpy_ordinary(settings: Settings) -> None:
    """Share an ordinary array, against ``np.copyto`` into a warm memfd mapping of the same size."""
    with tb.open() as bridge:
        for mb in (40, 400):
            source = np.random.default_rng(42).standard_normal(mb << 18, dtype=np.float32)
            target, handle = _warm_mapping(source.nbytes)
            samples = interleaved(
                {
                    "share": lambda s=source: bridge.share(s),
                    "copyto": lambda s=source, t=target: np.copyto(t, s),
                },
                settings.rounds(40 if mb == 40 else 12),
            )
            keep(settings.folder, f"numpy_ordinary_{mb}mb", samples)
            share, copy = estimate(samples["share"]), estimate(samples["copyto"])
            print(f"  {mb:3} MB  share {share.text()}  np.copyto {copy.text()}")
            cost = ratio(samples["share"], samples["copyto"])
            print(f"          share over copyto: {cost}   (goal 1.15x)")
            os.close(handle)


def _warm_mapping(size: int) -> tuple[np.ndarray, int]:
    handle = os.memfd_create("copyto")
    os.posix_fallocate(handle, 0, size)
    target = np.frombuffer(mmap.mmap(handle, size), np.float32)
    target[:] = 0
    return target, handle


def batch_overhead(settings: Settings) -> None:
    """No-op batches of 1, 10, 100 and 1000 layers, ad hoc and prepared; and a call a layer."""
    with tb.open() as bridge:
        layers = {f"layer.{i}.weight": bridge.empty((32, 32), "float32") for i in range(1000)}
        for array in layers.values():
            array[:] = 1.0
        names = list(layers)
        contenders = {}
        for count in (1, 10, 100, 1000):
            some = {name: layers[name] for name in names[:count]}
            plan = bridge.prepare("noop", some)
            contenders[f"ad hoc {count}"] = lambda s=some: bridge.run("noop", s)
            contenders[f"prepared {count}"] = plan.run
        some = {name: layers[name] for name in names[:100]}

        def one_by_one() -> None:
            for name, array in some.items():
                bridge.run("noop", {name: array})

        contenders["100 calls"] = one_by_one
        samples = interleaved(contenders, settings.rounds(100), warm_up=200, inner=5)
    keep(settings.folder, "batch_overhead", samples)
    medians = {name: estimate(values).median for name, values in samples.items()}
    for name, values in samples.items():
        print(f"  {name:14} {estimate(values).text()}")
    for kind, goal in (("ad hoc", 100), ("prepared", 10)):
        extra = medians[f"{kind} 100"] - medians[f"{kind} 1"]
        print(f"  {kind}: 100 layers cost {extra * 1e6:.1f} us more than one   (goal {goal} us)")


def open_time(settings: Settings) -> None:
    """From ``tb.open()`` to ready, and to the first answer."""

    def ready() -> None:
        tb.open().close()

    def first_answer() -> None:
        with tb.open() as bridge:
            bridge.run("noop", {"w": np.ones(4, np.float32)})

    samples: dict[str, list[float]] = {"open": [], "first answer": []}
    ready()
    ready()
    for _ in range(settings.rounds(10)):
        begun = time.perf_counter()
        bridge = tb.open()
        samples["open"].append(time.perf_counter() - begun)
        bridge.close()
        begun = time.perf_counter()
        first_answer()
        samples["first answer"].append(time.perf_counter() - begun)
    keep(settings.folder, "open_time", samples)
    print(f"  tb.open() ready       {estimate(samples['open']).text()}   (goal 0.5 s)")
    print(f"  to first answer, closed {estimate(samples['first answer']).text()}")
