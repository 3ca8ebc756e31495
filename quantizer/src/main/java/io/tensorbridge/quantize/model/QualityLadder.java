package io.tensorbridge.quantize.model;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantScheme;
import java.util.List;
import java.util.Optional;

/**
 * The schemes of more bits that a tensor climbs until it passes its gate.
 *
 * <p>A ladder that the user gave is climbed as given; a scheme that is not on it begins at the first
 * rung of more bits. Else each scheme has its natural successors ({@link #successors}). Rungs that
 * the rows or the container can't take are passed over. At the end come f16 and, where even that
 * misses (values above 65504 become infinite), f32.
 */
final class QualityLadder {
  private final List<QuantScheme> given;
  private final TensorFileFormat container;

  QualityLadder(List<QuantScheme> given, TensorFileFormat container) {
    this.given = given;
    this.container = container;
  }

  /** The next rung, or nothing above f32. */
  Optional<QuantScheme> above(QuantScheme scheme, Shape shape) {
    if (scheme instanceof FloatScheme) {
      return scheme == FloatScheme.F32 ? Optional.empty() : Optional.of(FloatScheme.F32);
    }
    return given.isEmpty() ? natural(scheme, shape) : ofGiven(scheme, shape);
  }

  private Optional<QuantScheme> ofGiven(QuantScheme scheme, Shape shape) {
    int index = given.indexOf(scheme);
    for (QuantScheme rung : given.subList(index + 1, given.size())) {
      boolean more = index >= 0
          || (rung.fits(shape) && rung.bitsPerWeight(shape) > scheme.bitsPerWeight(shape));
      if (more && fits(rung, shape)) {
        return Optional.of(rung);
      }
    }
    return Optional.of(FloatScheme.F16);
  }

  private Optional<QuantScheme> natural(QuantScheme scheme, Shape shape) {
    for (String text : successors(scheme)) {
      if (!QuantScheme.knownFamilies().contains(text.split(":", 2)[0])) {
        continue;
      }
      QuantScheme rung = QuantScheme.parse(text);
      Optional<QuantScheme> next =
          fits(rung, shape) ? Optional.of(rung) : natural(rung, shape);
      if (next.isPresent() && next.get() != FloatScheme.F16) {
        return next;
      }
    }
    return Optional.of(FloatScheme.F16);
  }

  private boolean fits(QuantScheme scheme, Shape shape) {
    return scheme.fits(shape) && container.holds(scheme.toString());
  }

  /**
   * The table: what comes next, the first that fits is taken. More bits every time, so that nobody
   * climbs in a circle.
   */
  static List<String> successors(QuantScheme scheme) {
    String text = scheme.toString();
    return switch (scheme.family()) {
      case "uniform" ->
          text.contains("bits=2")
              ? List.of(text.replace("bits=2", "bits=4"))
              : text.contains("bits=4") ? List.of(text.replace("bits=4", "bits=8")) : List.of();
      case "q2_k" -> List.of("q3_k");
      case "q3_k" -> List.of("q4_k");
      case "q4_k" -> List.of("q5_k");
      case "q5_k" -> List.of("q6_k");
      case "q6_k" -> List.of("q8_0");
      case "q4_0" -> List.of("q4_1");
      case "q4_1", "iq4_nl", "nvfp4" -> List.of("q5_0", "int8");
      case "mxfp4" -> List.of("q5_0", "mxfp8");
      case "q5_0" -> List.of("q5_1");
      case "q5_1" -> List.of("q8_0");
      case "mxfp8" -> List.of("mxint8");
      case "nf4", "fp4", "hqq", "int4", "fp8_e4m3" -> List.of("int8");
      case "fp8_e5m2" -> List.of("fp8_e4m3");
      default -> List.of();
    };
  }
}
