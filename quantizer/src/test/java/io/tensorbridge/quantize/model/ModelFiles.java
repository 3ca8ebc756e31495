package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The test files, and copies of files tensor by tensor. */
final class ModelFiles {
  private ModelFiles() {}

  static Path resource(String name) {
    URL url = ModelFiles.class.getResource("/model-files/" + name);
    if (url == null) {
      throw new IllegalArgumentException(name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException impossible) {
      throw new IllegalArgumentException(impossible);
    }
  }

  static Stream<Path> resources(String folder) {
    try (Stream<Path> files = Files.list(resource(folder))) {
      return files.sorted().toList().stream();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** The rule that a hostile file breaks, as its name tells it. */
  static String ruleOf(Path hostile) {
    String name = String.valueOf(hostile.getFileName());
    String stem = name.substring(0, name.indexOf('.'));
    int variant = stem.indexOf("--");
    return variant < 0 ? stem : stem.substring(0, variant);
  }

  static String slug(String rule) {
    String words = rule.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return words.replaceAll("^-|-$", "");
  }

  static void copy(TensorFile source, List<TensorEntry> entries, TensorFileWriter writer) {
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        TensorEntry entry = entries.get(i);
        MemorySegment bytes = arena.allocate(Math.max(1, entry.byteLength()));
        MemorySegment whole = bytes.asSlice(0, entry.byteLength());
        source.read(entry.name(), 0, whole);
        writer.write(i, 0, whole);
      }
    }
  }

  static List<Path> filesIn(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  static MemorySegment bytes(Arena arena, int... values) {
    MemorySegment segment = arena.allocate(Math.max(1, values.length));
    for (int i = 0; i < values.length; i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, (byte) values[i]);
    }
    return segment.asSlice(0, values.length);
  }
}
