package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorNames;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A model of which only the names, dtypes and shapes are known; immutable and thread-safe. As text:
 *
 * <pre>{@code
 * {"tensors": [{"name": "a.weight", "dtype": "f32", "shape": [320, 4, 3, 3]}, ...]}
 * }</pre>
 *
 * A tensor without a dtype is {@code f32}; other members are passed over.
 */
public final class ModelTable implements TensorFile {
  private static final Path NAME = Path.of("the table");
  private static final String RULE = "names, dtypes and shapes of tensors";

  private final TensorNames names;

  private ModelTable(List<TensorEntry> entries) {
    this.names = new TensorNames(NAME, entries);
  }

  /**
   * Reads a table.
   *
   * @param json the text, UTF-8
   * @return the table
   * @throws FormatException if the text is malformed, a dtype is unknown, or a name comes twice
   */
  public static ModelTable parse(byte[] json) {
    try (JsonParser parser = JsonText.factory(Math.max(1, json.length)).createParser(json)) {
      List<TensorEntry> entries = new ArrayList<>();
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw broken("is no JSON object");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        if (key.equals("tensors")) {
          readTensors(parser, entries);
        } else {
          parser.skipChildren();
        }
      }
      return new ModelTable(entries);
    } catch (IOException malformed) {
      throw broken("has malformed JSON: " + malformed.getMessage());
    }
  }

  private static void readTensors(JsonParser parser, List<TensorEntry> entries)
      throws IOException {
    Set<String> seen = new HashSet<>();
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw broken("has no list of tensors");
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      TensorEntry entry = readTensor(parser);
      if (!seen.add(entry.name())) {
        throw broken("has two tensors named \"" + entry.name() + "\"");
      }
      entries.add(entry);
    }
  }

  private static TensorEntry readTensor(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw broken("has a tensor that is no object");
    }
    String name = "";
    String dtype = "f32";
    long[] shape = {-1};
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "name" -> name = parser.getValueAsString("");
        case "dtype" -> dtype = parser.getValueAsString("");
        case "shape" -> shape = readShape(parser);
        default -> parser.skipChildren();
      }
    }
    try {
      TensorType type = new TensorType(dtypeOf(name, dtype), Shape.of(shape));
      return TensorEntry.of(name, type);
    } catch (BridgeException impossible) {
      throw broken("has \"" + name + "\": " + impossible.getMessage());
    }
  }

  private static DType dtypeOf(String name, String text) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equalsIgnoreCase(text)) {
        return dtype;
      }
    }
    List<String> known =
        Arrays.stream(DType.values()).map(d -> d.name().toLowerCase(Locale.ROOT)).toList();
    throw broken(
        "has \"" + name + "\" of the dtype \"" + text + "\"; known are "
            + String.join(", ", known));
  }

  /** Reads a list of extents, at which the parser stands. */
  static long[] readShape(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw broken("has a shape that is no list");
    }
    long[] shape = new long[Shape.MAX_RANK];
    int rank = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (rank == Shape.MAX_RANK || parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
        throw broken("has a shape that is no list of at most " + Shape.MAX_RANK + " numbers");
      }
      shape[rank++] = parser.getLongValue();
    }
    return Arrays.copyOf(shape, rank);
  }

  private static FormatException broken(String what) {
    return new FormatException(NAME + " " + what + "; it has " + RULE, -1, RULE);
  }

  /**
   * The shapes.
   *
   * @return by name, in the order of the table
   */
  public Map<String, Shape> shapes() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    entries().forEach(entry -> shapes.put(entry.name(), entry.shape()));
    return shapes;
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
    throw noBytes(name);
  }

  @Override
  public Tensor tensor(String name) {
    throw noBytes(name);
  }

  private static TensorException noBytes(String name) {
    return new TensorException(
        ErrorCode.BAD_SHAPE, name, -1, "is known by its shape only: a table has no bytes", null);
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  /** Does nothing: nothing is open. */
  @Override
  public void close() {
    // nothing is owned
  }
}
