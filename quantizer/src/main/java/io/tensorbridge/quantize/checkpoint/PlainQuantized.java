package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.QuantScheme;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A weight of one byte for each element beside its scales: int-quantized and float-quantized of
 * compressed-tensors ({@code W} and {@code W_scale}, maybe {@code W_zero_point}), mxfp8 (scales are
 * U8 exponents), and DeepSeek's FP8 ({@code W_scale_inv}, one for 128x128 elements, which is a factor
 * all the same).
 */
final class PlainQuantized {
  private PlainQuantized() {}

  static boolean isCode(CheckpointEntries entries, String name) {
    return entries.has(name, DType.I8)
        || entries.has(name, DType.F8_E4M3)
        || entries.has(name, DType.F8_E5M2);
  }

  static CheckpointTensor recognise(
      CheckpointEntries entries, String name, String ending, String library) {
    TensorEntry codes = entries.require(name, name);
    TensorEntry scales = entries.require(name, name + ending);
    @Nullable
    TensorEntry zeros = entries.find(name + "_zero_point");
    DType code = codes.dtype().orElseThrow();
    Shape shape = codes.shape();
    if (shape.elementCount() == 0) {
      throw CheckpointEntries.mismatch(name, codes, "elements");
    }
    DType dtype = scales.dtype().orElse(DType.BOOL);
    boolean exponents = dtype == DType.U8 && code != DType.I8;
    if (!exponents && !ScaleValues.isFloat(dtype)) {
      throw CheckpointEntries.mismatch(name, scales, "scales of a float dtype");
    }
    long rows = shape.flattenedToMatrix().dimension(0);
    long columns = shape.flattenedToMatrix().dimension(1);
    ScaleGrid grid = ScaleGrid.of(name, scales, rows, columns);
    long count = Math.ceilDiv(rows, grid.blockRows()) * grid.groups();
    if (zeros != null
        && !(zeros.dtype().equals(Optional.of(DType.I8)) && zeros.shape().elementCount() == count
            && code == DType.I8)) {
      throw CheckpointEntries.mismatch(name, zeros, count + " zero points as i8 beside i8");
    }
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      Tensor stored = mapped.tensor(codes);
      return new AffineFloats(
          shape,
          mapped.all(),
          new ByteCodes(stored.data(), columns, values(code)),
          new BlockScales(
              grid.groups(),
              grid.blockRows(),
              ScaleValues.of(mapped.tensor(scales)),
              zeros == null ? _ -> 0 : signed(mapped.tensor(zeros))),
          new ColumnGroups.Even(grid.groupColumns()),
          exponents ? Rounding.BF16 : Rounding.to(dtype));
    };
    String type = exponents ? "mxfp8" : code == DType.I8 ? "int,bits=8" : encoding(code);
    String encoding = library + ":type=" + type + ",group=" + grid.text(rows, columns)
        + (zeros == null ? "" : ",sym=false");
    List<TensorEntry> all = new ArrayList<>(List.of(codes, scales));
    if (zeros != null) {
      all.add(zeros);
    }
    CheckpointTensor tensor =
        new CheckpointTensor(name, shape, encoding, Optional.empty(), all, reading);
    Optional<QuantScheme> scheme = zeros == null
        ? SchemeOfScales.of(code, dtype, grid, rows, columns)
        : Optional.empty();
    return scheme.map(tensor::as).orElse(tensor);
  }

  private static String encoding(DType code) {
    return code == DType.F8_E4M3 ? "fp8_e4m3" : "fp8_e5m2";
  }

  private static float[] values(DType code) {
    return switch (code) {
      case I8 -> CodeValues.i8();
      case F8_E4M3 -> CodeValues.e4m3();
      case F8_E5M2 -> CodeValues.e5m2();
      default -> throw new IllegalArgumentException(code.toString());
    };
  }

  private static ScaleValues signed(Tensor zeros) {
    return index -> zeros.data().get(ValueLayout.JAVA_BYTE, index);
  }
}
