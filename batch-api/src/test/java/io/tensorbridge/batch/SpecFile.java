package io.tensorbridge.batch;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A JSON object of {@code spec/}: names to numbers, texts, lists and objects. */
record SpecFile(Map<String, Object> fields) {
  static Path folder(String name) {
    return Path.of(System.getProperty("tensorbridge.root"), "spec", name);
  }

  static Stream<Path> filesOf(String folder) throws IOException {
    try (Stream<Path> files = Files.list(folder(folder))) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList().stream();
    }
  }

  static SpecFile read(Path file) {
    return ofObject(readValue(file));
  }

  static List<SpecFile> readRows(Path file) {
    return rowsOf(readValue(file));
  }

  private static Object readValue(Path file) {
    try (JsonParser parser = new JsonFactory().createParser(file.toFile())) {
      parser.nextToken();
      return value(parser);
    } catch (IOException failure) {
      throw new UncheckedIOException(file.toString(), failure);
    }
  }

  private static Object value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, Object> object = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          parser.nextToken();
          object.put(key, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        List<Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_NUMBER_INT -> parser.getBigIntegerValue();
      case VALUE_STRING -> parser.getText();
      case VALUE_NULL -> "";
      default -> throw new IOException("unexpected " + parser.currentToken());
    };
  }

  @SuppressWarnings("unchecked")
  private static SpecFile ofObject(Object object) {
    return new SpecFile((Map<String, Object>) object);
  }

  private static List<SpecFile> rowsOf(Object list) {
    return ((List<?>) list).stream().map(SpecFile::ofObject).toList();
  }

  boolean has(String name) {
    return fields.containsKey(name);
  }

  /** False for JSON's null, which reads as an empty text. */
  boolean isGiven(String name) {
    return !"".equals(fields.get(name));
  }

  String text(String name) {
    return (String) fields.get(name);
  }

  /** The lower 64 bits of a number. */
  long number(String name) {
    return ((BigInteger) fields.get(name)).longValue();
  }

  int integer(String name) {
    return (int) number(name);
  }

  SpecFile object(String name) {
    return ofObject(fields.get(name));
  }

  List<SpecFile> objects(String name) {
    return rowsOf(fields.get(name));
  }

  List<String> texts(String name) {
    return ((List<?>) fields.get(name)).stream().map(String.class::cast).toList();
  }

  long[] numbers(String name) {
    return ((List<?>) fields.get(name))
        .stream().mapToLong(each -> ((BigInteger) each).longValue()).toArray();
  }

  MemorySegment bytes(String name) {
    return MemorySegment.ofArray(HexFormat.of().parseHex(text(name)));
  }
}
