package io.tensorbridge.quantize;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;

/** The golden bytes of ggml: 80 rows of 1024 values, and what each type makes of them. */
public final class Golden {
  /** Rows of the input. */
  public static final int ROWS = 80;

  /** Columns of the input. */
  public static final int COLUMNS = 1024;

  private Golden() {}

  /** What ggml makes of the input in one of its types, named as a scheme is, in any case. */
  public static byte[] ggml(String type) {
    String lower = type.toLowerCase(Locale.ROOT);
    String name = lower.endsWith("_k") ? lower.replace("_k", "_K") : lower;
    return bytes("ggml_" + name + ".bin");
  }

  /** A file of {@code golden-ggml}. */
  public static byte[] bytes(String name) {
    return resource("/golden-ggml/" + name);
  }

  /** A file among the test resources. */
  public static byte[] resource(String path) {
    try (InputStream stream = Golden.class.getResourceAsStream(path)) {
      return Objects.requireNonNull(stream, path).readAllBytes();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  /** The float32 input, in native memory. */
  public static MemorySegment input(Arena arena) {
    byte[] bytes = bytes("input.f32");
    MemorySegment input = arena.allocate(bytes.length, 64);
    return input.copyFrom(MemorySegment.ofArray(bytes));
  }
}
