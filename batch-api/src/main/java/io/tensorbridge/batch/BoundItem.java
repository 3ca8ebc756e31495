package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Tensor;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.ValueRun;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An item whose tensors are proven; immutable. */
sealed interface BoundItem {
  /** Where its tensors lie; of an item that goes on, the inputs that it began with. */
  ItemPlaces places();

  /** The item's weight, at least 1. */
  long workBytes();

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
  record Refused(ItemPlaces places, BridgeException failure) implements BoundItem {
    @Override
    public long workBytes() {
      return 1;
    }

    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      throw failure;
    }
  }

  /**
   * An item that can run any number of times.
   *
   * @param places of its tensors
   * @param plan of its operation
   * @param inputs what it reads
   * @param outputs where its results go
   * @param workBytes its weight
   * @param atOnce what runs it in place of {@link #begin}, if it can be run so
   */
  record Planned(
      ItemPlaces places,
      OpPlan plan,
      List<Tensor> inputs,
      List<OutputPlace> outputs,
      long workBytes,
      @Nullable ValueRun atOnce) implements BoundItem {
    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      List<Tensor> tensors =
          outputs.isEmpty() ? List.of() : OutputPlace.tensors(outputs, span);
      return plan.bind(new OpMemory(inputs, tensors, value));
    }
  }

  /** An item that has waited for outputs, which it now has; its index is that of when it began. */
  record Continued(
      ItemPlaces places, int itemIndex, long workBytes, Outcome.NeedsSpace waiting,
      List<OutputPlace> outputs) implements BoundItem {
    @Override
    public OpRun begin(@Nullable MemorySegment span, MemorySegment value) {
      return waiting.resume().apply(OutputPlace.tensors(outputs, span));
    }
  }
}
