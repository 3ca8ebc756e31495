package io.tensorbridge.batch.ops;

import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.ValueRun;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Reads the first and the last element of its input and puts their bytes, one behind the other, into
 * the value: the cost of a crossing, and the proof that memory is shared. Of an empty tensor the
 * value stays zero.
 */
final class NoopOp implements TensorOp {
  @Override
  public String name() {
    return "noop";
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    Inputs.requireOne(name(), inputs, options);
    return new Plan();
  }

  private record Plan() implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public long workBytes() {
      return 1;
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return new Run(Ends.of(memory.inputs().getFirst()), memory.value());
    }

    @Override
    public Optional<ValueRun> bindValue(List<Tensor> inputs) {
      return Optional.of(Ends.of(inputs.getFirst()));
    }
  }

  private record Run(Ends ends, MemorySegment value) implements OpRun {
    @Override
    public int chunkCount(int phase) {
      return 1;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      ends.run(value, 0);
    }
  }

  /** The places of the first and the last element of a tensor; of {@code byteSize} 0 if it is empty. */
  private record Ends(MemorySegment segment, long first, long last,
      int byteSize) implements ValueRun {
    static Ends of(Tensor input) {
      TensorLayout layout = input.layout();
      if (input.shape().elementCount() == 0) {
        return new Ends(input.segment(), 0, 0, 0);
      }
      long first = layout.byteOffset();
      long last = first;
      for (int i = 0; i < layout.shape().rank(); i++) {
        last += (layout.shape().dimension(i) - 1) * layout.byteStride(i);
      }
      return new Ends(input.segment(), first, last, layout.dtype().byteSize());
    }

    @Override
    public void run(MemorySegment memory, long valueOffset) {
      Elements.copy(segment, first, memory, valueOffset, byteSize);
      Elements.copy(segment, last, memory, valueOffset + byteSize, byteSize);
    }
  }
}
