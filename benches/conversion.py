"""Full-size conversion: a cold process from the command line, and a warm bridge from Python."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sampling import estimate, keep, ratio
from settings import Settings

import tensorbridge as tb
from tensorbridge.demo import checkpoint

_ROOT = Path(__file__).resolve().parent.parent
_GGUF_PY = """
import sys, json, struct, numpy as np, gguf
from gguf import GGMLQuantizationType as T
path, out = sys.argv[1:]
data = np.memmap(path, np.uint8, 'r'); n = struct.unpack('<Q', data[:8].tobytes())[0]
header = json.loads(data[8:8 + n].tobytes()); writer = gguf.GGUFWriter(out, 'controlnet')
for name, entry in header.items():
    if name == '__metadata__': continue
    a, b = (8 + n + end for end in entry['data_offsets'])
    x = data[a:b].view(np.float32).reshape(entry['shape'])
    if x.ndim > 1:
        x = x.reshape(x.shape[0], -1)
    if x.ndim > 1 and x.shape[-1] % 32 == 0:
        writer.add_tensor(name[-63:], gguf.quants.quantize(x, T.Q8_0), raw_dtype=T.Q8_0)
    else:
        writer.add_tensor(name[-63:], np.ascontiguousarray(x))
writer.write_header_to_file(); writer.write_kv_data_to_file()
writer.write_tensors_to_file(); writer.close()
"""


def _model(settings: Settings) -> Path:
    path = settings.models / "sd15_controlnet.safetensors"
    if not path.exists():
        settings.models.mkdir(parents=True, exist_ok=True)
        print(f"  making {path} (1.4 GB) ...", file=sys.stderr)
        checkpoint.make_checkpoint(path, checkpoint.controlnet_shapes())
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    return path


def _process(command: list[str]) -> tuple[float, float]:
    """Seconds of a whole process, and its peak anonymous memory in MB, read while it runs."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _anonymous_mb(process.pid))
        time.sleep(0.01)
    seconds = time.perf_counter() - begun
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, peak


def _anonymous_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return sum(
        int(line.split()[1]) / 1e3
        for line in text.splitlines()
        if line.startswith(("RssAnon", "RssShmem"))
    )


def conversion_process(settings: Settings) -> None:
    """Full-size ControlNet to q8_0 GGUF as a whole cold process, and gguf-py's where installed."""
    model = _model(settings)
    target = settings.models / "bench.gguf"
    launcher = str(_ROOT / "tensorbridge")
    ours = [launcher, "quantize", str(model), "-o", str(target), "--scheme", "q8_0", "--quiet"]
    contenders = {"tensorbridge": ours}
    if subprocess.run([sys.executable, "-c", "import gguf"], capture_output=True).returncode == 0:
        contenders["gguf-py"] = [sys.executable, "-c", _GGUF_PY, str(model), str(target)]
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, float] = dict.fromkeys(contenders, 0.0)
    for index in range(-1, settings.rounds(7)):
        for name, command in contenders.items():
            seconds, peak = _process(command)
            if index >= 0:
                samples[name].append(seconds)
                peaks[name] = max(peaks[name], peak)
            target.unlink()
    keep(settings.folder, "conversion_process", samples)
    for name, values in samples.items():
        print(
            f"  {name:14} {estimate(values).text()}  peak memory besides files {peaks[name]:.0f} MB"
        )
    if "gguf-py" in samples:
        print(f"  ours over gguf-py: {ratio(samples['tensorbridge'], samples['gguf-py'])}")
    print("  (goals: 1 s, at most 2.7 s; 512 MiB)")


def conversion_warm(settings: Settings) -> None:
    """Send the same weights through a warm bridge: GB/s, and the share outside the kernels."""
    model = _model(settings)
    weights = [t for t in checkpoint.read_header(model) if t.is_weight and t.row_length % 32 == 0]
    source = np.memmap(model, np.uint8, "r")
    samples: dict[str, list[float]] = {"seconds": [], "outside": []}
    with tb.open() as bridge:
        arrays = {}
        for tensor in weights:
            array = bridge.empty(tensor.shape, tensor.dtype)
            array.reshape(-1).view(np.uint8)[:] = source[
                tensor.offset : tensor.offset + tensor.nbytes
            ]
            arrays[tensor.name] = array
        size = sum(tensor.nbytes for tensor in weights)
        for index in range(-3, settings.rounds(15)):
            begun = time.perf_counter()
            result = bridge.quantize_batch(arrays, scheme="q8_0")
            seconds = time.perf_counter() - begun
            if index >= 0:
                samples["seconds"].append(seconds)
                samples["outside"].append(1 - result.run_nanos / 1e9 / seconds)
    keep(settings.folder, "conversion_warm", samples)
    figures = estimate(samples["seconds"])
    speed = size / figures.median / 1e9
    print(f"  {size / 1e9:.2f} GB in {figures.text()}: {speed:.2f} GB/s   (goal 2.5)")
    print(f"  outside the kernels: {np.median(samples['outside']):.2%}   (goal 5%)")
