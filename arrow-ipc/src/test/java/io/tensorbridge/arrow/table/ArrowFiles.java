package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The files that make_files.py made, and bytes for tests. */
final class ArrowFiles {
  private ArrowFiles() {}

  static Path folder(String name) {
    try {
      return Path.of(ArrowFiles.class.getResource("/arrow/" + name).toURI());
    } catch (URISyntaxException impossible) {
      throw new AssertionError(impossible);
    }
  }

  static Path golden(String name) {
    return folder("golden").resolve(name + ".arrow");
  }

  static List<Path> in(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Bytes that differ from tensor to tensor. */
  static MemorySegment bytes(Arena arena, long length, int seed) {
    MemorySegment segment = arena.allocate(Math.max(1, length)).asSlice(0, length);
    for (long i = 0; i < length; i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 31 + seed));
    }
    return segment;
  }

  /** Fills every entry with {@link #bytes} of its index, the last first, in two pieces. */
  static void fill(TensorFileWriter writer, List<TensorEntry> entries) {
    try (Arena arena = Arena.ofConfined()) {
      for (int i = entries.size() - 1; i >= 0; i--) {
        MemorySegment bytes = bytes(arena, entries.get(i).byteLength(), i);
        long half = bytes.byteSize() / 2;
        writer.write(i, half, bytes.asSlice(half));
        writer.write(i, 0, bytes.asSlice(0, half));
      }
      writer.commit();
    }
  }

  static void requireFilled(TensorFile file, List<TensorEntry> entries) {
    assertThat(file.entries()).containsExactlyElementsOf(entries);
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment expected = bytes(arena, entries.get(i).byteLength(), i);
        assertThat(file.bytes(entries.get(i).name()).mismatch(expected)).isEqualTo(-1);
      }
    }
  }

  static float[] floats(TensorFile file, String name) {
    return file.bytes(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }
}
