package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.DynamicMap;
import java.util.ArrayList;
import java.util.List;

/**
 * bitsandbytes' codes of four bits: a value of 16 that a code book holds, times the greatest
 * magnitude of its block. Blocks run over all elements in C order, whatever the rows are; the last
 * may be shorter.
 *
 * <p>The parts are
 *
 * <ul>
 *   <li>{@code data}: {@code ceil(elements / 2)} bytes, the first code of each pair in the high
 *       nibble; beside an odd last one stands the code of 0;
 *   <li>{@code scales}: a float32 for each block; with double quantization a byte for each block, in
 *       bitsandbytes' dynamic map;
 *   <li>with double quantization {@code nested_scales}, a float32 for each 256 blocks, and {@code
 *       nested_offset}, one float32 that was taken from all scales before: their mean, summed as
 *       doubles in the order of the blocks and rounded once, so that it does not depend on threads.
 *       bitsandbytes sums float32 in an order that depends on the processor, and may differ by the
 *       last bits.
 * </ul>
 *
 * @param kind the code book
 * @param block elements of a block: a power of two from 32 to 4096
 * @param isDouble whether scales are quantized as well
 */
public record FourBitScheme(Kind kind, int block, boolean isDouble) implements GroupScheme {
  private static final List<Integer> BLOCKS = List.of(32, 64, 128, 256, 512, 1024, 2048, 4096);
  private static final int DEFAULT_BLOCK = 64;

  /** The code books. */
  public enum Kind {
    /** Quantiles of the normal distribution. */
    NF4("nf4"),
    /** Floats with two bits of exponent and one of mantissa. */
    FP4("fp4");

    private final String text;

    Kind(String text) {
      this.text = text;
    }

    /**
     * The code book as users write it.
     *
     * @return {@code nf4} or {@code fp4}
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks the block. */
  public FourBitScheme {
    if (!BLOCKS.contains(block)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "block", block + " is not possible; take one of " + BLOCKS);
    }
  }

  static FourBitScheme of(Kind kind, SchemeOptions options) {
    return new FourBitScheme(
        kind, options.choice("block", BLOCKS, DEFAULT_BLOCK), options.flag("double", false));
  }

  @Override
  public String family() {
    return kind.toString();
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    GroupGrid grid = GroupGrid.flat(shape, block);
    List<OutputSpec> parts = new ArrayList<>(4);
    long bytes = Math.ceilDiv(grid.elements(), 2);
    parts.add(new OutputSpec("data", new TensorType(DType.U8, Shape.of(bytes))));
    DType scale = isDouble ? DType.U8 : DType.F32;
    parts.add(new OutputSpec("scales", new TensorType(scale, grid.parameterShape())));
    if (isDouble) {
      Shape nested = Shape.of(Math.ceilDiv(grid.groups(), DynamicMap.BLOCK));
      Shape offset = Shape.of(grid.elements() == 0 ? 0 : 1);
      parts.add(new OutputSpec("nested_scales", new TensorType(DType.F32, nested)));
      parts.add(new OutputSpec("nested_offset", new TensorType(DType.F32, offset)));
    }
    return List.copyOf(parts);
  }

  @Override
  public String toString() {
    List<String> options = new ArrayList<>(2);
    if (block != DEFAULT_BLOCK) {
      options.add("block=" + block);
    }
    if (isDouble) {
      options.add("double=true");
    }
    return options.isEmpty() ? family() : family() + ":" + String.join(",", options);
  }
}
