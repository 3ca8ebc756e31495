package io.tensorbridge.shm.npy;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Offers {@code .npy} files to {@link io.tensorbridge.file.TensorFileFormats}. */
public final class NpyFormatProvider implements TensorFileFormatProvider {
  /** For {@link java.util.ServiceLoader}. */
  public NpyFormatProvider() {}

  @Override
  public String name() {
    return "npy";
  }

  @Override
  public List<String> extensions() {
    return List.of(".npy");
  }

  @Override
  public TensorFileFormat create() {
    return new NpyFormat();
  }
}
