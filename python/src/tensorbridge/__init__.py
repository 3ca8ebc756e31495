"""Hand tensors to Java and back without copying them, in batches."""

__version__ = "0.1.0"
