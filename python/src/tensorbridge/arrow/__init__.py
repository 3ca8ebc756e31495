"""Arrow tables in and out, over shared memory; ``bridge.quantize_arrow`` and its kin end up here.

A *layer table* has a row for each layer: its name, its weights as one list, and their shape. No
module in here imports PyArrow before a call needs it.
"""

from .entries import ArrowEntries

__all__ = ["ArrowEntries"]
