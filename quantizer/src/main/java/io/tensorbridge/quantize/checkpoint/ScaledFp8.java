package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.Fp8Scheme;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.List;

/**
 * FP8 with scales as DeepSeek's checkpoints have it: {@code W} (F8_E4M3) and {@code W_scale_inv}
 * (F32, one for each block of 128 rows and 128 columns), multiplied to get the values.
 */
final class ScaledFp8 implements CheckpointLayout {
  private static final String SCALE = "_scale_inv";

  @Override
  public String title() {
    return "scaled FP8";
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return scheme instanceof Fp8Scheme fp8 && fp8.scale() == Fp8Scheme.Scale.BLOCK;
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    FloatScheme type = ((Fp8Scheme) scheme).type();
    DType dtype = type == FloatScheme.FP8_E4M3 ? DType.F8_E4M3 : DType.F8_E5M2;
    TensorType scales = scheme.parts(shape).get(1).type();
    return List.of(
        new StoredEntry(
            TensorEntry.of(name, new TensorType(dtype, shape)), new StoredEntry.Content.Part(0)),
        new StoredEntry(
            TensorEntry.of(name + SCALE, scales), new StoredEntry.Content.Part(1)));
  }

  @Override
  public List<CheckpointTensor> recognise(CheckpointEntries entries) {
    List<CheckpointTensor> found = new ArrayList<>();
    for (String name : entries.stems(SCALE)) {
      if (PlainQuantized.isCode(entries, name)) {
        found.add(PlainQuantized.recognise(entries, name, SCALE, "scaled"));
      }
    }
    return found;
  }
}
