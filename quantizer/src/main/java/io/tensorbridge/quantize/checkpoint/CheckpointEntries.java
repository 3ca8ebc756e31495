package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The entries of an open file by name, and the refusals of those that don't match. */
final class CheckpointEntries {
  private final TensorFile file;
  private final Map<String, TensorEntry> byName = new LinkedHashMap<>();

  CheckpointEntries(TensorFile file) {
    this.file = file;
    file.entries().forEach(entry -> byName.put(entry.name(), entry));
  }

  /** The file on disk, if it is one. */
  Optional<Path> path() {
    return file.path();
  }

  /** Entries whose name has an ending, without the ending. */
  List<String> stems(String ending) {
    List<String> stems = new ArrayList<>();
    for (String name : byName.keySet()) {
      if (name.endsWith(ending)) {
        stems.add(name.substring(0, name.length() - ending.length()));
      }
    }
    return stems;
  }

  @Nullable
  TensorEntry find(String name) {
    return byName.get(name);
  }

  /** Whether there is an entry of a dtype. */
  boolean has(String name, DType dtype) {
    TensorEntry entry = byName.get(name);
    return entry != null && entry.dtype().equals(Optional.of(dtype));
  }

  /** An entry that a layout needs. */
  TensorEntry require(String tensor, String name) {
    TensorEntry entry = byName.get(name);
    if (entry == null) {
      throw broken(tensor, "all entries of a quantized tensor", "has no entry \"" + name + "\"");
    }
    return entry;
  }

  /** The bytes of a small entry. */
  byte[] read(TensorEntry entry) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, entry.byteLength()));
      MemorySegment whole = bytes.asSlice(0, entry.byteLength());
      file.read(entry.name(), 0, whole);
      return whole.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  static FormatException broken(String tensor, String rule, String found) {
    return new FormatException(
        "tensor \"" + tensor + "\" " + found + "; a checkpoint has " + rule, -1, rule);
  }

  /** The refusal of an entry that doesn't fit to the others. */
  static FormatException mismatch(String tensor, TensorEntry entry, String expected) {
    return broken(
        tensor,
        "entries that match",
        "has " + entry.encoding() + entry.shape() + " as \"" + entry.name() + "\", not "
            + expected);
  }
}
