"""Quantizes a safetensors file as a user of torch and ggml would, in a process of its own.

``python -m runner.peers.workflow_ggml IN.safetensors OUT.gguf q8_0|q4_k [ADAPTER SCALE]`` reads
with safetensors and torch, merges kohya's adapter if one is given, quantizes with
``ggml_quantize_chunk`` of the library in xllamacpp's wheel, a thread for each processor, and writes
with gguf-py. Rows that don't divide into blocks of 256 become q5_0, as in llama.cpp, or f16.
``OUT.gguf.seconds`` tells the time without start and imports. It imports little of the runner,
whose time would count.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

_CHUNK_ELEMENTS = 1 << 20


def _ggml() -> Any:
    found = importlib.util.find_spec("xllamacpp")
    if found is None or found.origin is None:
        raise SystemExit("xllamacpp, whose wheel holds ggml, is not installed")
    library = ctypes.CDLL(str(next(Path(found.origin).parent.glob("*.so"))))
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        *[ctypes.c_int64] * 3,
        ctypes.c_void_p,
    ]
    return library


def convert(source: str, target: str, kind: str, adapter: str = "", scale: str = "1") -> None:
    """Convert a file."""
    import gguf
    import numpy as np
    import torch
    from gguf import GGMLQuantizationType as Type
    from safetensors import safe_open

    from .workflow_merge import Deltas

    begun = time.perf_counter()
    library = _ggml()
    deltas = Deltas(adapter, float(scale))
    outputs: list[tuple[str, Any, Any]] = []
    chunks: list[tuple[int, Any, Any, int, int, int]] = []
    with safe_open(source, "pt") as file:
        for name in file.keys():  # noqa: SIM118 (the reader is no mapping)
            tensor = deltas.merge(name, file.get_tensor(name))
            if tensor.ndim < 2:
                outputs.append((name, tensor.numpy(), None))
                continue
            rows = tensor.reshape(tensor.shape[0], -1)
            columns = rows.shape[1]
            if columns % 32:
                outputs.append((name, rows.to(torch.float16).numpy(), None))
                continue
            chosen = Type.Q8_0 if kind == "q8_0" else Type.Q5_0 if columns % 256 else Type.Q4_K
            coded = np.empty((len(rows), library.ggml_row_size(int(chosen), columns)), np.uint8)
            outputs.append((name, coded, chosen))
            step = max(1, _CHUNK_ELEMENTS // columns)
            chunks += [
                (int(chosen), rows, coded, first, min(step, len(rows) - first), columns)
                for first in range(0, len(rows), step)
            ]
    remaining, lock = iter(chunks), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                chunk = next(remaining, None)
            if chunk is None:
                return
            number, rows, coded, first, count, columns = chunk
            library.ggml_quantize_chunk(
                number, rows.data_ptr(), coded.ctypes.data, first * columns, count, columns, None
            )

    threads = [threading.Thread(target=work) for _ in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer = gguf.GGUFWriter(target, "controlnet")
    for name, array, stored in outputs:
        writer.add_tensor(name[-63:], array, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    Path(f"{target}.seconds").write_text(str(time.perf_counter() - begun))


if __name__ == "__main__":
    convert(*sys.argv[1:])
