package io.tensorbridge.arrow.table;

import io.tensorbridge.Shape;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What must be known of the scheme {@code uniform} to read and write tables that don't name it: its
 * text ({@code uniform:bits=4,group=128}), and how many scales a tensor has.
 */
final class UniformText {
  static final String FAMILY = "uniform";

  private static final Pattern BITS = Pattern.compile("uniform:(?:.*,)?bits=(\\d+).*");
  private static final Pattern GROUP_OF_ELEMENTS =
      Pattern.compile("uniform:(?:.*,)?group=(\\d+).*");
  private static final Pattern PER_TENSOR = Pattern.compile("uniform:bits=\\d,group=tensor");
  private static final int[] GROUPS = {32, 64, 128, 256};

  private UniformText() {}

  /** Whether a table needs no word about it: one scale and one zero point for a tensor. */
  static boolean isPlain(String scheme) {
    return PER_TENSOR.matcher(scheme).matches();
  }

  /** Whether a row leaves open which variant it is. */
  static boolean isUnnamed(String scheme) {
    return scheme.strip().equalsIgnoreCase(FAMILY);
  }

  /** The bits of a code; 0 for other schemes, and where the text doesn't tell. */
  static int bits(String scheme) {
    Matcher matcher = BITS.matcher(scheme);
    return matcher.matches() && matcher.group(1).length() < 3
        ? Integer.parseInt(matcher.group(1))
        : 0;
  }

  /**
   * The scheme that a number of scales shows.
   *
   * @return its text, or empty if no variant has so many
   */
  static String infer(int bits, Shape shape, long scales, boolean symmetric) {
    String group = group(shape, scales);
    return group.isEmpty()
        ? ""
        : String.format(Locale.ROOT, "uniform:bits=%d,group=%s%s", bits, group,
            symmetric ? ",sym=true" : "");
  }

  private static String group(Shape shape, long scales) {
    if (scales == 1 || shape.elementCount() == 0) {
      return "tensor";
    }
    Shape matrix = shape.flattenedToMatrix();
    long rows = matrix.dimension(0);
    if (scales == rows) {
      return "row";
    }
    for (int group : GROUPS) {
      if (scales % rows == 0 && scales / rows == Math.ceilDiv(matrix.dimension(1), (long) group)) {
        return Integer.toString(group);
      }
    }
    return "";
  }

  /** The shape of the scales and zero points of a tensor, if nothing else tells it. */
  static Shape parameterShape(String scheme, Shape tensor, long count) {
    if (count > 0 && GROUP_OF_ELEMENTS.matcher(scheme).matches()) {
      long rows = tensor.flattenedToMatrix().dimension(0);
      if (rows > 0 && count % rows == 0) {
        return Shape.of(rows, count / rows);
      }
    }
    return Shape.of(count);
  }
}
