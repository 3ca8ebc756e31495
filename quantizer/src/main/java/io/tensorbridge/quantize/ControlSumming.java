package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.WeightedSumKernel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One {@link ControlSum}: chunks by strips that stay in the first-level cache, so that each input is
 * read from memory once and the result is written once.
 */
final class ControlSumming implements OpRun {
  /** Elements of a strip: 16 KiB of float32. */
  private static final int STRIP = 4096;

  private static final int INFINITE = 0x7f800000;
  private static final int NAN = 0x7fc00000;
  private static final short NAN_F16 = 0x7e00;
  private static final short NAN_BF16 = 0x7fc0;

  /** Raw float bits of the least magnitudes that are rounded to infinity. */
  private static final int OVERFLOW_F16 = Float.floatToRawIntBits(65520);

  private static final int OVERFLOW_BF16 = 0x7f7f8000;

  /** One summand; its weight is not 0. */
  private record Term(String name, StoredBytes stored, DType dtype, float weight) {}

  private final ControlSum plan;
  private final List<Term> terms = new ArrayList<>();
  private final DType dtype;
  private final long elements;
  private final Output output;
  private final Kernels kernels = Kernels.shared();

  /** The least index of a value that is not finite. */
  private final AtomicLong firstNonFinite = new AtomicLong(Long.MAX_VALUE);

