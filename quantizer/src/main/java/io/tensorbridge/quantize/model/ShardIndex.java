package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import io.tensorbridge.FormatException;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@code *.safetensors.index.json} says: which tensor lies in which file.
 *
 * @param shards tensor name to file name, in the order of the index
 * @param metadata text and numbers of {@code metadata}, as text
 */
record ShardIndex(Map<String, String> shards, Map<String, String> metadata) {
  /** The one key of {@code metadata} that is always there. */
  static final String TOTAL_SIZE = "total_size";

  private static final int LARGEST_INDEX = 100_000_000;

  static ShardIndex read(FileBytes file) {
    if (file.size() > LARGEST_INDEX) {
      throw broken(file, 0, "at most 100,000,000 bytes", "it has " + file.size());
    }
    byte[] json = file.read(0, (int) file.size());
    ShardIndex index = new ShardIndex(new LinkedHashMap<>(), new LinkedHashMap<>());
    try (JsonParser parser = JsonText.factory(Math.max(1, json.length)).createParser(json)) {
      index.readTop(file, parser);
    } catch (StreamReadException malformed) {
      throw broken(
          file,
          Math.max(0, malformed.getLocation().getByteOffset()),
          "valid JSON",
          malformed.getOriginalMessage());
    } catch (IOException unreadable) {
      throw broken(file, 0, "valid JSON", unreadable.getMessage());
    }
    if (index.shards.isEmpty()) {
      throw broken(file, 0, "a weight_map", "it has none");
    }
    return index;
  }

  /**
   * The text of an index as huggingface_hub writes it.
   *
   * @param shards tensor name to file name, in the order in which they shall stand
   * @param metadata text beside {@code total_size}
   * @param totalBytes of all tensors
   */
  static byte[] write(Map<String, String> shards, Map<String, String> metadata, long totalBytes) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JsonText.factory(LARGEST_INDEX).createGenerator(bytes)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter(Separators.createDefaultInstance()
          .withObjectFieldValueSpacing(Separators.Spacing.AFTER)));
      json.writeStartObject();
      json.writeObjectFieldStart("metadata");
      for (Map.Entry<String, String> entry : metadata.entrySet()) {
        if (!entry.getKey().equals(TOTAL_SIZE)) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
      }
      json.writeNumberField(TOTAL_SIZE, totalBytes);
      json.writeEndObject();
      json.writeObjectFieldStart("weight_map");
      for (Map.Entry<String, String> entry : shards.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }

  private void readTop(FileBytes file, JsonParser parser) throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw broken(file, 0, "one JSON object", "found " + parser.currentToken());
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      boolean object = parser.nextToken() == JsonToken.START_OBJECT;
      if (object && key.equals("weight_map")) {
        readShards(file, parser);
      } else if (object && key.equals("metadata")) {
        readMetadata(parser);
      } else {
        parser.skipChildren();
      }
    }
  }

  private void readShards(FileBytes file, JsonParser parser) throws IOException {
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String tensor = parser.currentName();
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw broken(file, here(parser), "file names in weight_map", tensor + " has none");
      }
      String shard = parser.getText();
      if (!staysInside(shard)) {
        throw broken(
            file, here(parser), "file names inside its directory", "\"" + shard + "\" leaves it");
      }
      if (shards.put(tensor, shard) != null) {
        throw broken(file, here(parser), "no duplicate keys", "\"" + tensor + "\" comes twice");
      }
    }
  }

  private void readMetadata(JsonParser parser) throws IOException {
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (parser.nextToken().isScalarValue()) {
        metadata.put(key, parser.getText());
      } else {
        parser.skipChildren();
      }
    }
  }

  private static boolean staysInside(String shard) {
    try {
      Path path = Path.of(shard);
      if (shard.isEmpty() || path.isAbsolute() || shard.indexOf('\\') >= 0) {
        return false;
      }
      for (Path part : path) {
        if (part.toString().equals("..")) {
          return false;
        }
      }
      return true;
    } catch (InvalidPathException malformed) {
      return false;
    }
  }

  private static long here(JsonParser parser) {
    return Math.max(0, parser.currentTokenLocation().getByteOffset());
  }

  private static FormatException broken(
      FileBytes file, long at, String rule, @Nullable String found) {
    return new FormatException(
        file.path() + ", byte " + at + ": " + found + "; a shard index has " + rule, at, rule);
  }
}
