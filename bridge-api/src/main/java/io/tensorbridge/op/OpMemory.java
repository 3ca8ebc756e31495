package io.tensorbridge.op;

import io.tensorbridge.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The memory of one execution; it belongs to the caller.
 *
 * @param inputs the item's inputs, of the planned types and any strides
 * @param outputs row-major tensors of the planned types
 * @param value {@link #VALUE_BYTES} zeroed bytes for a small result that travels with the status
 */
public record OpMemory(List<Tensor> inputs, List<Tensor> outputs, MemorySegment value) {
  /** The size of the small result: two complex128. */
  public static final int VALUE_BYTES = 32;
}
