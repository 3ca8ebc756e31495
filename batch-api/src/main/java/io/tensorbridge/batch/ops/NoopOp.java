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
import java.lang.foreign.MemorySegment;
import java.util.List;

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
      return new Run(memory.inputs().getFirst(), memory.value());
    }
  }

  private record Run(Tensor input, MemorySegment value) implements OpRun {
    @Override
    public int chunkCount(int phase) {
      return input.shape().elementCount() == 0 ? 0 : 1;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      TensorLayout layout = input.layout();
      int size = layout.dtype().byteSize();
      long first = layout.byteOffset();
      long last = first;
      for (int i = 0; i < layout.shape().rank(); i++) {
        last += (layout.shape().dimension(i) - 1) * layout.byteStride(i);
      }
      Elements.copy(input.segment(), first, value, 0, size);
      Elements.copy(input.segment(), last, value, size, size);
    }
  }
}
