package io.tensorbridge.quantize.lora;

import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a merge does to one tensor; immutable and thread-safe.
 *
 * <p>Of adapters {@code i} with the strengths {@code s_i}, in their order:
 *
 * <pre>{@code
 * W' = W + sum over i, r of f_i[row][r] * down_i[r][column]
 * f_i[row][r] = up_i[row][r] * (s_i * alpha_i / rank_i)        rounded to float32 once
 * }</pre>
 *
 * <p>All is float32 without a fused multiply-add. The products are added up from 0 by adapter, then
 * by {@code r}, and their sum is added to W at last, so that an element is the same whoever computes
 * it, with whatever else. It differs from the exact value by half a unit in the last place of W', and
 * by at most {@code (R + 2) * 2^-24 * sum |f * down|} where R is the sum of all ranks.
 *
 * <p>A DoRA ends such a sum: the rows of what is merged so far, with its own product, are brought to
 * its magnitudes. Adapters behind it begin another sum, over its result.
 */
public final class LoraDelta {
  /** A sum of products, and the magnitudes of the DoRA that ends it. */
  private record Step(LoraStage stage, Optional<MemorySegment> magnitudes) {}

  private final int adapters;
  private final List<Step> steps = new ArrayList<>();

  /**
   * Reads the factors of modules that fit the same weight.
   *
   * @param parts in the order of their adapters, with their strengths
   * @param memory gives memory that lives as long as somebody holds it
   * @throws io.tensorbridge.TensorException if an element is not finite, with the name of its module
   */
  LoraDelta(List<LoraStage.Part> parts, SegmentAllocator memory) {
    this.adapters = parts.size();
    List<LoraStage.Part> sum = new ArrayList<>();
    for (LoraStage.Part part : parts) {
      sum.add(part);
      Optional<FloatSource> magnitude = part.factors().magnitude();
      if (magnitude.isPresent()) {
        LoraStage stage = new LoraStage(sum, memory);
        steps
            .add(new Step(stage, Optional.of(magnitudes(part.factors(), magnitude.get(), memory))));
        sum.clear();
      }
    }
    if (!sum.isEmpty()) {
      steps.add(new Step(new LoraStage(sum, memory), Optional.empty()));
    }
  }

  private static MemorySegment magnitudes(
      LoraFactors factors, FloatSource magnitude, SegmentAllocator memory) {
    MemorySegment values = memory.allocate(factors.rows() * Float.BYTES, Float.BYTES);
    LoraStage.read(factors.name(), "the magnitudes", magnitude, values);
    return values;
  }

  /**
   * Begins to prepare the fastest kernel for merging, beside any work; for processes that live long.
   * The bytes of results do not depend on it.
   */
  public static void warmUp() {
    Kernels.shared().lowRank().train();
  }

  /**
   * The number of adapters that change the tensor.
   *
   * @return at least 1
   */
  public int adapterCount() {
    return adapters;
  }

  /**
   * The merged weight, computed as it is read: it never lies in memory as a whole.
   *
   * @param base the weight, of the shape that was matched
   * @return float32 of the same shape; it keeps the base and this delta
   */
  public FloatSource over(FloatSource base) {
    FloatSource merged = base;
    for (Step step : steps) {
      merged = new MergedFloats(merged, step.stage);
      if (step.magnitudes.isPresent()) {
        merged = new DoraFloats(merged, step.magnitudes.get());
      }
    }
    return merged;
  }
}
