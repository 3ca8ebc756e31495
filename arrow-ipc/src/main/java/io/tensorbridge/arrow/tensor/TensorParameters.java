package io.tensorbridge.arrow.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.arrow.ArrowField;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The JSON of a tensor's extension type.
 *
 * @param shape of the cells as they are stored; empty for a variable shape
 * @param dimensionNames of the stored dimensions; empty if there are none
 * @param permutation the stored dimension for each of the tensor's; empty if they are the same
 * @param uniform of a variable shape, the stored dimensions that all tensors share; empty if there are
 *     none
 */
record TensorParameters(
    Optional<List<Long>> shape,
    List<String> dimensionNames,
    List<Integer> permutation,
    List<OptionalLong> uniform) {
  static final String RULE = "parameters of a tensor in JSON";

  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Reads the metadata of an extension type.
   *
   * @param field its name, for errors
   * @throws FormatException if it is no such JSON
   */
  static TensorParameters parse(String text, String field) {
    List<Long> shape = null;
    List<String> names = List.of();
    List<Integer> permutation = List.of();
    List<OptionalLong> uniform = List.of();
    try (JsonParser parser = JSON.createParser(text.isBlank() ? "{}" : text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw broken(field, text);
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        if (parser.nextToken() == JsonToken.VALUE_NULL) {
          continue;
        }
        switch (key) {
          case "shape" -> shape = numbers(parser);
          case "dim_names" -> names = texts(parser);
          case "permutation" ->
              permutation = numbers(parser).stream().map(Math::toIntExact).toList();
          case "uniform_shape" -> uniform = extents(parser);
          default -> parser.skipChildren();
        }
      }
      TensorParameters read =
          new TensorParameters(Optional.ofNullable(shape), names, permutation, uniform);
      if (!read.isConsistent()) {
        throw broken(field, text);
      }
      return read;
    } catch (IOException | ArithmeticException malformed) {
      throw broken(field, text);
    }
  }

  private static FormatException broken(String field, String text) {
    return new FormatException("the field \"" + field + "\" has the parameters " + text + "; "
        + RULE, -1, RULE);
  }

  private static List<Long> numbers(JsonParser parser) throws IOException {
    List<Long> numbers = new ArrayList<>();
    requireArray(parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      numbers.add(parser.getLongValue());
    }
    return numbers;
  }

  /** Numbers, and null for what may be any. */
  private static List<OptionalLong> extents(JsonParser parser) throws IOException {
    List<OptionalLong> extents = new ArrayList<>();
    requireArray(parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      extents.add(parser.currentToken() == JsonToken.VALUE_NULL
          ? OptionalLong.empty()
          : OptionalLong.of(parser.getLongValue()));
    }
    return extents;
  }

  private static List<String> texts(JsonParser parser) throws IOException {
    List<String> texts = new ArrayList<>();
    requireArray(parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      texts.add(parser.getValueAsString(""));
    }
    return texts;
  }

  private static void requireArray(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw new IOException("no array");
    }
  }

  private boolean isConsistent() {
    int rank = shape.map(List::size)
        .orElse(Math.max(uniform.size(), Math.max(dimensionNames.size(), permutation.size())));
    boolean ordered = new HashSet<>(permutation).size() == permutation.size()
        && permutation.stream().allMatch(axis -> axis >= 0 && axis < permutation.size());
    return ordered
        && (dimensionNames.isEmpty() || dimensionNames.size() == rank)
        && (permutation.isEmpty() || permutation.size() == rank)
        && (uniform.isEmpty() || uniform.size() == rank);
  }

  /**
   * Checks the dimensions that all tensors share.
   *
   * @param stored the shape of a row as it is stored
   * @throws io.tensorbridge.TensorException if it is another one
   */
  void requireUniform(Shape stored, ArrowField field, long row) {
    boolean same = uniform.isEmpty() || uniform.size() == stored.rank();
    for (int i = 0; same && i < uniform.size(); i++) {
      same = uniform.get(i).orElse(stored.dimension(i)) == stored.dimension(i);
    }
    if (!same) {
      throw TensorColumns.wrong(field, "row " + row + " of the stored shape " + stored
          + " is not of the uniform_shape " + toJson());
    }
  }

  /** The names of the tensor's dimensions, in their order. */
  List<String> namesInOrder() {
    return permutation.isEmpty() || dimensionNames.isEmpty()
        ? dimensionNames
        : permutation.stream().map(dimensionNames::get).toList();
  }

  String toJson() {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      if (shape.isPresent()) {
        json.writeArrayFieldStart("shape");
        for (long extent : shape.get()) {
          json.writeNumber(extent);
        }
        json.writeEndArray();
      }
      if (!permutation.isEmpty()) {
        json.writeArrayFieldStart("permutation");
        for (int axis : permutation) {
          json.writeNumber(axis);
        }
        json.writeEndArray();
      }
      if (!uniform.isEmpty()) {
        json.writeArrayFieldStart("uniform_shape");
        for (OptionalLong extent : uniform) {
          if (extent.isPresent()) {
            json.writeNumber(extent.getAsLong());
          } else {
            json.writeNull();
          }
        }
        json.writeEndArray();
      }
      if (!dimensionNames.isEmpty()) {
        json.writeArrayFieldStart("dim_names");
        for (String name : dimensionNames) {
          json.writeString(name);
        }
        json.writeEndArray();
      }
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return text.toString();
  }
}
