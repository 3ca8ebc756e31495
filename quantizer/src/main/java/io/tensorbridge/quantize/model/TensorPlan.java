package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.checkpoint.StoredEntry;
import io.tensorbridge.quantize.lora.LoraDelta;
import java.util.List;
import java.util.Optional;

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
     * @param entries how the parts lie in the outputs
     * @param delta what is merged into the values first, if anything
     */
    record Quantize(
        Quantization quantization, List<StoredEntry> entries,
        Optional<LoraDelta> delta) implements Treatment {
      /** Keeps its own list. */
      public Quantize {
        entries = List.copyOf(entries);
      }
    }

    /** Byte for byte. */
    record Copy() implements Treatment {}

    /** From its parts to plain float32. */
    record Dequantize() implements Treatment {}
  }

  /**
   * Whether a quantized tensor is quantized again, into another scheme: it loses twice.
   *
   * @return false if it becomes plain floats
   */
  public boolean losesTwice() {
    return source.isQuantized()
        && treatment instanceof Treatment.Quantize(Quantization quantization, var _, var _)
        && !(quantization.scheme() instanceof FloatScheme);
  }

  /**
   * The number of adapters that are merged into the tensor.
   *
   * @return 0 if it keeps its values
   */
  public int adapterCount() {
    return treatment instanceof Treatment.Quantize(var _, var _, Optional<LoraDelta> delta)
        ? delta.map(LoraDelta::adapterCount).orElse(0)
        : 0;
  }

  /**
   * The tensor's encoding in the output.
   *
   * @return a dtype or a scheme
   */
  public String encoding() {
    return switch (treatment) {
      case Treatment.Quantize(Quantization quantization, var _, var _) ->
          quantization.scheme().toString();
      case Treatment.Copy() -> source.encoding();
      case Treatment.Dequantize() -> "f32";
    };
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
