package io.tensorbridge.shm.npy;

import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** {@code .npy} as a format of one tensor; metadata have no place in it and are dropped. */
final class NpyFormat implements TensorFileFormat {
  @Override
  public String name() {
    return "npy";
  }

  @Override
  public TensorFile open(Path path) {
    return NpyFile.open(path);
  }

  @Override
  public boolean holds(String encoding) {
    return PlainTypes.holds(encoding);
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    if (entries.size() != 1) {
      throw new FormatException(
          target + ": .npy holds one tensor, not " + entries.size() + "; choose .npz");
    }
    return NpyWriter.create(target, PlainTypes.require(target, entries.getFirst()));
  }
}
