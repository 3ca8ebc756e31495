package io.tensorbridge.file;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import java.nio.file.Path;
import java.util.Map;

/**
 * How a format that has no room for encodings tells that a tensor's bytes are those of a scheme.
 *
 * <p>Two metadata for each such tensor: {@code tensorbridge.scheme.NAME} holds the encoding as its
 * parser takes it ({@code uniform:bits=4,group=128}), {@code tensorbridge.shape.NAME} the original
 * extents separated by commas ({@code 320,4,3,3}, empty for a scalar). The bytes themselves are a
 * one-dimensional {@code u8} tensor of that name.
 */
public final class EncodingMetadata {
  private static final String SCHEME_KEY = "tensorbridge.scheme.";
  private static final String SHAPE_KEY = "tensorbridge.shape.";

  private EncodingMetadata() {}

  /**
   * Whether a key describes how a tensor is stored, so that it must not be carried to another file.
   *
   * @param key of some metadata
   * @return true for keys that {@link #put} makes
   */
  public static boolean isOurs(String key) {
    return key.startsWith(SCHEME_KEY) || key.startsWith(SHAPE_KEY);
  }

  /**
   * Adds what tells the encoding and the shape of an entry.
   *
   * @param metadata of the file that is written
   * @param entry one that is stored as bytes
   */
  public static void put(Map<String, String> metadata, TensorEntry entry) {
    metadata.put(SCHEME_KEY + entry.name(), entry.encoding());
    StringBuilder text = new StringBuilder();
    for (long dimension : entry.shape().dimensions()) {
      text.append(text.isEmpty() ? "" : ",").append(dimension);
    }
    metadata.put(SHAPE_KEY + entry.name(), text.toString());
  }

  /**
   * What an entry was before it was stored as bytes.
   *
   * @param stored the entry as the file lists it
   * @param metadata of the file
   * @param file for the message of a failure
   * @param metadataOffset where in the file the metadata lie, for the same
   * @return the entry with its encoding and original shape, or as it is if none are told
   * @throws FormatException if the shape is none
   */
  public static TensorEntry restore(
      TensorEntry stored, Map<String, String> metadata, Path file, long metadataOffset) {
    String encoding = metadata.get(SCHEME_KEY + stored.name());
    String shape = metadata.get(SHAPE_KEY + stored.name());
    if (encoding == null || shape == null) {
      return stored;
    }
    TensorEntry entry;
    try {
      entry = new TensorEntry(stored.name(), encoding, parseShape(shape), stored.byteLength());
    } catch (NumberFormatException | BridgeException malformed) {
      throw broken(
          stored, file, metadataOffset, "a shape", "\"" + shape + "\", which is no shape");
    }
    DType dtype = entry.dtype().orElse(null);
    if (dtype != null
        && new TensorType(dtype, entry.shape()).byteLength() != stored.byteLength()) {
      throw broken(stored, file, metadataOffset, "a shape of the stored bytes",
          shape + ", which " + dtype + " fills with other than " + stored.byteLength() + " bytes");
    }
    return entry;
  }

  private static FormatException broken(
      TensorEntry stored, Path file, long metadataOffset, String rule, String found) {
    return new FormatException(
        file + ", byte " + metadataOffset + ": metadata " + SHAPE_KEY + stored.name() + " holds "
            + found,
        metadataOffset,
        rule + " in " + SHAPE_KEY + "NAME");
  }

  private static Shape parseShape(String text) {
    String[] words = text.isEmpty() ? new String[0] : text.split(",", -1);
    long[] dimensions = new long[words.length];
    for (int i = 0; i < words.length; i++) {
      dimensions[i] = Long.parseLong(words[i].strip());
    }
    return Shape.of(dimensions);
  }
}
