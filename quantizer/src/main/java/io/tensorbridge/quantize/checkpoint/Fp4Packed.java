package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.MxScheme;
import io.tensorbridge.quantize.Nvfp4Scheme;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The formats nvfp4-pack-quantized and mxfp4-pack-quantized of compressed-tensors: {@code W_packed}
 * (U8, two E2M1 codes in a byte), {@code W_scale} (E4M3 for 16 columns, or U8 exponents for 32) and,
 * of NVFP4, {@code W_global_scale} (F32), by which the scales are divided. The reference computes in
 * bfloat16.
 */
final class Fp4Packed {
  private static final int MX_GROUP = 32;
  private static final int NV_GROUP = 16;

  private Fp4Packed() {}

  static CheckpointTensor recognise(CheckpointEntries entries, String name) {
    TensorEntry packed = entries.require(name, name + "_packed");
    TensorEntry scales = entries.require(name, name + "_scale");
    @Nullable
    TensorEntry global = entries.find(name + "_global_scale");
    if (packed.shape().rank() != 2 || packed.shape().elementCount() == 0) {
      throw CheckpointEntries.mismatch(name, packed, "a matrix of bytes");
    }
    long rows = packed.shape().dimension(0);
    long columns = 2 * packed.shape().dimension(1);
    DType expected = global == null ? DType.U8 : DType.F8_E4M3;
    if (!scales.dtype().equals(Optional.of(expected))) {
      throw CheckpointEntries.mismatch(
          name, scales, global == null ? "u8 exponents" : "f8_e4m3 beside a global scale");
    }
    if (global != null
        && !(global.dtype().equals(Optional.of(DType.F32)) && global.shape().elementCount() == 1)) {
      throw CheckpointEntries.mismatch(name, global, "one f32");
    }
    ScaleGrid grid = ScaleGrid.of(name, scales, rows, columns);
    Shape shape = Shape.of(rows, columns);
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      ScaleValues values = ScaleValues.of(mapped.tensor(scales));
      if (global != null) {
        Tensor divisor = mapped.tensor(global);
        values = values.dividedBy(ScaleValues.of(divisor).at(0));
      }
      return new AffineFloats(
          shape,
          mapped.all(),
          new NibbleCodes(mapped.tensor(packed).data(), columns, CodeValues.e2m1(), false),
          new BlockScales(grid.groups(), grid.blockRows(), values, _ -> 0),
          new ColumnGroups.Even(grid.groupColumns()),
          Rounding.BF16);
    };
    String encoding = "compressed-tensors:type=" + (global == null ? "mxfp4" : "nvfp4")
        + ",group=" + grid.text(rows, columns);
    List<TensorEntry> all = new ArrayList<>(List.of(packed, scales));
    if (global != null) {
      all.add(global);
    }
    if (global != null && grid.blockRows() == 1 && grid.groupColumns() == NV_GROUP) {
      QuantScheme nvfp4 = new Nvfp4Scheme();
      return new CheckpointTensor(
          name, shape, nvfp4.toString(), Optional.of(nvfp4), all, reading);
    }
    CheckpointTensor tensor =
        new CheckpointTensor(name, shape, encoding, Optional.empty(), all, reading);
    return global == null && grid.blockRows() == 1 && grid.groupColumns() == MX_GROUP
        ? tensor.as(new MxScheme(MxScheme.Element.E2M1, MxScheme.Rounding.FLOOR))
        : tensor;
  }

  /** Whether an entry's dtype is that of packed E2M1. */
  static boolean isPacked(TensorEntry entry) {
    return entry.dtype().equals(Optional.of(DType.U8));
  }
}
