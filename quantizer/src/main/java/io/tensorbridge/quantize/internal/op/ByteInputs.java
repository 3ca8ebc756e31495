package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Inputs that are files or texts: bytes in one dimension. */
final class ByteInputs {
  private static final int LARGEST_TEXT = 256 << 20;

  private ByteInputs() {}

  /** Refuses inputs that are anything else, or too few or too many. */
  static void require(String operation, List<TensorType> inputs, int least, int most) {
    if (inputs.size() < least || inputs.size() > most) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          operation + " takes " + least + (least == most ? "" : " to " + most) + " tensors, not "
              + inputs.size());
    }
    for (TensorType input : inputs) {
      if (input.dtype() != DType.U8 || input.shape().rank() != 1) {
        throw new TensorException(
            ErrorCode.UNSUPPORTED_DTYPE,
            operation + " takes the bytes of files and texts, uint8 in one dimension, not "
                + input);
      }
    }
  }

  /** Copies a text. */
  static byte[] text(Tensor input) {
    MemorySegment bytes = input.data();
    if (bytes.byteSize() > LARGEST_TEXT) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, "a text of " + bytes.byteSize() + " bytes is too long");
    }
    return bytes.toArray(ValueLayout.JAVA_BYTE);
  }
}
