package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The products of some modules for one weight as a single one: the left factors side by side, with
 * their scales in them, and the right ones one below the other; immutable and thread-safe.
 */
final class LoraStage {
  private final int rank;
  private final long columns;

  /** Keep the memory of the views. */
  @SuppressWarnings("unused")
  private final MemorySegment factorsOwner;

  @SuppressWarnings("unused")
  private final MemorySegment matrixOwner;

  private final MemorySegment factors;
  private final MemorySegment matrix;

  /** A module and what its product is multiplied by. */
  record Part(LoraModule module, double scale) {}

  /** Of modules that fit the same weight. */
  LoraStage(List<Part> parts) {
    LoraModule first = parts.getFirst().module;
    this.rank = parts.stream().mapToInt(part -> part.module.rank()).sum();
    this.columns = first.columns();
    this.factorsOwner = Arena.ofAuto().allocate(first.rows() * rank * Float.BYTES, 64);
    this.matrixOwner = Arena.ofAuto().allocate(columns * rank * Float.BYTES, 64);
    this.factors = Native.view(factorsOwner);
    this.matrix = Native.view(matrixOwner);
    int at = 0;
    for (Part part : parts) {
      put(part, at);
      at += part.module.rank();
    }
  }

  private void put(Part part, int at) {
    LoraModule module = part.module;
    MemorySegment down = module.foldedDown().segment();
    long bytes = module.rank() * columns * Float.BYTES;
    MemorySegment.copy(down, 0, matrix, at * columns * Float.BYTES, bytes);
    Tensor up = module.up();
    for (long row = 0; row < module.rows(); row++) {
      for (int r = 0; r < module.rank(); r++) {
        long index = row * module.rank() + r;
        double value = up.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index) * part.scale;
        float factor = (float) value;
        if (!Float.isFinite(factor)) {
          throw new TensorException(
              ErrorCode.NON_FINITE,
              module.name(),
              index,
              "element " + index + " of up (B) times the scale " + part.scale
                  + " is not finite; the alpha or the strength is too large",
              null);
        }
        factors.setAtIndex(ValueLayout.JAVA_FLOAT, row * rank + at + r, factor);
      }
    }
  }

  /** Products in a value. */
  int rank() {
    return rank;
  }

  /** Elements of a row of the weight. */
  long columns() {
    return columns;
  }

  /** Native float32 {@code [rows, rank]}. */
  MemorySegment factors() {
    return factors;
  }

  /** Native float32 {@code [rank, columns]}. */
  MemorySegment matrix() {
    return matrix;
  }
}
