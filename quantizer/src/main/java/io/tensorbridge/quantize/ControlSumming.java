package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
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
 * One {@link ControlSum}. Each input is read from memory once and the result is written once: in one
 * pass where all are native memory of one dtype, else by strips, as float32 in the nearest caches.
 */
final class ControlSumming implements OpRun {
  /** Elements of a strip that is converted: 16 KiB of float32. */
  private static final int STRIP = 4096;

  private static final int NAN = 0x7fc00000;
  private static final short NAN_F16 = 0x7e00;
  private static final short NAN_BF16 = 0x7fc0;

  private static final int OVERFLOW_F16 = Float.floatToRawIntBits(65520);

  private static final int OVERFLOW_BF16 = 0x7f7f8000;

  /** One summand; its weight is not 0. */
  private record Term(String name, StoredBytes stored, DType dtype, float weight) {
    boolean isInPlace() {
      return stored instanceof StoredBytes.InPlace;
    }
  }

  private final ControlSum plan;
  private final List<Term> terms = new ArrayList<>();
  private final float[] weights;

  /** Whether kernels read all terms where they lie. */
  private final boolean isInPlace;

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
    this.weights = new float[terms.size()];
    for (int i = 0; i < terms.size(); i++) {
      this.weights[i] = terms.get(i).weight;
    }
    this.isInPlace = terms.stream().allMatch(term -> term.dtype == dtype && term.isInPlace());
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
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment whole = output.claim(0, first * size, (long) count * size, scratch);
      if (terms.isEmpty()) {
        whole.fill((byte) 0);
      } else if (isInPlace) {
        sum(first, count, whole, scratch);
      } else {
        for (int done = 0; done < count; done += STRIP) {
          int length = Math.min(STRIP, count - done);
          MemorySegment strip = whole.asSlice((long) done * size, (long) length * size);
          convert(first + done, length, strip, scratch);
        }
      }
      output.commit(0, first * size, whole);
    }
  }

  /** Adds up where all terms lie, in their own dtype. */
  private void sum(long first, int count, MemorySegment target, Scratch scratch) {
    MemorySegment[] runs = new MemorySegment[weights.length];
    for (int i = 0; i < runs.length; i++) {
      runs[i] = terms.get(i).stored.read(first, count, scratch);
    }
    if (!kernel(dtype, count).sum(runs, weights, target, count)) {
      repair(first, count, target);
    }
  }

  /** Makes float32 of all terms, adds up, and rounds. */
  private void convert(long first, int count, MemorySegment target, Scratch scratch) {
    long byteLength = (long) count * Float.BYTES;
    MemorySegment copies = scratch.restored(weights.length * byteLength);
    MemorySegment[] runs = new MemorySegment[weights.length];
    for (int i = 0; i < runs.length; i++) {
      Term term = terms.get(i);
      MemorySegment stored = term.stored.read(first, count, scratch);
      runs[i] = term.dtype == DType.F32 && term.isInPlace()
          ? stored
          : widen(term.dtype, stored, count, copies.asSlice(i * byteLength, byteLength));
    }
    MemorySegment sums = dtype == DType.F32 ? target : scratch.values(byteLength);
    boolean finite = kernel(DType.F32, count).sum(runs, weights, sums, count);
    if (dtype != DType.F32) {
      int magnitude =
          kernels
              .quantizing(format(dtype))
              .forWork(count)
              .quantize(sums, 0, target, 0, count);
      if (!finite) {
        keepNaNs(sums, target, count);
      }
      finite = magnitude < overflow();
    }
    if (!finite) {
      repair(first, count, target);
    }
  }

  private WeightedSumKernel kernel(DType dtype, int count) {
    return kernels.weightedSum(format(dtype)).forWork((long) count * weights.length);
  }

  private MemorySegment widen(
      DType from, MemorySegment stored, int count, MemorySegment values) {
    kernels.dequantizing(format(from)).forWork(count).dequantize(stored, 0, values, 0, count);
    return values;
  }

  /** The format of a dtype that can be summed. */
  static BlockFormat format(DType dtype) {
    return switch (dtype) {
      case F16 -> BlockFormat.F16;
      case BF16 -> BlockFormat.BF16;
      default -> BlockFormat.F32;
    };
  }

  /** The raw float bits of the least magnitude that is rounded to infinity. */
  private int overflow() {
    return dtype == DType.F16 ? OVERFLOW_F16 : OVERFLOW_BF16;
  }

  /** The raw bits of infinity. */
  private int infinite() {
    return switch (dtype) {
      case F16 -> 0x7c00;
      case BF16 -> 0x7f80;
      default -> 0x7f800000;
    };
  }

  /** Writes a NaN where the sum is one, which rounding to two bytes may have lost. */
  private void keepNaNs(MemorySegment sums, MemorySegment target, int count) {
    for (int i = 0; i < count; i++) {
      if (Float.isNaN(sums.get(JAVA_FLOAT_UNALIGNED, 4L * i))) {
        target.set(JAVA_SHORT_UNALIGNED, 2L * i, dtype == DType.F16 ? NAN_F16 : NAN_BF16);
      }
    }
  }

  /** Notes the first value that is not finite, and writes all NaNs alike. */
  private void repair(long first, int count, MemorySegment target) {
    int infinite = infinite();
    for (int i = count - 1; i >= 0; i--) {
      int magnitude = dtype == DType.F32
          ? target.get(JAVA_INT_UNALIGNED, 4L * i) & 0x7fffffff
          : target.get(JAVA_SHORT_UNALIGNED, 2L * i) & 0x7fff;
      if (magnitude >= infinite) {
        firstNonFinite.accumulateAndGet(first + i, Math::min);
      }
      if (magnitude > infinite) {
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
        float value =
            widen(term.dtype, stored, 1, scratch.values(Float.BYTES)).get(JAVA_FLOAT_UNALIGNED, 0);
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
