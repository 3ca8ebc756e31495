"""``*.lora.arrow`` files of ``lora convert``, read by PyArrow; the factors are NumPy's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from safetensors.numpy import load_file, save_file

from conftest import ROOT
from tensorbridge.launcher import find_jar, find_jdk, java_command

SEED = ROOT / "arrow-ipc/src/test/resources/arrow/lora/style.lora.arrow"
SCHEMA = pa.schema(
    [
        ("module", pa.utf8()),
        ("weight_a", pa.binary()),
        ("weight_b", pa.binary()),
        ("shape_a", pa.list_(pa.int32())),
        ("shape_b", pa.list_(pa.int32())),
        ("dtype", pa.utf8()),
    ]
)
SHAPES = {
    "mid_block.attentions.0.proj_in": ((4, 24, 1, 1), (40, 4, 1, 1)),
    "down_blocks.0.resnets.0.conv1": ((4, 8, 3, 3), (20, 4, 1, 1)),
    "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0": ((4, 24), (40, 4)),
}


def _run(*words: object, code: int = 0) -> str:
    command = [*java_command(find_jdk(), find_jar()), *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout if code == 0 else ended.stderr


def _table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        table.validate(full=True)
        return table


def _factors(kind: Any) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    rng = np.random.default_rng(5)
    return {
        name: (rng.standard_normal(down).astype(kind), rng.standard_normal(up).astype(kind))
        for name, (down, up) in SHAPES.items()
    }


def _kohya(path: Path, kind: Any, alphas: tuple[float, ...]) -> Path:
    tensors: dict[str, npt.NDArray[Any]] = {}
    for (name, (down, up)), alpha in zip(_factors(kind).items(), alphas, strict=True):
        flat = "lora_unet_" + name.replace(".", "_")
        tensors[f"{flat}.lora_down.weight"] = down
        tensors[f"{flat}.lora_up.weight"] = up
        tensors[f"{flat}.alpha"] = np.array(alpha, np.float32)
    save_file(tensors, path)
    return path


def _peft(directory: Path, kind: Any, alpha: float) -> Path:
    directory.mkdir()
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, (down, up) in _factors(kind).items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = down
        tensors[f"base_model.model.{name}.lora_B.weight"] = up
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": alpha, "target_modules": [*SHAPES]}
    (directory / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, directory / "adapter_model.safetensors")
    return directory / "adapter_model.safetensors"


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("writer", ["kohya", "peft"])
def test_pyarrow_reads_the_factors_that_numpy_has(tmp_path: Path, writer: str, kind: Any) -> None:
    path = (
        _kohya(tmp_path / "k.safetensors", kind, (2.5, 2.5, 2.5))
        if writer == "kohya"
        else _peft(tmp_path / "peft", kind, 2.5)
    )
    _run("lora", "convert", path, "-o", tmp_path / "style.lora.arrow")
    table = _table(tmp_path / "style.lora.arrow")

    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata[b"lora_alpha"] == b"2.5"
    assert table.schema.metadata[b"lora_rank"] == b"4"
    rows = {row["module"]: row for row in table.to_pylist()}
    assert rows.keys() == SHAPES.keys()
    for name, (down, up) in _factors(kind).items():
        row = rows[name]
        assert row["dtype"] == np.dtype(kind).name
        for half, expected in (("a", down), ("b", up)):
            values = np.frombuffer(row[f"weight_{half}"], row["dtype"])
            np.testing.assert_array_equal(values.reshape(row[f"shape_{half}"]), expected)

    back = tmp_path / "back"
    back.mkdir()
    _run(
        *("lora", "convert", tmp_path / "style.lora.arrow", "--to", writer),
        *("-o", back / "adapter_model.safetensors"),
    )
    found, before = load_file(back / "adapter_model.safetensors"), load_file(path)
    assert found.keys() == before.keys()
    for name, value in before.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
    if writer == "peft":
        assert json.loads((back / "adapter_config.json").read_text())["lora_alpha"] == 2.5


def test_the_seeds_table_is_equal_after_it_was_written_again(tmp_path: Path) -> None:
    _run("lora", "convert", SEED, "-o", tmp_path / "style.lora.arrow")
    ours, seeds = _table(tmp_path / "style.lora.arrow"), _table(SEED)

    assert ours.schema.equals(seeds.schema, check_metadata=True)
    plain = seeds.column("dtype").to_pylist()
    assert ours.column("dtype").to_pylist() == [name.removeprefix("torch.") for name in plain]
    assert ours.drop_columns("dtype").equals(seeds.drop_columns("dtype"))


def test_alphas_that_differ_are_refused_by_name(tmp_path: Path) -> None:
    path = _kohya(tmp_path / "k.safetensors", np.float32, (2.5, 2.5, 8))
    said = _run("lora", "convert", path, "-o", tmp_path / "style.lora.arrow", code=1)

    assert "lora_unet_up_blocks_1_attentions_0" in said
    assert "write .safetensors" in said
    assert sorted(tmp_path.iterdir()) == [path]
