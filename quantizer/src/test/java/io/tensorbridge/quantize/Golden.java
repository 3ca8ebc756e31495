package io.tensorbridge.quantize;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;

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

  /**
   * A SHA-256 of {@code hashes.properties}: {@code values.TYPE} or {@code edges.TYPE}, see {@code
   * hashes.py}.
   */
  public static Optional<String> hash(String kind, String type) {
    Properties hashes = new Properties();
    try {
      hashes.load(new StringReader(new String(bytes("hashes.properties"), UTF_8)));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    return Optional.ofNullable(
        hashes.getProperty(kind + "." + type.toLowerCase(Locale.ROOT)));
  }

  /** The SHA-256 of some bytes, as {@link #hash} gives it. */
  public static String hashOf(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException failure) {
      throw new IllegalStateException(failure);
    }
  }

  /** The float32 input, in native memory. */
  public static MemorySegment input(Arena arena) {
    return values("input.f32", arena);
  }

  /** Blocks at the edges of what the rules distinguish, in native memory. */
  public static MemorySegment edges(Arena arena) {
    return values("edges.f32", arena);
  }

  private static MemorySegment values(String name, Arena arena) {
    byte[] bytes = bytes(name);
    MemorySegment input = arena.allocate(bytes.length, 64);
    return input.copyFrom(MemorySegment.ofArray(bytes));
  }
}
