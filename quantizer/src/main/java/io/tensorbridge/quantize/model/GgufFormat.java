package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** GGUF files; stateless and thread-safe. */
final class GgufFormat implements TensorFileFormat {
  @Override
  public String name() {
    return GgufProvider.NAME;
  }

  @Override
  public TensorFile open(Path path) {
    return GgufFile.open(path);
  }

  @Override
  public boolean holds(String encoding) {
    return GgmlType.ofEncoding(encoding) != null;
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    metadata.forEach((key, value) -> values.put(key, new GgufValue.Text(value)));
    return GgufWriter.create(target, entries, values);
  }
}
