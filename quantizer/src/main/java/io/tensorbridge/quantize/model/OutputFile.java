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
      Map<String, GgufValue> values = OutputMetadata.values(source, plans, scheme);
      metadata.forEach((key, text) -> values.put(key, OutputMetadata.value(values, key, text)));
      return GgufWriter.create(target, entries, values);
    }
    Map<String, String> text = OutputMetadata.text(source);
    text.putAll(metadata);
    return format instanceof SafetensorsFormat && SafetensorsFormat.isIndex(target)
        ? ShardedSafetensorsWriter.create(target, entries, text, maxShardBytes)
        : format.create(target, entries, text);
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
