package io.tensorbridge.quantize.model;

import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorNames;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model in several safetensors files, opened by its {@code *.safetensors.index.json}; immutable
 * and thread-safe until it is closed.
 *
 * <p>The index decides which tensors there are; a shard's other tensors are not listed.
 */
public final class ShardedSafetensors implements PositionedFile {
  private final Map<String, SafetensorsFile> shards;
  private final Map<String, String> shardOf;
  private final Map<String, String> metadata;
  private final TensorNames names;
  private final Path index;

  private ShardedSafetensors(
      Path path, ShardIndex index, Map<String, SafetensorsFile> shards) {
    this.shards = shards;
    this.shardOf = index.shards();
    this.metadata = metadata(index, shards);
    List<TensorEntry> entries = new ArrayList<>(shardOf.size());
    for (Map.Entry<String, String> item : shardOf.entrySet()) {
      entries.add(entryIn(path, item.getKey(), item.getValue()));
    }
    this.names = new TensorNames(path, entries);
    this.index = path;
  }

  /**
   * Opens the index and every shard, and checks all rules of the formats.
   *
   * @param path the index
   * @return the open model, owned by the caller
   * @throws FormatException with the byte and the rule, or the missing file's name
   */
  public static ShardedSafetensors open(Path path) {
    ShardIndex index;
    try (FileBytes file = FileBytes.open(path)) {
      index = ShardIndex.read(file);
    }
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, String> item : index.shards().entrySet()) {
        if (!shards.containsKey(item.getValue())) {
          shards.put(item.getValue(), openShard(path, item.getKey(), item.getValue()));
        }
      }
      return new ShardedSafetensors(path, index, shards);
    } catch (RuntimeException refused) {
      shards.values().forEach(SafetensorsFile::close);
      throw refused;
    }
  }

  private static SafetensorsFile openShard(Path index, String tensor, String shard) {
    Path file = index.resolveSibling(shard);
    if (!Files.exists(file)) {
      throw FileBytes.failure(
          index, "the shard " + shard + " of tensor \"" + tensor + "\" is missing", null);
    }
    return SafetensorsFile.open(file);
  }

  /** What the index tells, and what the shards tell beside it. */
  private static Map<String, String> metadata(
      ShardIndex index, Map<String, SafetensorsFile> shards) {
    Map<String, String> metadata = new LinkedHashMap<>(index.metadata());
    for (SafetensorsFile shard : shards.values()) {
      shard.metadata().forEach(metadata::putIfAbsent);
    }
    return Collections.unmodifiableMap(metadata);
  }

  private TensorEntry entryIn(Path path, String name, String shard) {
    SafetensorsFile file = shardNamed(shard);
    try {
      return file.entry(name);
    } catch (TensorException missing) {
      throw new FormatException(
          path + ": the shard " + shard + " has no tensor \"" + name + "\"",
          -1,
          "tensors in the shards that weight_map names");
    }
  }

  private SafetensorsFile shardNamed(String shard) {
    SafetensorsFile file = shards.get(shard);
    if (file == null) {
      throw new IllegalStateException("no shard " + shard);
    }
    return file;
  }

  private SafetensorsFile fileOf(String name) {
    String shard = shardOf.get(names.entry(name).name());
    return shardNamed(shard == null ? "" : shard);
  }

  @Override
  public List<TensorEntry> entries() {
    return names.entries();
  }

  @Override
  public TensorEntry entry(String name) {
    return names.entry(name);
  }

  @Override
  public MemorySegment bytes(String name) {
    return fileOf(name).bytes(name);
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment target) {
    fileOf(name).read(name, byteOffset, target);
  }

  @Override
  public Tensor tensor(String name) {
    return fileOf(name).tensor(name);
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public Optional<Path> path() {
    return Optional.of(index);
  }

  @Override
  public void close() {
    shards.values().forEach(SafetensorsFile::close);
  }
}
