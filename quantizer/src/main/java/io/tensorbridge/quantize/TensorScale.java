package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.Native;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import io.tensorbridge.quantize.internal.kernel.ValueRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The first phase of a format that has a scale of the whole tensor: whichever chunk ends last makes
 * the scale of the magnitudes that all of them found, so that it does not depend on their order.
 */
final class TensorScale {
  private final GroupCoding coding;
  private final int part;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformQuantizing();
  private final AtomicInteger chunksLeft;
  private final AtomicInteger magnitude = new AtomicInteger();

  /** What kernels read: small, native, and as long-lived as the run. */
  private final MemorySegment scale = Arena.ofAuto().allocate(Float.BYTES, Float.BYTES);

  TensorScale(
      GroupCoding coding, int part, NonFinite nonFinite, FloatSource source, Output output) {
    this.coding = coding;
    this.part = part;
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.chunksLeft = new AtomicInteger(coding.chunks().count());
  }

  /** Looks at a run of elements; each is looked at once. */
  void look(long first, int count, Scratch scratch) {
    float found = magnitude(first, count, scratch);
    magnitude.accumulateAndGet(Float.floatToRawIntBits(found), Math::max);
    if (chunksLeft.decrementAndGet() == 0) {
      scale.set(JAVA_FLOAT_UNALIGNED, 0, coding.format().tensorScale(amax()));
      MemorySegment target = output.claim(part, 0, Float.BYTES, scratch);
      target.copyFrom(scale);
      output.commit(part, 0, target);
    }
  }

  private float magnitude(long first, int count, Scratch scratch) {
    MemorySegment values = source.read(first, count, scratch);
    long range = choice.forWork(count / 2).range(values, 0, count);
    if (ValueRange.isFinite(range)) {
      return new FiniteRange(range, false, false, false).magnitude();
    }
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    return Clipping.magnitude(values, 0, count);
  }

  /** The greatest finite magnitude of the tensor, once all chunks were looked at. */
  float amax() {
    return Float.intBitsToFloat(magnitude.get());
  }

  /** The scale, once all chunks were looked at; as long as this object lives. */
  MemorySegment segment() {
    return Native.view(scale);
  }
}
