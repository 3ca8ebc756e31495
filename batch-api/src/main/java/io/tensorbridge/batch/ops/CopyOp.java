package io.tensorbridge.batch.ops;

import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Copies a tensor of any strides to a row-major one: the floor of what any operation costs. */
final class CopyOp implements TensorOp {
  private static final long CHUNK_BYTES = 256 << 10;

  @Override
  public String name() {
    return "copy";
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    Inputs.requireOne(name(), inputs, options);
    return new Plan(List.of(new OutputSpec("data", inputs.getFirst())));
  }

  private record Plan(List<OutputSpec> outputs) implements OpPlan {
    @Override
    public long workBytes() {
      return Math.max(1, 2 * outputs.getFirst().type().byteLength());
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return new Run(memory.inputs().getFirst(), memory.outputs().getFirst());
    }
  }

  private record Run(Tensor input, Tensor output) implements OpRun {
    private long chunkElements() {
      return CHUNK_BYTES / input.dtype().byteSize();
    }

    @Override
    public int chunkCount(int phase) {
      return Math.toIntExact(Math.ceilDiv(input.shape().elementCount(), chunkElements()));
    }

    @Override
    public void runChunk(int phase, int chunk) {
      long begin = chunk * chunkElements();
      long count = Math.min(chunkElements(), input.shape().elementCount() - begin);
      int size = input.dtype().byteSize();
      MemorySegment target = output.data();
      if (input.isRowMajor()) {
        MemorySegment.copy(input.data(), begin * size, target, begin * size, count * size);
        return;
      }
      Elements.Cursor cursor = new Elements.Cursor(input.layout(), begin);
      for (long i = begin; i < begin + count; i++) {
        Elements.copy(input.segment(), cursor.offset(), target, i * size, size);
        cursor.next();
      }
    }
  }
}
