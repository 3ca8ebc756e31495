package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamReadException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.quantize.internal.json.JsonText;
import io.tensorbridge.quantize.model.SafetensorsHeader.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads and checks the header of a safetensors file.
 *
 * <p>The rules are those of the reference reader (safetensors 0.8, {@code tensor.rs}); beyond it,
 * keys that come twice and space before the header are refused, because readers disagree on them.
 */
final class SafetensorsHeaderReader {
  private final FileBytes file;
  private final List<StoredTensor> tensors = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private long dataOffset;

  private SafetensorsHeaderReader(FileBytes file) {
    this.file = file;
  }

  static SafetensorsHeader read(FileBytes file) {
    return new SafetensorsHeaderReader(file).read();
  }

  private SafetensorsHeader read() {
    byte[] json = readText();
    dataOffset = (long) SafetensorsHeader.PREFIX_BYTES + json.length;
    try (JsonParser parser = JsonText.factory(json.length).createParser(json)) {
      readTop(parser);
    } catch (StreamReadException malformed) {
      throw broken(
          at(malformed.getLocation().getByteOffset()), "valid JSON",
          malformed.getOriginalMessage());
    } catch (IOException unreadable) {
      throw broken(SafetensorsHeader.PREFIX_BYTES, "valid JSON", unreadable.getMessage());
    }
    requireGapless();
    return new SafetensorsHeader(List.copyOf(tensors), Map.copyOf(metadata), dataOffset);
  }

  private byte[] readText() {
    if (file.size() < SafetensorsHeader.PREFIX_BYTES) {
      throw broken(0, "8 bytes of header length", "the file has " + file.size() + " bytes");
    }
    long length =
        ByteBuffer.wrap(file.read(0, SafetensorsHeader.PREFIX_BYTES))
            .order(ByteOrder.LITTLE_ENDIAN)
            .getLong();
    if (length < 0 || length > SafetensorsHeader.LARGEST_HEADER) {
      throw broken(
          0, "a header of at most 100,000,000 bytes", "says " + Long.toUnsignedString(length));
    }
    if (length > file.size() - SafetensorsHeader.PREFIX_BYTES) {
      throw broken(
          0, "a header within the file", "says " + length + " bytes, the file has " + file.size());
    }
    byte[] json = file.read(SafetensorsHeader.PREFIX_BYTES, (int) length);
    if (json.length == 0 || json[0] != '{') {
      throw broken(SafetensorsHeader.PREFIX_BYTES, "a header that begins with {", "it does not");
    }
    requireUtf8(json);
    return json;
  }

  private void requireUtf8(byte[] json) {
    ByteBuffer bytes = ByteBuffer.wrap(json);
    var decoder = StandardCharsets.UTF_8.newDecoder();
    var chars = CharBuffer.allocate(1 << 13);
    while (true) {
      var result = decoder.decode(bytes, chars, true);
      if (result.isError()) {
        throw broken(at(bytes.position()), "valid UTF-8", "malformed bytes");
      }
      if (result.isUnderflow()) {
        return;
      }
      chars.clear();
    }
  }

