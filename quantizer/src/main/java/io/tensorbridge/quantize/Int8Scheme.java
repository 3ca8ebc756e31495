package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.List;

/**
 * Signed bytes with a scale for each row; the parts are {@code data} (uint8, the bytes of the codes
 * in C order) and {@code scales} (float32, one for each row).
 *
 * @param rule which library's rule
 */
public record Int8Scheme(Rule rule) implements GroupScheme {
  static final String FAMILY = "int8";

  /** The four rules that libraries use. */
  public enum Rule {
    /** bitsandbytes: the stored scale is the greatest magnitude of the row. */
    BITSANDBYTES("bnb"),
    /** torchao: steps of amax / 127.5, at least 2^-23. */
    TORCHAO("torchao"),
    /** compressed-tensors: steps of amax / 127.5. */
    COMPRESSED_TENSORS("compressed-tensors"),
    /** optimum-quanto: steps of amax / 127. */
    QUANTO("quanto");

    private final String text;

    Rule(String text) {
      this.text = text;
    }

    /**
     * The rule as users write it.
     *
     * @return {@code bnb}, {@code torchao}, {@code compressed-tensors} or {@code quanto}
     */
    @Override
    public String toString() {
      return text;
    }
  }

  static Int8Scheme of(SchemeOptions options) {
    return new Int8Scheme(options.choice("rule", List.of(Rule.values())));
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    GroupGrid grid = GroupGrid.ofRows(shape);
    return List.of(
        new OutputSpec("data", new TensorType(DType.U8, Shape.of(grid.elements()))),
        new OutputSpec("scales", new TensorType(DType.F32, grid.parameterShape())));
  }

  @Override
  public String toString() {
    return rule == Rule.BITSANDBYTES ? FAMILY : FAMILY + ":rule=" + rule;
  }
}
