package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.Quantization;
import java.util.List;

/**
 * What becomes of one tensor in a conversion.
 *
 * @param source the tensor
 * @param treatment how its bytes are made
 * @param outputs the entries that will hold it
 * @param note why it does not become what was asked for, or empty
 */
public record TensorPlan(
    ModelTensor source, Treatment treatment, List<TensorEntry> outputs, String note) {
  /** How the bytes of a tensor are made. */
  public sealed interface Treatment {
    /**
     * By a scheme.
     *
     * @param quantization the scheme and its proof for this tensor
     */
    record Quantize(Quantization quantization) implements Treatment {}

    /** Byte for byte. */
    record Copy() implements Treatment {}

    /** From its parts to plain float32. */
    record Dequantize() implements Treatment {}
  }

  /**
   * The tensor's encoding in the output.
   *
   * @return a dtype or a scheme
   */
  public String encoding() {
    return outputs.getFirst().encoding();
  }

  /**
   * The size of all outputs.
   *
   * @return bytes
   */
  public long byteLength() {
    long sum = 0;
    for (TensorEntry output : outputs) {
      sum += output.byteLength();
    }
    return sum;
  }
}
