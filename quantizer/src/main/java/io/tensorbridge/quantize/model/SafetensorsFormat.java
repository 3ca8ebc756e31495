package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Safetensors files, and models sharded over several; stateless and thread-safe. */
final class SafetensorsFormat implements TensorFileFormat {
  @Override
  public String name() {
    return SafetensorsProvider.NAME;
  }

  @Override
  public TensorFile open(Path path) {
    return isIndex(path)
        ? ShardedSafetensors.open(path)
        : SafetensorsFile.open(path);
  }

  @Override
  public boolean holds(String encoding) {
    return SafetensorsDtype.ofEncoding(encoding) != null || GgmlType.ofEncoding(encoding) == null;
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    return isIndex(target)
        ? ShardedSafetensorsWriter.create(
            target, entries, metadata, ShardedSafetensorsWriter.DEFAULT_SHARD_BYTES)
        : SafetensorsWriter.create(target, entries, metadata);
  }

  static boolean isIndex(Path path) {
    return path.toString().endsWith(SafetensorsProvider.INDEX_EXTENSION);
  }
}
