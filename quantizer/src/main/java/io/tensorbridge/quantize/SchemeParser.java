package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads scheme names: the same in the command line tool, Python, Java and files. */
final class SchemeParser {
  /** Every scheme without options. */
  private static final List<QuantScheme> PLAIN =
      Stream.<QuantScheme[]>of(BlockScheme.values(), FloatScheme.values())
          .flatMap(Stream::of)
          .toList();

  /** What each family makes of its options, in the order in which people see them. */
  private static final Map<String, Function<SchemeOptions, QuantScheme>> BY_FAMILY = families();

  /** What checkpoints hold and nobody can make of weights alone. */
  private static final List<String> READ_ONLY = List.of("gptq", "awq");

  static final List<String> FAMILIES = List.copyOf(BY_FAMILY.keySet());

  private SchemeParser() {}

  private static Map<String, Function<SchemeOptions, QuantScheme>> families() {
    Map<String, Function<SchemeOptions, QuantScheme>> families = new LinkedHashMap<>();
    families.put(UniformScheme.FAMILY, UniformScheme::of);
    PLAIN.forEach(scheme -> families.put(scheme.family(), _ -> scheme));
    families.put("fp8_e4m3", options -> Fp8Scheme.of(FloatScheme.FP8_E4M3, options));
    families.put("fp8_e5m2", options -> Fp8Scheme.of(FloatScheme.FP8_E5M2, options));
    for (FourBitScheme.Kind kind : FourBitScheme.Kind.values()) {
      families.put(kind.toString(), options -> FourBitScheme.of(kind, options));
    }
    families.put(Int8Scheme.FAMILY, Int8Scheme::of);
    families.put(Int4Scheme.FAMILY, Int4Scheme::of);
    families.put(HqqScheme.FAMILY, HqqScheme::of);
    families.put(MxScheme.MXFP8, MxScheme::ofBytes);
    families.put(MxScheme.MXFP4, SchemeParser::mxfp4);
    families.put(MxScheme.MXINT8, _ -> MxScheme.ofIntegers());
    families.put(Nvfp4Scheme.FAMILY, SchemeParser::nvfp4);
    return families;
  }

  /** ggml's blocks, or codes and scales apart. */
  private static QuantScheme mxfp4(SchemeOptions options) {
    return options.choice("layout", List.of("ggml", "ocp")).equals("ggml")
        ? BlockScheme.MXFP4
        : MxScheme.ofNibbles(options);
  }

  /** ggml's blocks, or codes and two levels of scales apart. */
  private static QuantScheme nvfp4(SchemeOptions options) {
    return options.choice("layout", List.of("ggml", "two-level")).equals("ggml")
        ? BlockScheme.NVFP4
        : new Nvfp4Scheme();
  }

  static QuantScheme parse(String text) {
    String lower = text.strip().toLowerCase(Locale.ROOT);
    int colon = lower.indexOf(':');
    String family = colon < 0 ? lower : lower.substring(0, colon);
    Function<SchemeOptions, QuantScheme> scheme = BY_FAMILY.get(family);
    if (READ_ONLY.contains(family)) {
      throw new OptionException(
          ErrorCode.UNKNOWN_SCHEME,
          "scheme \"" + text + "\" needs activations to be made; its checkpoints can be read");
    }
    if (scheme == null) {
      throw new OptionException(
          ErrorCode.UNKNOWN_SCHEME,
          "scheme \"" + text + "\" is unknown; known are " + String.join(", ", FAMILIES));
    }
    SchemeOptions options =
        new SchemeOptions(family, colon < 0 ? "" : lower.substring(colon + 1));
    QuantScheme parsed = scheme.apply(options);
    options.requireNoMore();
    return parsed;
  }

  static List<String> optionsOf(String family) {
    SchemeOptions options = new SchemeOptions(family, "");
    Function<SchemeOptions, QuantScheme> scheme = BY_FAMILY.get(family);
    return scheme == null
        ? List.of()
        : options.describedAfter(scheme.apply(options));
  }

  /** The refusal of a tensor whose rows don't hold whole blocks, with the schemes that would do. */
  static TensorException notDivisible(QuantScheme scheme, Shape shape) {
    String fitting =
        PLAIN.stream()
            .filter(candidate -> candidate.fits(shape))
            .map(QuantScheme::family)
            .collect(Collectors.joining(", "));
    return new TensorException(
        ErrorCode.NOT_DIVISIBLE,
        "a row of " + shape.flattenedToMatrix().rowLength() + " elements (shape " + shape
            + ") does not divide into " + scheme + " blocks of " + scheme.blockElements()
            + "; schemes that fit: uniform, " + fitting);
  }
}
