"""Safetensors checkpoints for the demonstration: making one, and reading any."""

from __future__ import annotations

import importlib.resources
import json
import math
import os
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_DTYPES = {"F32": "float32", "F16": "float16", "F64": "float64", "BF16": "bfloat16"}
_OUTLIER_SHARE = 1e-4
_OUTLIER_FACTOR = 12.0
_SMALL_LIMIT = 1 << 20
_ATTENTION = re.compile(r"\.attn[12]\.to_(q|k|v|out\.0)\.weight$")


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a safetensors file.

    Attributes
    ----------
    name : str
        Unique in the file.
    dtype : str
        NumPy's name of the element type; ``bfloat16`` needs ``ml_dtypes``.
    shape : tuple of int
        Extents, outermost first.
    offset : int
        Where the bytes begin in the file.
    nbytes : int
        Size of the bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

    @property
    def is_weight(self) -> bool:
        """Whether the tensor is a matrix or a convolution, the kind that is quantized."""
        return len(self.shape) >= 2

    @property
    def row_length(self) -> int:
        """Elements of one output channel, the row along which quantization blocks run."""
        return math.prod(self.shape[1:]) if len(self.shape) > 1 else math.prod(self.shape)


def controlnet_shapes(small: bool = False) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the SD1.5 ControlNet's tensors.

    Parameters
    ----------
    small : bool
        Only the tensors of at most a million elements, for tests.

    Returns
    -------
    dict
        Name to shape, in the order of the state dict.
    """
    table = importlib.resources.files("tensorbridge.demo") / "sd15_controlnet.tsv"
    shapes: dict[str, tuple[int, ...]] = {}
    for line in table.read_text().splitlines()[1:]:
        name, dims = line.split("\t")
        shape = tuple(int(dim) for dim in dims.split(",") if dim)
        if not small or math.prod(shape) <= _SMALL_LIMIT:
            shapes[name] = shape
    return shapes


def make_checkpoint(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    seed: int = 42,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write a float32 safetensors file with weights as a trained network has them.

    Every output channel has its own scale (log-normal around 0.02), and one element in ten thousand
    is an outlier: what makes quantization of real weights harder than that of plain noise.

    Parameters
    ----------
    path : Path
        Where the file shall appear, whole or not at all.
    shapes : dict
        Name to shape.
    seed : int
        The same seed gives the same bytes.
    progress : callable, optional
        Called with the share that is done.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    arrays = (_weights(rng, shape) for shape in shapes.values())
    _write(path, {"made_by": "tensorbridge demo", "seed": str(seed)}, shapes, arrays, progress)


def make_adapter(
    path: Path, shapes: dict[str, tuple[int, ...]], rank: int = 16, seed: int = 7
) -> None:
    """Write a LoRA as kohya's sd-scripts name it, for the attention of a UNet or ControlNet.

    A product has about 3% of the norm of the weight that `make_checkpoint` makes; alpha is half of
    the rank.

    Parameters
    ----------
    path : Path
        Where the file shall appear, whole or not at all.
    shapes : dict
        Name to shape of the base; ``to_q``, ``to_k``, ``to_v`` and ``to_out`` are adapted.
    rank : int
        Of each module.
    seed : int
        The same seed gives the same bytes.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    factors: dict[str, npt.NDArray[np.float32]] = {}
    for name, (rows, columns) in adapted(shapes).items():
        module = module_of(name)
        down = rng.standard_normal((rank, columns), dtype=np.float32)
        up = rng.standard_normal((rows, rank), dtype=np.float32)
        factors[f"{module}.lora_down.weight"] = down * np.float32(1 / math.sqrt(rank))
        factors[f"{module}.lora_up.weight"] = up * np.float32(0.0012)
        factors[f"{module}.alpha"] = np.array(rank / 2, np.float32)
    stored = {name: array.shape for name, array in factors.items()}
    _write(path, {"made_by": "tensorbridge demo"}, stored, factors.values(), None)


def adapted(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    """Pick the attention matrices, which adapters usually change, with their rows and columns."""
    return {
        name: (shape[0], shape[1])
        for name, shape in shapes.items()
        if _ATTENTION.search(name) and len(shape) == 2
    }


def module_of(name: str) -> str:
    """Name the module that changes a weight of a UNet or ControlNet, as kohya does."""
    return "lora_unet_" + name.removesuffix(".weight").replace(".", "_")


def _write(
    path: Path,
    metadata: dict[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    arrays: Iterable[npt.NDArray[np.float32]],
    progress: Callable[[float], None] | None,
) -> None:
    """Write a float32 safetensors file, whole or not at all."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            done = 0
            for array in arrays:
                file.write(array.data)
                done += array.nbytes
                if progress is not None:
                    progress(done / end)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    weights = rng.standard_normal(shape, dtype=np.float32)
    if len(shape) < 2:
        weights *= np.float32(0.1)
        return weights
    scales = 0.02 * np.exp(0.4 * rng.standard_normal(shape[0]))
    weights *= scales.astype(np.float32).reshape((-1,) + (1,) * (len(shape) - 1))
    flat = weights.reshape(-1)
    count = int(flat.size * _OUTLIER_SHARE)
    flat[rng.integers(0, flat.size, count)] *= np.float32(_OUTLIER_FACTOR)
    return weights


def read_header(path: Path) -> list[StoredTensor]:
    """List the tensors of a safetensors file.

    Parameters
    ----------
    path : Path
        A single file (a sharded model is listed by ``tensorbridge inspect``).

    Returns
    -------
    list of StoredTensor
        The float tensors in the order of their bytes.

    Raises
    ------
    ValueError
        If the file is no safetensors file.
    """
    with open(path, "rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= 100_000_000:
            raise ValueError(f"{path} is no safetensors file: header length {length}")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{path} is no safetensors file: {error}") from error
    start = 8 + length
    size = path.stat().st_size
    tensors = []
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in _DTYPES:
            continue
        begin, end = entry["data_offsets"]
        if not 0 <= begin <= end <= size - start:
            raise ValueError(f"{path}: the bytes of {name} end behind the file")
        dtype = _DTYPES[entry["dtype"]]
        tensors.append(StoredTensor(name, dtype, tuple(entry["shape"]), start + begin, end - begin))
    return sorted(tensors, key=lambda tensor: tensor.offset)


def groups(tensors: list[StoredTensor], limit: int) -> Iterator[list[StoredTensor]]:
    """Cut a list of tensors into batches of bounded size.

    Parameters
    ----------
    tensors : list of StoredTensor
        What to cut, kept in order.
    limit : int
        Bytes in a batch; a larger tensor forms its own.

    Yields
    ------
    list of StoredTensor
        The next batch, never empty.
    """
    batch: list[StoredTensor] = []
    size = 0
    for tensor in tensors:
        if batch and size + tensor.nbytes > limit:
            yield batch
            batch, size = [], 0
        batch.append(tensor)
        size += tensor.nbytes
    if batch:
        yield batch
