package io.tensorbridge.batch.ops;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits, whatever the inputs are, in chunks of a millisecond: for tests of timeouts, cancellation
 * and sudden deaths.
 */
final class DelayOp implements TensorOp {
  private static final long NANOS_PER_CHUNK = 1_000_000;
  /** Makes every delay count as work for the workers, never for the dispatcher. */
  private static final long BYTES_PER_CHUNK = 1 << 20;

  @Override
  public String name() {
    return "delay";
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("millis"));
    return new Plan(millis(options.get("millis", "100")));
  }

  private static int millis(String text) {
    try {
      int millis = Integer.parseInt(text);
      if (millis >= 0) {
        return millis;
      }
    } catch (NumberFormatException notANumber) {
      // refused below
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION, "millis", "\"" + text + "\" is no number of milliseconds");
  }

  private record Plan(int millis) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public long workBytes() {
      return BYTES_PER_CHUNK * Math.max(1, millis);
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return new Run(millis, System.nanoTime());
    }
  }

  private record Run(int millis, long startNanos) implements OpRun {
    @Override
    public int chunkCount(int phase) {
      return millis;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      long end = startNanos + (chunk + 1) * NANOS_PER_CHUNK;
      for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
        LockSupport.parkNanos(left);
      }
    }
  }
}
