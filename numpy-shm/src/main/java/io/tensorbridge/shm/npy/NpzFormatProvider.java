package io.tensorbridge.shm.npy;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Offers {@code .npz} files to {@link io.tensorbridge.file.TensorFileFormats}. */
public final class NpzFormatProvider implements TensorFileFormatProvider {
  /** For {@link java.util.ServiceLoader}. */
  public NpzFormatProvider() {}

  @Override
  public String name() {
    return "npz";
  }

  @Override
  public List<String> extensions() {
    return List.of(".npz");
  }

  @Override
  public TensorFileFormat create() {
    return new NpzFormat();
  }
}
