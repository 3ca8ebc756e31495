package io.tensorbridge.batch;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * {@code sum}: adds the bytes of its input, which may lie in a file, and puts the float64 sum into the
 * value. With {@code late=true} the sum is an output that is asked for when the item is about to end,
 * and the bytes are read after that.
 */
final class SumProvider implements TensorOpProvider {
  static final int CHUNK_BYTES = 64 << 10;

  /** When the operation tells how far it is. */
  enum Moment {
    BIND,
    CHUNK,
    RESUME
  }

  private final Consumer<Moment> listener;

  /** Calls the listener before it reads anything at each moment. */
  SumProvider(Consumer<Moment> listener) {
    this.listener = listener;
  }

  @Override
  public String name() {
    return "sum";
  }

  @Override
  public String summary() {
    return "adds bytes";
  }

  @Override
  public TensorOp create() {
    return new TensorOp() {
      @Override
      public String name() {
        return "sum";
      }

      @Override
      public boolean takesFiles() {
        return true;
      }

      @Override
      public OpPlan plan(List<TensorType> inputs, Options options) {
        return new Plan(Boolean.parseBoolean(options.get("late", "false")));
      }
    };
  }

  private final class Plan implements OpPlan {
    private final boolean late;

    Plan(boolean late) {
      this.late = late;
    }

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
      Tensor input = memory.inputs().getFirst();
      listener.accept(Moment.BIND);
      MemorySegment.copy(input.data(), 0, MemorySegment.ofArray(new byte[16]), 0, 16);
      return late ? new Asking(input) : new Adding(input, memory.value(), Moment.CHUNK);
    }
  }

  private final class Asking implements OpRun {
    private final Tensor input;

    Asking(Tensor input) {
      this.input = input;
    }

    @Override
    public int chunkCount(int phase) {
      return 0;
    }

    @Override
    public Outcome finish() {
      TensorType type = new TensorType(DType.F64, Shape.of());
      return new Outcome.NeedsSpace(
          List.of(new OutputSpec("sum", type)),
          outputs -> new Adding(input, outputs.getFirst().data(), Moment.RESUME));
    }

    @Override
    public void runChunk(int phase, int chunk) {
      throw new AssertionError("there are no chunks");
    }
  }

  private final class Adding implements OpRun {
    private final MemorySegment data;
    private final MemorySegment target;
    private final Moment moment;
    private final AtomicLong sum = new AtomicLong();

    Adding(Tensor input, MemorySegment target, Moment moment) {
      this.data = input.data();
      this.target = target;
      this.moment = moment;
    }

    @Override
    public int chunkCount(int phase) {
      return Math.toIntExact(Math.ceilDiv(data.byteSize(), CHUNK_BYTES));
    }

    @Override
    public void runChunk(int phase, int chunk) {
      listener.accept(moment);
      long begin = (long) chunk * CHUNK_BYTES;
      byte[] copy = new byte[(int) Math.min(CHUNK_BYTES, data.byteSize() - begin)];
      MemorySegment.copy(data, begin, MemorySegment.ofArray(copy), 0, copy.length);
      for (byte each : copy) {
        sum.addAndGet(each);
      }
    }

    @Override
    public Outcome finish() {
      target.set(JAVA_DOUBLE_UNALIGNED, 0, sum.doubleValue());
      return Outcome.DONE;
    }
  }
}
