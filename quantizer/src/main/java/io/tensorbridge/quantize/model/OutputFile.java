package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A model file to be written.
 *
 * @param format its format
 * @param target where it shall appear
 * @param scheme what most of it is stored as, for GGUF's file type
 * @param metadata added to that of the model, or replacing it
 * @param maxShardBytes the most that a shard holds, if the target is the index of shards
 */
record OutputFile(
    TensorFileFormat format,
    Path target,
    String scheme,
    Map<String, String> metadata,
    long maxShardBytes) {
  /** Begins the file with the metadata of the model that it comes from. */
  TensorFileWriter create(TensorFile source, List<TensorPlan> plans) {
    List<TensorEntry> entries = entries(plans);
    if (format instanceof GgufFormat) {
      return GgufWriter.create(target, entries, values(source, plans));
    }
    Map<String, String> text = text(source);
    return format instanceof SafetensorsFormat && SafetensorsFormat.isIndex(target)
        ? ShardedSafetensorsWriter.create(target, entries, text, maxShardBytes)
        : format.create(target, entries, text);
  }

  /** Places the tensors as {@link #create} does, in one file. */
  FileLayout layout(TensorFile source, List<TensorPlan> plans) {
    List<TensorEntry> entries = entries(plans);
    return format instanceof GgufFormat
        ? GgufWriter.layout(target, entries, values(source, plans))
        : SafetensorsWriter.layout(target, entries, text(source));
  }

  private Map<String, GgufValue> values(TensorFile source, List<TensorPlan> plans) {
    Map<String, GgufValue> values = OutputMetadata.values(source, plans, scheme);
    metadata.forEach((key, text) -> values.put(key, OutputMetadata.value(values, key, text)));
    return values;
  }

  private Map<String, String> text(TensorFile source) {
    Map<String, String> text = OutputMetadata.text(source);
    text.putAll(metadata);
    return text;
  }

  /** The entries of all tensors, one behind the other. */
  static List<TensorEntry> entries(List<TensorPlan> plans) {
    List<TensorEntry> entries = new ArrayList<>(plans.size());
    for (TensorPlan plan : plans) {
      entries.addAll(plan.outputs());
    }
    return entries;
  }
}
