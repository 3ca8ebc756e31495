package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
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
    return false;
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    throw new UnsupportedOperationException(title());
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
