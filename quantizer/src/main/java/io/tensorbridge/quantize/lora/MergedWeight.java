package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A weight with the products of factors added that lie in tensors of the caller; thread-safe.
 *
 * <p>The factors and their strengths are read when the first values are, and kept until {@link
 * #close()}; what is added, and in which order, is told by {@link LoraDelta}. A part of the strength
 * 0 changes nothing, also if it is a DoRA.
 */
public final class MergedWeight extends FloatSource implements AutoCloseable {
  private final FloatSource base;
  private final Tensor strengths;
  private final List<LoraFactors> parts;
  private @Nullable FactorMemory memory;
  private volatile @Nullable FloatSource merged;

  /**
   * A weight that reads nothing yet.
   *
   * @param base the weight
   * @param strengths float64, one for each part
   * @param parts in the order in which they are merged, each of the weight's rows and columns
   * @param inputs the tensors that all of these read; those of mapped files are watched
   */
  public MergedWeight(
      FloatSource base, Tensor strengths, List<LoraFactors> parts, List<Tensor> inputs) {
    super(new TensorType(DType.F32, base.type().shape()), inputs);
    this.base = base;
    this.strengths = strengths;
    this.parts = List.copyOf(parts);
  }

  /**
   * The memory that the factors of a weight take while it is in work.
   *
   * @param parts of one weight
   * @return bytes
   */
  public static long factorBytes(List<LoraFactors> parts) {
    return LoraStage.byteLength(parts);
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    FloatSource source = merged;
    (source == null ? merge() : source).read(first, values);
  }

  private synchronized FloatSource merge() {
    FloatSource known = merged;
    if (known != null) {
      return known;
    }
    List<LoraStage.Part> used = new ArrayList<>(parts.size());
    for (int i = 0; i < parts.size(); i++) {
      double strength = strengths.getDouble(i);
      if (!Double.isFinite(strength)) {
        throw new TensorException(
            ErrorCode.NON_FINITE, "strength " + i + " is " + strength + "; it must be finite");
      }
      if (strength != 0) {
        used.add(new LoraStage.Part(parts.get(i), strength));
      }
    }
    FloatSource source = used.isEmpty() ? base : stage(used).over(base);
    merged = source;
    return source;
  }

  private LoraDelta stage(List<LoraStage.Part> used) {
    FactorMemory borrowed = FactorMemory.borrow(LoraStage.byteLength(parts));
    try {
      LoraDelta delta = new LoraDelta(used, borrowed.allocator());
      memory = borrowed;
      return delta;
    } catch (TensorException refused) {
      borrowed.close();
      throw refused.tensorName().isEmpty()
          ? refused
          : new TensorException(
              refused.code(),
              "",
              refused.elementIndex(),
              refused.tensorName() + ": " + refused.reason(),
              refused);
    }
  }

  /** Gives up the memory of the factors; values must not be read any more. */
  @Override
  public synchronized void close() {
    FactorMemory borrowed = memory;
    if (borrowed != null) {
      memory = null;
      merged = null;
      borrowed.close();
    }
  }
}
