package io.tensorbridge.batch.ops;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Flat C-order indices of the elements that are not zero, like {@code numpy.flatnonzero}.
 *
 * <p>How many there are is known only after counting, so every item ends in {@link
 * Outcome.NeedsSpace} and then writes, without counting again.
 */
final class NonzeroOp implements TensorOp {
  private static final long CHUNK_ELEMENTS = 64 << 10;

  @Override
  public String name() {
    return "nonzero";
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    Inputs.requireOne(name(), inputs, options);
    return new Plan(inputs.getFirst());
  }

  private record Plan(TensorType input) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public long workBytes() {
      return Math.max(1, input.byteLength());
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return new Count(memory.inputs().getFirst());
    }
  }

  private static int chunks(Tensor input) {
    return Math.toIntExact(Math.ceilDiv(input.shape().elementCount(), CHUNK_ELEMENTS));
  }

  private static long chunkEnd(Tensor input, int chunk) {
    return Math.min((chunk + 1) * CHUNK_ELEMENTS, input.shape().elementCount());
  }

  /** Counts the elements of each chunk. */
  private static final class Count implements OpRun {
    private final Tensor input;
    private final long[] counts;

    Count(Tensor input) {
      this.input = input;
      this.counts = new long[chunks(input)];
    }

    @Override
    public int chunkCount(int phase) {
      return counts.length;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      long begin = chunk * CHUNK_ELEMENTS;
      Elements.Cursor cursor = new Elements.Cursor(input.layout(), begin);
      long count = 0;
      for (long i = begin; i < chunkEnd(input, chunk); i++) {
        if (Elements.isNonzero(input.segment(), cursor.offset(), input.dtype())) {
          count++;
        }
        cursor.next();
      }
      counts[chunk] = count;
    }

    @Override
    public Outcome finish() {
      long[] starts = new long[counts.length + 1];
      for (int i = 0; i < counts.length; i++) {
        starts[i + 1] = starts[i] + counts[i];
      }
      TensorType type = new TensorType(DType.I64, Shape.of(starts[counts.length]));
      return new Outcome.NeedsSpace(
          List.of(new OutputSpec("indices", type)),
          outputs -> new Write(input, starts, outputs.getFirst().data()));
    }
  }

  /** Writes the indices of each chunk where the counts say. */
  private static final class Write implements OpRun {
    private final Tensor input;
    private final long[] starts;
    private final MemorySegment indices;

    Write(Tensor input, long[] starts, MemorySegment indices) {
      this.input = input;
      this.starts = starts;
      this.indices = indices;
    }

    @Override
    public int chunkCount(int phase) {
      return starts.length - 1;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      long begin = chunk * CHUNK_ELEMENTS;
      Elements.Cursor cursor = new Elements.Cursor(input.layout(), begin);
      long at = starts[chunk];
      for (long i = begin; i < chunkEnd(input, chunk); i++) {
        if (Elements.isNonzero(input.segment(), cursor.offset(), input.dtype())) {
          requireUnchanged(at < starts[chunk + 1]);
          indices.setAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, at++, i);
        }
        cursor.next();
      }
      requireUnchanged(at == starts[chunk + 1]);
    }

    /** The client can still write its memory; the count of before is what there is room for. */
    private static void requireUnchanged(boolean unchanged) {
      if (!unchanged) {
        throw new TensorException(
            ErrorCode.TENSOR_FAILED,
            "the tensor was changed between counting and writing; keep it until the result is"
                + " there");
      }
    }
  }
}
