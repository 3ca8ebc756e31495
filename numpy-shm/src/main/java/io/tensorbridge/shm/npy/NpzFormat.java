package io.tensorbridge.shm.npy;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * {@code .npz} as a format of many tensors: plain dtypes as NumPy stores them, all others as bytes of
 * which {@link io.tensorbridge.file.EncodingMetadata} tells what they are.
 */
final class NpzFormat implements TensorFileFormat {
  @Override
  public String name() {
    return "npz";
  }

  @Override
  public TensorFile open(Path path) {
    return NpzFile.open(path);
  }

  @Override
  public boolean holds(String encoding) {
    return true;
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    return NpzWriter.create(target, entries, metadata);
  }
}
