package io.tensorbridge.quantize.model;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantScheme;

/** What a tensor becomes whose rows the wanted scheme doesn't divide. */
final class FallbackTable {
  private FallbackTable() {}

  /**
   * The first scheme that fits: llama.cpp's replacements ({@code llama-quant.cpp}, {@code
   * tensor_type_fallback}), and f16 where none does.
   */
  static QuantScheme fitting(QuantScheme wanted, Shape shape, TensorFileFormat container) {
    QuantScheme scheme = wanted;
    while (!scheme.fits(shape) || !container.holds(scheme.toString())) {
      scheme = next(scheme);
    }
    return scheme;
  }

  private static QuantScheme next(QuantScheme scheme) {
    String replacement =
        switch (scheme.family()) {
          case "q4_k" -> "q5_0";
          case "q5_k" -> "q5_1";
          case "q6_k" -> "q8_0";
          case "q2_k", "q3_k" -> "q4_0";
          default -> "f16";
        };
    return QuantScheme.knownFamilies().contains(replacement)
        ? QuantScheme.parse(replacement)
        : FloatScheme.F16;
  }
}
