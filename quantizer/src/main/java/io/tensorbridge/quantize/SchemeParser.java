package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads scheme names: the same in the command line tool, Python, Java and files. */
final class SchemeParser {
  /** Every scheme without options. */
  private static final List<QuantScheme> PLAIN =
      Stream.<QuantScheme[]>of(BlockScheme.values(), FloatScheme.values())
          .flatMap(Stream::of)
          .toList();

  static final List<String> FAMILIES =
      Stream.concat(Stream.of("uniform"), PLAIN.stream().map(QuantScheme::family)).toList();

  private SchemeParser() {}

  static QuantScheme parse(String text) {
    String lower = text.strip().toLowerCase(Locale.ROOT);
    int colon = lower.indexOf(':');
    String family = colon < 0 ? lower : lower.substring(0, colon);
    String options = colon < 0 ? "" : lower.substring(colon + 1);
    if (family.equals("uniform")) {
      return uniform(options);
    }
    for (QuantScheme scheme : PLAIN) {
      if (scheme.family().equals(family)) {
        if (!options.isEmpty()) {
          throw new OptionException(
              ErrorCode.BAD_OPTION, "scheme", family + " takes no options, but has " + options);
        }
        return scheme;
      }
    }
    throw new OptionException(
        ErrorCode.UNKNOWN_SCHEME,
        "scheme \"" + text + "\" is unknown; known are " + String.join(", ", FAMILIES));
  }

  private static UniformScheme uniform(String options) {
    int bits = 4;
    UniformScheme.Group group = UniformScheme.Group.TENSOR;
    boolean symmetric = false;
    List<String> seen = new ArrayList<>();
    for (String option : options.isEmpty() ? new String[0] : options.split(",", -1)) {
      int equals = option.indexOf('=');
      String key = equals < 0 ? option.strip() : option.substring(0, equals).strip();
      String value = equals < 0 ? "" : option.substring(equals + 1).strip();
      if (seen.contains(key)) {
        throw new OptionException(ErrorCode.BAD_OPTION, key, "is given twice");
      }
      seen.add(key);
      switch (key) {
        case "bits" -> bits = bits(value);
        case "group" -> group = group(value);
        case "sym" -> symmetric = flag(key, value);
        default ->
            throw new OptionException(
                ErrorCode.BAD_OPTION, key, "is unknown; uniform takes bits, group and sym");
      }
    }
    return new UniformScheme(bits, group, symmetric);
  }

  private static int bits(String value) {
    return switch (value) {
      case "2" -> 2;
      case "4" -> 4;
      case "8" -> 8;
      default ->
          throw new OptionException(
              ErrorCode.BAD_OPTION, "bits", "\"" + value + "\" is not possible; take 2, 4 or 8");
    };
  }

  private static UniformScheme.Group group(String value) {
    for (UniformScheme.Group group : UniformScheme.Group.values()) {
      if (group.toString().equals(value)) {
        return group;
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION,
        "group",
        "\"" + value + "\" is not possible; take "
            + Stream.of(UniformScheme.Group.values())
                .map(UniformScheme.Group::toString)
                .collect(Collectors.joining(", ")));
  }

  private static boolean flag(String key, String value) {
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw new OptionException(
              ErrorCode.BAD_OPTION, key, "\"" + value + "\" is not possible; take true or false");
    };
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
