package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.GroupFormat;
import java.util.List;

/**
 * OCP microscaling: 32 neighbours in a row share a power of two. The parts are {@code data} (uint8:
 * codes in C order, a byte each, or two in a byte with the first one in the low half) and {@code
 * scales} (uint8 of the shape {@code (rows, columns / 32)}: biased exponents, 127 stands for 1, as in
 * {@code float8_e8m0fnu}).
 *
 * <p>Float elements are those of torchao 0.18 ({@code to_mx}), integers those of microxcaling.
 *
 * @param element what an element is
 * @param rounding how the exponent follows from the greatest magnitude; of integers {@link
 *     Rounding#FLOOR}
 */
public record MxScheme(Element element, Rounding rounding) implements GroupScheme {
  static final String MXFP8 = "mxfp8";
  static final String MXFP4 = "mxfp4";
  static final String MXINT8 = "mxint8";

  private static final int GROUP = 32;

  /** What an element is. */
  public enum Element {
    /** 8-bit floats with 4 bits of exponent: {@code mxfp8}. */
    E4M3("e4m3"),
    /** 8-bit floats with 5 bits of exponent: {@code mxfp8:element=e5m2}. */
    E5M2("e5m2"),
    /** 4-bit floats with 2 bits of exponent: {@code mxfp4:layout=ocp}. */
    E2M1("e2m1"),
    /** Signed bytes with 6 bits behind the point: {@code mxint8}. */
    INT8("int8");

    private final String text;

    Element(String text) {
      this.text = text;
    }

    /**
     * The element as users write it.
     *
     * @return lower case
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** How the shared exponent follows from {@code amax}, the greatest magnitude of a group. */
  public enum Rounding {
    /** The exponent of amax, as the OCP specification has it: the greatest values may be clamped. */
    FLOOR("floor"),
    /** The next exponent above amax. */
    CEIL("ceil"),
    /** The exponent of amax after rounding it to the mantissa of the element. */
    EVEN("even"),
    /** The least exponent with which amax needn't be clamped, as NVIDIA's hardware has it. */
    RCEIL("rceil");

    private final String text;

    Rounding(String text) {
      this.text = text;
    }

    /**
     * The rounding as users write it.
     *
     * @return lower case
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks that the element takes the rounding. */
  public MxScheme {
    if (element == Element.INT8 && rounding != Rounding.FLOOR) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "rounding", "of mxint8 is always floor, not " + rounding);
    }
  }

  static MxScheme ofBytes(SchemeOptions options) {
    Element element = options.choice("element", List.of(Element.E4M3, Element.E5M2));
    return new MxScheme(element, options.choice("rounding", List.of(Rounding.values())));
  }

  static MxScheme ofNibbles(SchemeOptions options) {
    return new MxScheme(Element.E2M1, options.choice("rounding", List.of(Rounding.values())));
  }

  static MxScheme ofIntegers() {
    return new MxScheme(Element.INT8, Rounding.FLOOR);
  }

  GroupFormat format() {
    return switch (element) {
      case E4M3 -> switch (rounding) {
        case FLOOR -> GroupFormat.MXFP8_E4M3_FLOOR;
        case CEIL -> GroupFormat.MXFP8_E4M3_CEIL;
        case EVEN -> GroupFormat.MXFP8_E4M3_EVEN;
        case RCEIL -> GroupFormat.MXFP8_E4M3_RCEIL;
      };
      case E5M2 -> switch (rounding) {
        case FLOOR -> GroupFormat.MXFP8_E5M2_FLOOR;
        case CEIL -> GroupFormat.MXFP8_E5M2_CEIL;
        case EVEN -> GroupFormat.MXFP8_E5M2_EVEN;
        case RCEIL -> GroupFormat.MXFP8_E5M2_RCEIL;
      };
      case E2M1 -> switch (rounding) {
        case FLOOR -> GroupFormat.MXFP4_FLOOR;
        case CEIL -> GroupFormat.MXFP4_CEIL;
        case EVEN -> GroupFormat.MXFP4_EVEN;
        case RCEIL -> GroupFormat.MXFP4_RCEIL;
      };
      case INT8 -> GroupFormat.MXINT8;
    };
  }

  @Override
  public String family() {
    return switch (element) {
      case E4M3, E5M2 -> MXFP8;
      case E2M1 -> MXFP4;
      case INT8 -> MXINT8;
    };
  }

  @Override
  public int blockElements() {
    return GROUP;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    if (!fits(shape)) {
      throw SchemeParser.notDivisible(this, shape);
    }
    long elements = shape.elementCount();
    long bytes = element == Element.E2M1 ? elements / 2 : elements;
    Shape groups = GroupGrid.ofRows(shape, GROUP).parameterShape();
    return List.of(
        new OutputSpec("data", new TensorType(DType.U8, Shape.of(bytes))),
        new OutputSpec("scales", new TensorType(DType.U8, groups)));
  }

  @Override
  public String toString() {
    String fixed = switch (element) {
      case E4M3, INT8 -> "";
      case E5M2 -> "element=e5m2";
      case E2M1 -> "layout=ocp";
    };
    String rounded = rounding == Rounding.FLOOR ? "" : "rounding=" + rounding;
    String comma = fixed.isEmpty() || rounded.isEmpty() ? "" : ",";
    String options = fixed + comma + rounded;
    return options.isEmpty() ? family() : family() + ":" + options;
  }
}
