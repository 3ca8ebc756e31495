package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.model.SafetensorsHeader.StoredTensor;
import java.nio.file.Path;
import java.util.Map;

/**
 * How a safetensors file tells that a tensor's bytes are those of a scheme.
 *
 * <p>Two entries of {@code __metadata__} for each such tensor: {@code tensorbridge.scheme.NAME}
 * holds the scheme as its parser takes it ({@code uniform:bits=4,group=128}), {@code
 * tensorbridge.shape.NAME} the original extents separated by commas ({@code 320,4,3,3}, empty for a
 * scalar). The bytes themselves are a one-dimensional {@code U8} tensor of that name.
 */
final class SchemeMetadata {
  private static final String SCHEME_KEY = "tensorbridge.scheme.";
  private static final String SHAPE_KEY = "tensorbridge.shape.";

  private SchemeMetadata() {}

  static boolean isOurs(String key) {
    return key.startsWith(SCHEME_KEY) || key.startsWith(SHAPE_KEY);
  }

  static void put(Map<String, String> metadata, TensorEntry entry) {
    metadata.put(SCHEME_KEY + entry.name(), entry.encoding());
    StringBuilder text = new StringBuilder();
    for (long dimension : entry.shape().dimensions()) {
      text.append(text.isEmpty() ? "" : ",").append(dimension);
    }
    metadata.put(SHAPE_KEY + entry.name(), text.toString());
  }

  /** The entry of a stored tensor, with its scheme and original shape if the metadata tell them. */
  static TensorEntry restore(Path path, StoredTensor stored, Map<String, String> metadata) {
    String name = stored.name();
    long byteLength = stored.end() - stored.begin();
    String scheme = metadata.get(SCHEME_KEY + name);
    String shape = metadata.get(SHAPE_KEY + name);
    if (scheme == null || shape == null) {
      return new TensorEntry(name, stored.dtype().encoding(), stored.shape(), byteLength);
    }
    return new TensorEntry(name, scheme, parseShape(path, name, shape), byteLength);
  }

  private static Shape parseShape(Path path, String name, String text) {
    String[] words = text.isEmpty() ? new String[0] : text.split(",", -1);
    long[] dimensions = new long[words.length];
    try {
      for (int i = 0; i < words.length; i++) {
        dimensions[i] = Long.parseLong(words[i].strip());
      }
      return Shape.of(dimensions);
    } catch (NumberFormatException | BridgeException malformed) {
      throw new FormatException(
          path + ", byte " + SafetensorsHeader.PREFIX_BYTES + ": metadata " + SHAPE_KEY + name
              + " holds \"" + text + "\", which is no shape",
          SafetensorsHeader.PREFIX_BYTES,
          "a shape in " + SHAPE_KEY + "NAME");
    }
  }
}
