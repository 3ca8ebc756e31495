package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorEntry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Writes a model as several safetensors files and their index, as huggingface_hub splits them:
 * {@code out.safetensors.index.json} beside {@code out-00001-of-00002.safetensors} and so on;
 * thread-safe.
 *
 * <p>A shard is full when the next tensor would make it larger than the limit; a tensor that is
 * larger by itself gets a shard of its own. All files get their names at the end, the index last; if
 * one can't, those that are new go again. Shards that the replaced index named and the new one
 * doesn't are removed.
 */
public final class ShardedSafetensorsWriter implements ReadableWriter {
  /** 5 GB, as the libraries of Hugging Face have it. */
  public static final long DEFAULT_SHARD_BYTES = 5_000_000_000L;

  private final Path target;
  private final List<Path> paths;
  private final List<SafetensorsWriter> shards;
  private final AtomicFile index;
  private final int[] shardOf;
  private final int[] entryInShard;

  private ShardedSafetensorsWriter(
      Path target,
      List<Path> paths,
      List<SafetensorsWriter> shards,
      AtomicFile index,
      int[] shardOf,
      int[] entryInShard) {
    this.target = target;
    this.paths = paths;
    this.shards = shards;
    this.index = index;
    this.shardOf = shardOf;
    this.entryInShard = entryInShard;
  }

  /**
   * Begins the files.
   *
   * @param target the index; its name ends with {@code .safetensors.index.json}
   * @param entries all tensors, as {@link SafetensorsWriter} takes them
   * @param metadata text for the index and for {@code __metadata__} of each shard
   * @param maxShardBytes the size of a shard's tensors that is not exceeded without need
   * @return the writer, owned by the caller
   * @throws FormatException if two entries have one name, or the disk refuses
   */
  public static ShardedSafetensorsWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata, long maxShardBytes) {
    int[] shardOf = new int[entries.size()];
    int[] entryInShard = new int[entries.size()];
    List<List<TensorEntry>> split = split(entries, maxShardBytes, shardOf, entryInShard);
    List<Path> paths = new ArrayList<>();
    Map<String, String> weightMap = new TreeMap<>();
    long totalBytes = 0;
    for (int i = 0; i < split.size(); i++) {
      paths.add(target.resolveSibling(shardName(target, i, split.size())));
    }
    for (int i = 0; i < entries.size(); i++) {
      String shard = String.valueOf(paths.get(shardOf[i]).getFileName());
      if (weightMap.put(entries.get(i).name(), shard) != null) {
        throw new FormatException(
            target + ": two tensors are named \"" + entries.get(i).name() + "\"");
      }
      totalBytes += entries.get(i).byteLength();
    }
    List<SafetensorsWriter> shards = new ArrayList<>();
    try {
      for (int i = 0; i < split.size(); i++) {
        shards.add(SafetensorsWriter.create(paths.get(i), split.get(i), metadata));
      }
      byte[] json = ShardIndex.write(weightMap, metadata, totalBytes);
      AtomicFile index = AtomicFile.create(target, json.length);
      index.write(0, ByteBuffer.wrap(json));
      return new ShardedSafetensorsWriter(target, paths, shards, index, shardOf, entryInShard);
    } catch (RuntimeException refused) {
      shards.forEach(SafetensorsWriter::close);
      throw refused;
    }
  }

  private static List<List<TensorEntry>> split(
      List<TensorEntry> entries, long maxShardBytes, int[] shardOf, int[] entryInShard) {
    List<List<TensorEntry>> shards = new ArrayList<>();
    shards.add(new ArrayList<>());
    long bytes = 0;
    for (int i = 0; i < entries.size(); i++) {
      TensorEntry entry = entries.get(i);
      if (bytes > 0 && bytes + entry.byteLength() > maxShardBytes) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      bytes += entry.byteLength();
      shardOf[i] = shards.size() - 1;
      entryInShard[i] = shards.getLast().size();
      shards.getLast().add(entry);
    }
    return shards;
  }

  private static String shardName(Path target, int shard, int count) {
    return String.format("%s-%05d-of-%05d.safetensors", stem(target), shard + 1, count);
  }

  private static String stem(Path target) {
    String name = String.valueOf(target.getFileName());
    return name.substring(0, name.length() - SafetensorsProvider.INDEX_EXTENSION.length());
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    shards.get(shardOf[entry]).write(entryInShard[entry], byteOffset, bytes);
  }

  @Override
  public void read(int entry, long byteOffset, MemorySegment bytes) {
    shards.get(shardOf[entry]).read(entryInShard[entry], byteOffset, bytes);
  }

  @Override
  public void commit() {
    Set<Path> replaced = shardsOfReplacedIndex();
    List<Path> appeared = new ArrayList<>();
    try {
      for (int i = 0; i < shards.size(); i++) {
        boolean isNew = !Files.exists(paths.get(i));
        shards.get(i).commit();
        if (isNew) {
          appeared.add(paths.get(i));
        }
      }
      index.commit();
    } catch (BridgeException refused) {
      appeared.forEach(ShardedSafetensorsWriter::remove);
      throw refused;
    }
    paths.forEach(replaced::remove);
    replaced.forEach(ShardedSafetensorsWriter::remove);
  }

  /** Files that look like shards of this very name. */
  private Set<Path> shardsOfReplacedIndex() {
    Set<Path> old = new HashSet<>();
    if (Files.isRegularFile(target)) {
      try (FileBytes file = FileBytes.open(target)) {
        String pattern =
            Pattern.quote(stem(target)) + "-\\d{5}-of-\\d{5}\\.safetensors";
        for (String shard : ShardIndex.read(file).shards().values()) {
          if (shard.matches(pattern)) {
            old.add(target.resolveSibling(shard));
          }
        }
      } catch (BridgeException noIndex) {
        return new HashSet<>(); // whatever is replaced names no shards
      }
    }
    return old;
  }

  private static void remove(Path shard) {
    try {
      Files.deleteIfExists(shard);
    } catch (IOException refused) {
      throw FileBytes.failure(shard, "can't be removed: " + refused.getMessage(), refused);
    }
  }

  @Override
  public void close() {
    shards.forEach(SafetensorsWriter::close);
    index.close();
  }
}
