package io.tensorbridge.arrow.flight;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Multiplies float32 by an option. Refuses negative first elements; keeps only the elements before the
 * first zero if told so, which it knows late; gives the first element as value if told so; waits for the
 * test if told so.
 */
final class ScaleOp implements TensorOp, TensorOpProvider {
  /** Open when an operation waits. */
  final CountDownLatch waiting = new CountDownLatch(1);
  /** Opened by the test, so that it goes on. */
  final CountDownLatch awaited = new CountDownLatch(1);

  @Override
  public String name() {
    return "scale";
  }

  @Override
  public String summary() {
    return "multiplies \"float32\"";
  }

  @Override
  public TensorOp create() {
    return this;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("by", "until_zero", "value", "wait"));
    if (options.get("wait") != null) {
      await();
    }
    TensorType type = inputs.getFirst();
    if (type.shape().rank() == 3) {
      throw new TensorException(ErrorCode.BAD_SHAPE, "three dimensions");
    }
    float factor = Float.parseFloat(options.get("by", "1"));
    boolean late = options.get("until_zero") != null;
    boolean value = options.get("value") != null;
    List<OutputSpec> outputs =
        late || value ? List.of() : List.of(new OutputSpec("scaled", type));
    return new OpPlan() {
      @Override
      public List<OutputSpec> outputs() {
        return outputs;
      }

      @Override
      public long workBytes() {
        return 1 + type.byteLength();
      }

      @Override
      public String label() {
        return "by " + factor;
      }

      @Override
      public OpRun bind(OpMemory memory) {
        if (value) {
          return new Run(memory, 0, factor) {
            @Override
            public void runChunk(int phase, int chunk) {
              memory.value().set(ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, first(memory) * factor);
            }
          };
        }
        return late ? new LateRun(memory, factor) : new Run(memory, outputLength(memory), factor);
      }
    };
  }

  private void await() {
    waiting.countDown();
    try {
      if (!awaited.await(20, TimeUnit.SECONDS)) {
        throw new TensorException(ErrorCode.BAD_OPTION, "nobody opened the latch");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static long outputLength(OpMemory memory) {
    return memory.inputs().getFirst().shape().elementCount();
  }

  private static double first(OpMemory memory) {
    double first = memory.inputs().getFirst().data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    if (first < 0) {
      throw new TensorException(ErrorCode.NON_FINITE, "begins with " + first);
    }
    return first;
  }

  private static class Run implements OpRun {
    private final OpMemory memory;
    private final long count;
    private final float factor;

    Run(OpMemory memory, long count, float factor) {
      this.memory = memory;
      this.count = count;
      this.factor = factor;
    }

    @Override
    public int chunkCount(int phase) {
      return 1;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      first(memory);
      for (long i = 0; i < count; i++) {
        float element =
            memory.inputs().getFirst().data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i);
        memory.outputs().getFirst().data()
            .set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, element * factor);
      }
    }
  }

  private record LateRun(OpMemory memory, float factor) implements OpRun {
    @Override
    public int chunkCount(int phase) {
      return 0;
    }

    @Override
    public void runChunk(int phase, int chunk) {}

    @Override
    public Outcome finish() {
      long count = 0;
      while (count < outputLength(memory)
          && memory.inputs().getFirst().data().get(ValueLayout.JAVA_FLOAT_UNALIGNED,
              4 * count) != 0) {
        count++;
      }
      TensorType type = new TensorType(memory.inputs().getFirst().dtype(), Shape.of(count));
      long kept = count;
      return new Outcome.NeedsSpace(List.of(new OutputSpec("kept", type)),
          outputs -> new Run(
              new OpMemory(memory.inputs(), outputs, memory.value()), kept, factor));
    }
  }
}
