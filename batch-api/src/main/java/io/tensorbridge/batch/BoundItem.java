package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Tensor;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An item whose tensors are proven; immutable. */
sealed interface BoundItem {
  /** What the client wrote about the tensors that the item reads. */
  DecodedItem source();

  /** The item's weight, at least 1. */
  long workBytes();

  /** The bytes of the tensors that it reads. */
  long inputBytes();

  /** The bytes of the tensors that it writes. */
  long outputBytes();

  /**
   * Begins the item.
   *
   * @param span the submission's output span, if it has one
   * @param value where the small result goes
   * @return the execution
   * @throws BridgeException if the operation does not take the item
   */
  OpRun begin(@Nullable MemorySegment span, MemorySegment value);

  /** An item that the operation does not take; it fails when its turn comes. */
  record Refused(DecodedItem source, BridgeException failure) implements BoundItem {
    @Override
    public long workBytes() {
      return 1;
    }

    @Override
    public long inputBytes() {
      return 0;
    }

    @Override
    public long outputBytes() {
      return 0;
    }

    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      throw failure;
    }
  }

  /** An item that can run any number of times. */
  record Planned(DecodedItem source, OpPlan plan, List<Tensor> inputs,
      List<OutputPlace> outputs) implements BoundItem {
    @Override
    public long workBytes() {
      return Math.max(1, plan.workBytes());
    }

    @Override
    public long inputBytes() {
      long bytes = 0;
      for (Tensor input : inputs) {
        bytes += input.byteLength();
      }
      return bytes;
    }

    @Override
    public long outputBytes() {
      return OutputPlace.byteLength(outputs);
    }

    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      List<Tensor> tensors =
          outputs.isEmpty() ? List.of() : OutputPlace.tensors(outputs, span);
      return plan.bind(new OpMemory(inputs, tensors, value));
    }
  }

  /** An item that has waited for outputs, which it now has. */
  record Continued(
      DecodedItem source, long workBytes, Outcome.NeedsSpace waiting,
      List<OutputPlace> outputs) implements BoundItem {
    /** They were read before it waited. */
    @Override
    public long inputBytes() {
      return 0;
    }

    @Override
    public long outputBytes() {
      return OutputPlace.byteLength(outputs);
    }

    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      return waiting.resume().apply(OutputPlace.tensors(outputs, span));
    }
  }
}
