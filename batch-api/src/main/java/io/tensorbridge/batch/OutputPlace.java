package io.tensorbridge.batch;

import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where an output goes, proven to be acceptable there. */
sealed interface OutputPlace {
  /** A tensor in a region. */
  record Fixed(Tensor tensor) implements OutputPlace {}

  /** An offset within the output span of whichever submission runs the item. */
  record Relative(TensorLayout layout) implements OutputPlace {}

  /**
   * The outputs as tensors.
   *
   * @param places where they go
   * @param span the submission's output span, if it has one
   * @return tensors in the same order
   */
  static List<Tensor> tensors(List<OutputPlace> places, @Nullable MemorySegment span) {
    List<Tensor> tensors = new ArrayList<>(places.size());
    for (OutputPlace place : places) {
      tensors.add(
          switch (place) {
            case Fixed fixed -> fixed.tensor();
            case Relative relative ->
                Tensor.of(requireSpan(span), relative.layout(), Backing.SEALED);
          });
    }
    return tensors;
  }

  /** The bytes of all outputs. */
  static long byteLength(List<OutputPlace> places) {
    long bytes = 0;
    for (OutputPlace place : places) {
      bytes +=
          switch (place) {
            case Fixed fixed -> fixed.tensor().byteLength();
            case Relative relative -> relative.layout().type().byteLength();
          };
    }
    return bytes;
  }

  private static MemorySegment requireSpan(@Nullable MemorySegment span) {
    if (span == null) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW, "relative outputs need an output span");
    }
    return span;
  }
}
