"""The server's operations on models and adapters, as steps; what they say, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..batches import Executor, Settings
from ..driver import Steps
from ..layout import Outcome
from ..options import option_text
from ..regions import Lease
from .inputs import Input, Item, batch_of, output_leases

__all__ = ["AdapterText", "FileHead", "PlannedTensor", "plan_model", "read_adapters", "write_head"]


class PlannedTensor(NamedTuple):
    """A tensor of a model, and what becomes of it.

    Attributes
    ----------
    name : str
    encoding : str
        Its dtype as files name it, in lower case.
    shape : tuple of int
    offset : int or None
        Of its first byte in its file.
    nbytes : int
        As it is.
    scheme : str or None
        None if it stays as it is.
    note : str
        Why it does not become what was asked for, or empty.
    """

    name: str
    encoding: str
    shape: tuple[int, ...]
    offset: int | None
    nbytes: int
    scheme: str | None
    note: str


class AdapterText(NamedTuple):
    """What the server found in an adapter.

    Attributes
    ----------
    facts : dict
        ``format``, ``modules`` and ``unmatched``.
    values : Lease
        The factors: float32.
    size : int
        How many there are.
    run_nanos : int
        How long that took, by the server's clock.
    """

    facts: dict[str, Any]
    values: Lease
    size: int
    run_nanos: int


class FileHead(NamedTuple):
    """How a model file begins, and what lies where behind that.

    Attributes
    ----------
    head : bytes
        The first ones.
    total : int
        Bytes of the file.
    parts : list of dict
        ``offset``, ``bytes`` and what lies there: ``tensor`` and ``part``, or ``rest``, the first
        byte in that.
    rest : bytes
        What the container keeps beside the parts.
    """

    head: bytes
    total: int
    parts: list[dict[str, Any]]
    rest: bytes


def plan_model(
    executor: Executor,
    models: Sequence[Input],
    container: str,
    scheme: str,
    overrides: Mapping[str, str] | None,
    settings: Settings,
) -> Steps[list[tuple[list[PlannedTensor], dict[str, str]]]]:
    """Ask what becomes of the tensors of models.

    Parameters
    ----------
    executor : Executor
    models : sequence of Input
        Bytes of files, or tables.
    container : {"safetensors", "table"}
    scheme : str
    overrides : mapping of str to str, optional
        Regular expression of RE2 to scheme: no look-around, no back references.
    settings : Settings

    Returns
    -------
    list of (list of PlannedTensor, dict of str to str)
        The tensors and the metadata of each.
    """
    rules = json.dumps(list((overrides or {}).items())) if overrides else None
    options = option_text({"container": container, "scheme": scheme, "overrides": rules})
    items = [Item("", options, (model,)) for model in models]

    def conclude(outcome: Outcome) -> list[tuple[list[PlannedTensor], dict[str, str]]]:
        return [_plan(_documents(outcome, i)["plan"]) for i in range(len(items))]

    return (yield from executor.run(batch_of("model_plan", items), settings, conclude))


def _plan(document: Any) -> tuple[list[PlannedTensor], dict[str, str]]:
    tensors = [
        PlannedTensor(
            facts["name"],
            facts["dtype"].lower(),
            tuple(facts["shape"]),
            facts["offset"],
            facts["bytes"],
            facts["scheme"],
            facts["note"] or "",
        )
        for facts in document["tensors"]
    ]
    return tensors, document["metadata"]


def read_adapters(
    executor: Executor,
    files: Sequence[tuple[str, Sequence[Input]]],
    allow_unmatched: bool,
    settings: Settings,
) -> Steps[list[AdapterText]]:
    """Read adapters and match them to a model.

    Parameters
    ----------
    executor : Executor
    files : sequence of (str, sequence of Input)
        Path, and: the bytes of the file, the table of the model, the configuration if there is one.
    allow_unmatched : bool
    settings : Settings
    """
    items = []
    for path, inputs in files:
        named = {"name": path.replace("\n", "?"), "allow_unmatched": allow_unmatched}
        options = option_text(named)
        items.append(Item("", options, inputs))

    def conclude(outcome: Outcome) -> list[AdapterText]:
        nanos = outcome.status.run_nanos()
        return [_adapter(outcome, i, nanos if i == 0 else 0) for i in range(len(items))]

    return (yield from executor.run(batch_of("lora_read", items), settings, conclude))


def _adapter(outcome: Outcome, index: int, nanos: int) -> AdapterText:
    leases = output_leases(outcome.placed(index))
    values, spec = leases.pop("values")
    modules, modules_spec = leases["modules"]
    facts = json.loads(_bytes(modules, modules_spec.byte_length))
    return AdapterText(facts, values, spec.shape[0], nanos)


def write_head(executor: Executor, model: Sequence[Input], settings: Settings) -> Steps[FileHead]:
    """Ask for the first bytes of a model file, and for the places of its parts.

    Parameters
    ----------
    executor : Executor
    model : sequence of Input
        What is to be written, as text, and the parts behind the first of each tensor.
    settings : Settings
    """

    def conclude(outcome: Outcome) -> FileHead:
        head, layout, rest = (
            _bytes(lease, spec.byte_length)
            for lease, spec in output_leases(outcome.placed(0)).values()
        )
        places = json.loads(layout)
        return FileHead(head, places["total"], places["parts"], rest)

    batch = batch_of("model_header", [Item("", "", model)])
    return (yield from executor.run(batch, settings, conclude))


def _documents(outcome: Outcome, index: int) -> dict[str, Any]:
    return {
        name: json.loads(_bytes(lease, spec.byte_length))
        for name, (lease, spec) in output_leases(outcome.placed(index)).items()
    }


def _bytes(lease: Lease, length: int) -> bytes:
    return bytes(lease.region.view[lease.offset : lease.offset + length])
