package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.List;

/**
 * NVIDIA's 4-bit floats with two levels of scales: 16 neighbours in a row share an 8-bit float, all
 * of the tensor a float32. The parts are {@code data} (uint8, two codes in a byte, the first one in
 * its low half), {@code scales} (uint8 of the shape {@code (rows, columns / 16)}: E4M3) and {@code
 * tensor_scale} (float32 of the shape {@code (1,)}).
 *
 * <p>{@code tensor_scale = amax / (448 * 6)}, {@code scale = e4m3(clamp(amax of the group / 6 /
 * tensor_scale, 2^-6, 448))}, {@code x = code * (tensor_scale * scale)}, as torchao 0.18 has it
 * ({@code nvfp4_quantize}), which makes NaN of tensors without any value of at least 2^-109; there
 * {@code tensor_scale} is 2^-120.
 */
public record Nvfp4Scheme() implements GroupScheme {
  static final String FAMILY = "nvfp4";

  private static final int GROUP = 16;

  @Override
  public String family() {
    return FAMILY;
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
    Shape groups = GroupGrid.ofRows(shape, GROUP).parameterShape();
    return List.of(
        new OutputSpec("data", new TensorType(DType.U8, Shape.of(elements / 2))),
        new OutputSpec("scales", new TensorType(DType.U8, groups)),
        new OutputSpec(
            "tensor_scale", new TensorType(DType.F32, Shape.of(elements == 0 ? 0 : 1))));
  }

  @Override
  public String toString() {
    return FAMILY + ":layout=two-level";
  }
}
