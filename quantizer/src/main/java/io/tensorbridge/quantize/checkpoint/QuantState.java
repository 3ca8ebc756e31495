package io.tensorbridge.quantize.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.FourBitScheme;
import io.tensorbridge.quantize.internal.json.JsonText;
import io.tensorbridge.quantize.internal.kernel.DynamicMap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON that bitsandbytes keeps beside a tensor of four bits: {@code quant_type, blocksize, dtype,
 * shape}, and with double quantization {@code nested_blocksize, nested_dtype, nested_offset}.
 *
 * @param scheme what the JSON tells
 * @param dtype from which the tensor was quantized
 * @param shape of the tensor
 * @param offset taken from all scales, or 0
 */
record QuantState(FourBitScheme scheme, DType dtype, Shape shape, float offset) {
  private static final int LONGEST = 1 << 16;
  private static final int NUMBER_CHARACTERS = 32;
  private static final String RULE = "a quant_state of bitsandbytes";

  QuantState withOffset(float value) {
    return new QuantState(scheme, dtype, shape, value);
  }

  /** The offset as the part of the scheme that it is. */
  Tensor offsetTensor() {
    MemorySegment memory = Arena.ofAuto().allocate(Float.BYTES);
    memory.set(ValueLayout.JAVA_FLOAT, 0, offset);
    return Tensor.of(memory, DType.F32, Shape.of(1));
  }

  /** Padded by spaces, so that the length does not depend on the offset. */
  byte[] toJson() {
    StringBuilder text = new StringBuilder();
    text.append("{\"quant_type\": \"").append(scheme.kind());
    text.append("\", \"blocksize\": ").append(scheme.block());
    text.append(", \"dtype\": \"").append(dtype.numpyName()).append("\", \"shape\": [");
    for (int i = 0; i < shape.rank(); i++) {
      text.append(i == 0 ? "" : ", ").append(shape.dimension(i));
    }
    text.append(']');
    int padding = 0;
    if (scheme.isDouble()) {
      String number = Double.toString(offset);
      padding = NUMBER_CHARACTERS - number.length();
      text.append(", \"nested_blocksize\": ").append(DynamicMap.BLOCK);
      text.append(", \"nested_dtype\": \"float32\", \"nested_offset\": ").append(number);
    }
    text.append('}').append(" ".repeat(padding));
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Reads the JSON.
   *
   * @throws FormatException if it is malformed, or tells something that there is not
   */
  static QuantState read(
      CheckpointEntries entries, String name, TensorEntry entry, FourBitScheme.Kind kind) {
    if (entry.byteLength() > LONGEST) {
      throw CheckpointEntries.mismatch(name, entry, "JSON of at most " + LONGEST + " bytes");
    }
    Map<String, Object> values = new HashMap<>();
    try (JsonParser parser = JsonText.factory(LONGEST).createParser(entries.read(entry))) {
      readObject(parser, name, values);
    } catch (IOException malformed) {
      throw CheckpointEntries.broken(
          name, RULE, "has malformed JSON in \"" + entry.name() + "\": " + malformed.getMessage());
    }
    if (!kind.toString().equals(values.get("quant_type"))) {
      throw CheckpointEntries.broken(
          name, RULE, "is " + values.get("quant_type") + " in an entry for " + kind);
    }
    boolean isDouble = entries.find(name + ".nested_absmax") != null;
    FourBitScheme scheme = scheme(name, kind, values, isDouble);
    float offset = 0;
    if (isDouble) {
      boolean usual = Long.valueOf(DynamicMap.BLOCK).equals(values.get("nested_blocksize"))
          && "float32".equals(values.get("nested_dtype"));
      if (!usual || !(values.get("nested_offset") instanceof Number number)) {
        throw CheckpointEntries.broken(
            name, RULE, "is nested otherwise than in float32 blocks of 256 with an offset");
      }
      offset = number.floatValue();
    }
    return new QuantState(scheme, dtype(name, values), shape(name, values), offset);
  }

  private static void readObject(JsonParser parser, String name, Map<String, Object> values)
      throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw CheckpointEntries.broken(name, RULE, "has no object in its quant_state");
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      Object value = switch (parser.nextToken()) {
        case VALUE_STRING -> parser.getText();
        case VALUE_NUMBER_INT -> parser.getLongValue();
        case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
        case START_ARRAY -> readExtents(parser, name);
        default ->
            throw CheckpointEntries.broken(name, RULE, "has no plain value for " + key);
      };
      if (values.put(key, value) != null) {
        throw CheckpointEntries.broken(name, RULE, "has " + key + " twice");
      }
    }
  }

  private static List<Long> readExtents(JsonParser parser, String name) throws IOException {
    List<Long> extents = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
        throw CheckpointEntries.broken(name, RULE, "has another shape than whole numbers");
      }
      extents.add(parser.getLongValue());
    }
    return extents;
  }

  private static FourBitScheme scheme(
      String name, FourBitScheme.Kind kind, Map<String, Object> values, boolean isDouble) {
    try {
      int block = values.get("blocksize") instanceof Long size
          ? Math.clamp(size, 0, Integer.MAX_VALUE)
          : 0;
      return new FourBitScheme(kind, block, isDouble);
    } catch (BridgeException impossible) {
      throw CheckpointEntries.broken(
          name, RULE, "has the blocksize " + values.get("blocksize"));
    }
  }

  private static DType dtype(String name, Map<String, Object> values) {
    for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16, DType.F64)) {
      if (dtype.numpyName().equals(values.get("dtype"))) {
        return dtype;
      }
    }
    throw CheckpointEntries.broken(name, RULE, "has the dtype " + values.get("dtype"));
  }

  private static Shape shape(String name, Map<String, Object> values) {
    if (values.get("shape") instanceof List<?> extents) {
      long[] dimensions = new long[extents.size()];
      for (int i = 0; i < dimensions.length; i++) {
        dimensions[i] = (Long) extents.get(i);
      }
      return CheckpointShapes.of(name, dimensions);
    }
    throw CheckpointEntries.broken(name, RULE, "has no shape");
  }
}