  ControlSumming(ControlSum plan, float[] weights, List<Tensor> tensors, Tensor target) {
    this.plan = plan;
    this.dtype = target.dtype();
    this.elements = target.shape().elementCount();
    this.output = Output.to(List.of(target));
    int firstResidual = tensors.size() - weights.length;
    switch (plan.base()) {
      case INPUT -> add(1, tensors.get(1), 1);
      case OUTPUT -> add(0, target, 1);
      case NONE -> {
        // the first residual begins
      }
    }
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] != 0) {
        add(firstResidual + i, tensors.get(firstResidual + i), weights[i]);
      }
    }
  }

  private void add(int input, Tensor tensor, float weight) {
    terms.add(
        new Term(
            ControlSum.name(plan.base(), input), StoredBytes.of(tensor, 0), tensor.dtype(),
            weight));
  }

  @Override
  public int chunkCount(int phase) {
    return Math.toIntExact(Math.ceilDiv(elements, Scratch.CHUNK_ELEMENTS));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long first = (long) chunk * Scratch.CHUNK_ELEMENTS;
    int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, elements - first);
    int size = dtype.byteSize();
    WeightedSumKernel kernel =
        kernels.weightedSum().forWork((long) count * Math.max(1, terms.size()));
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment whole = output.claim(0, first * size, (long) count * size, scratch);
      for (int done = 0; done < count; done += STRIP) {
        int length = Math.min(STRIP, count - done);
        MemorySegment strip = whole.asSlice((long) done * size, (long) length * size);
        sum(kernel, first + done, length, strip, scratch);
      }
      output.commit(0, first * size, whole);
    }
  }

  private void sum(
      WeightedSumKernel kernel, long first, int count, MemorySegment target, Scratch scratch) {
    MemorySegment sums =
        dtype == DType.F32 ? target : scratch.values((long) count * Float.BYTES);
    boolean begun = false;
    int magnitude = 0;
    for (Term term : terms) {
      MemorySegment stored = term.stored.read(first, count, scratch);
      boolean zero = isZero(stored);
      if (zero && begun && term.weight < 0) {
        continue; // -0 changes no sum
      }
      MemorySegment values = zero && term.dtype != DType.F32
          ? zeros(count, scratch)
          : widen(term.dtype, stored, count, scratch);
      magnitude = begun
          ? kernel.add(sums, 0, values, 0, term.weight, count)
          : kernel.begin(sums, 0, values, 0, term.weight, count);
      begun = true;
    }
    if (!begun) {
      sums.fill((byte) 0);
    }
    narrow(sums, target, count);
    if (magnitude >= overflow()) {
      repair(first, count, sums, target);
    }
  }

  /** Looks at whole words, to the first that is not zero: of most residuals that is the first. */
  private static boolean isZero(MemorySegment stored) {
    long end = stored.byteSize() & -Long.BYTES;
    for (long at = 0; at < end; at += Long.BYTES) {
      if (stored.get(JAVA_LONG_UNALIGNED, at) != 0) {
        return false;
      }
    }
    for (long at = end; at < stored.byteSize(); at += Short.BYTES) {
      if (stored.get(JAVA_SHORT_UNALIGNED, at) != 0) {
        return false;
      }
    }
    return true;
  }

  private static MemorySegment zeros(int count, Scratch scratch) {
    return scratch.restored((long) count * Float.BYTES).fill((byte) 0);
  }

  private MemorySegment widen(DType from, MemorySegment stored, int count, Scratch scratch) {
    if (from == DType.F32) {
      return stored;
    }
    MemorySegment values = scratch.restored((long) count * Float.BYTES);
    kernels.dequantizing(format(from)).forWork(count).dequantize(stored, 0, values, 0, count);
    return values;
  }

  private void narrow(MemorySegment sums, MemorySegment target, int count) {
    if (dtype != DType.F32) {
      kernels.quantizing(format(dtype)).forWork(count).quantize(sums, 0, target, 0, count);
    }
  }

  /** The format that converts a dtype of two bytes. */
  static BlockFormat format(DType dtype) {
    return dtype == DType.F16 ? BlockFormat.F16 : BlockFormat.BF16;
  }

  private int overflow() {
    return switch (dtype) {
      case F16 -> OVERFLOW_F16;
      case BF16 -> OVERFLOW_BF16;
      default -> INFINITE;
    };
  }

  /** Notes the first value that is not finite, and writes all NaNs alike. */
  private void repair(long first, int count, MemorySegment sums, MemorySegment target) {
    for (int i = count - 1; i >= 0; i--) {
      int magnitude = sums.get(JAVA_INT_UNALIGNED, 4L * i) & 0x7fffffff;
      if (magnitude >= overflow()) {
        firstNonFinite.accumulateAndGet(first + i, Math::min);
      }
      if (magnitude > INFINITE) {
        switch (dtype) {
          case F16 -> target.set(JAVA_SHORT_UNALIGNED, 2L * i, NAN_F16);
          case BF16 -> target.set(JAVA_SHORT_UNALIGNED, 2L * i, NAN_BF16);
          default -> target.set(JAVA_INT_UNALIGNED, 4L * i, NAN);
        }
      }
    }
  }

  @Override
  public Outcome finish() {
    long index = firstNonFinite.get();
    if (index != Long.MAX_VALUE && plan.overflow() == ControlSum.Overflow.ERROR) {
      throw new TensorException(
          ErrorCode.NON_FINITE,
          "",
          index,
          "element " + index + " of the sum is not finite as " + dtype.numpyName() + ": "
              + cause(index) + "; repair it, or sum with nonfinite=keep",
          null);
    }
    return Outcome.DONE;
  }

  private String cause(long index) {
    try (Scratch scratch = Scratch.borrow()) {
      int firstIntact = plan.base() == ControlSum.Base.OUTPUT ? 1 : 0;
      for (Term term : terms.subList(firstIntact, terms.size())) {
        MemorySegment stored = term.stored.read(index, 1, scratch);
        float value = widen(term.dtype, stored, 1, scratch).get(JAVA_FLOAT_UNALIGNED, 0);
        if (!Float.isFinite(value)) {
          return term.name + " is " + (Float.isNaN(value) ? "NaN" : "infinite") + " there";
        }
      }
    }
    return plan.base() == ControlSum.Base.OUTPUT
        ? "the base was not finite there, or the sum is too large"
        : "the sum is too large";
  }
}
