package io.tensorbridge.arrow.table;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Tables of layers; loads nothing of Arrow before a file is opened or begun. */
final class LayerTableFormat implements TensorFileFormat {
  @Override
  public String name() {
    return LayerTableProvider.NAME;
  }

  @Override
  public TensorFile open(Path path) {
    return LayerTableFile.open(path);
  }

  /** Everything: a row names its encoding. */
  @Override
  public boolean holds(String encoding) {
    return true;
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    return LayerTableWriter.create(target, entries, metadata);
  }
}