  private void readTop(JsonParser parser) throws IOException {
    require(parser, parser.nextToken(), JsonToken.START_OBJECT);
    Set<String> names = new HashSet<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      if (!names.add(name)) {
        throw broken(here(parser), "no duplicate keys", "\"" + name + "\" comes twice");
      }
      parser.nextToken();
      if (name.equals(SafetensorsHeader.METADATA_KEY)) {
        readMetadata(parser);
      } else {
        tensors.add(readTensor(parser, name));
      }
    }
    if (parser.nextToken() != null) {
      throw broken(here(parser), "valid JSON", "text after the header's object");
    }
  }

  private void readMetadata(JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return;
    }
    require(parser, parser.currentToken(), JsonToken.START_OBJECT);
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw broken(here(parser), "text metadata", "\"" + key + "\" is not a string");
      }
      if (metadata.put(key, parser.getText()) != null) {
        throw broken(here(parser), "no duplicate keys", "metadata \"" + key + "\" comes twice");
      }
    }
  }

  private StoredTensor readTensor(JsonParser parser, String name) throws IOException {
    long start = here(parser);
    require(parser, parser.currentToken(), JsonToken.START_OBJECT);
    String dtype = null;
    long[] shape = null;
    long[] offsets = null;
    Set<String> keys = new HashSet<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (!keys.add(key)) {
        throw broken(here(parser), "no duplicate keys", quoted(name) + " has two " + key);
      }
      parser.nextToken();
      switch (key) {
        case "dtype" -> {
          require(parser, parser.currentToken(), JsonToken.VALUE_STRING);
          dtype = parser.getText();
        }
        case "shape" -> shape = readNumbers(parser, name, Shape.MAX_RANK, "shape");
        case "data_offsets" -> offsets = readNumbers(parser, name, 2, "data_offsets");
        default -> parser.skipChildren();
      }
    }
    if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
      throw broken(start, "dtype, shape and two data_offsets", quoted(name) + " lacks one");
    }
    return checked(start, name, dtype, shape, offsets);
  }

  private long[] readNumbers(JsonParser parser, String name, int most, String key)
      throws IOException {
    require(parser, parser.currentToken(), JsonToken.START_ARRAY);
    long[] numbers = new long[most];
    int count = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (count == most) {
        throw broken(
            here(parser), "at most " + most + " numbers", quoted(name) + " has more in " + key);
      }
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getText().startsWith("-")) {
        throw broken(
            here(parser),
            "non-negative whole numbers",
            quoted(name) + " has " + parser.getText() + " in its " + key);
      }
      if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
        throw broken(
            here(parser), "sizes below 2^63", quoted(name) + " has " + parser.getText());
      }
      numbers[count++] = parser.getLongValue();
    }
    return Arrays.copyOf(numbers, count);
  }

  private StoredTensor checked(
      long at, String name, String dtypeName, long[] dimensions, long[] offsets) {
    SafetensorsDtype dtype = SafetensorsDtype.ofName(dtypeName);
    if (dtype == null) {
      throw broken(
          at,
          "a known dtype",
          quoted(name) + " has " + quoted(dtypeName) + ", known are "
              + Arrays.toString(SafetensorsDtype.values()));
    }
    Shape shape;
    try {
      shape = Shape.of(dimensions);
    } catch (BridgeException overflow) {
      throw broken(at, "sizes below 2^63", quoted(name) + ": " + overflow.getMessage());
    }
    OptionalLong byteLength = dtype.byteLength(shape);
    if (byteLength.isEmpty()) {
      throw broken(at, "sizes below 2^63 in whole bytes", quoted(name) + " is " + dtype + shape);
    }
    if (offsets[0] > offsets[1]) {
      throw broken(at, "ordered offsets", quoted(name) + " ends before it begins");
    }
    if (offsets[1] - offsets[0] != byteLength.getAsLong()) {
      throw broken(
          at,
          "bytes that match the shape",
          quoted(name) + " is " + dtype + shape + ", " + byteLength.getAsLong()
              + " bytes, but its offsets span " + (offsets[1] - offsets[0]));
    }
    return new StoredTensor(name, dtype, shape, offsets[0], offsets[1]);
  }

  /** Every byte of the data belongs to exactly one tensor. */
  private void requireGapless() {
    List<StoredTensor> ordered = new ArrayList<>(tensors);
    ordered.sort(
        Comparator.comparingLong(StoredTensor::begin).thenComparingLong(StoredTensor::end));
    long end = 0;
    for (StoredTensor tensor : ordered) {
      if (tensor.begin() > end) {
        throw broken(
            dataOffset + end,
            "no holes",
            (tensor.begin() - end) + " bytes before " + quoted(tensor.name()) + " are unused");
      }
      if (tensor.begin() < end) {
        throw broken(
            dataOffset + tensor.begin(),
            "no overlaps",
            quoted(tensor.name()) + " begins in another tensor");
      }
      end = tensor.end();
    }
    long present = file.size() - dataOffset;
    if (end > present) {
      throw broken(
          file.size(), "tensors within the file", "they need " + (end - present) + " bytes more");
    }
    if (end < present) {
      throw broken(
          dataOffset + end, "no trailing bytes", (present - end) + " bytes follow the last tensor");
    }
  }

  private void require(JsonParser parser, @Nullable JsonToken found, JsonToken expected) {
    if (found != expected) {
      throw broken(here(parser), "the header's structure", "found " + found + " for " + expected);
    }
  }

  private static String quoted(String name) {
    return "\"" + name + "\"";
  }

  private static long here(JsonParser parser) {
    return at(parser.currentTokenLocation().getByteOffset());
  }

  private static long at(long jsonOffset) {
    return SafetensorsHeader.PREFIX_BYTES + Math.max(0, jsonOffset);
  }

  private FormatException broken(long at, String rule, @Nullable String found) {
    return new FormatException(
        file.path() + ", byte " + at + ": " + found + "; a safetensors file has " + rule, at, rule);
  }
}
