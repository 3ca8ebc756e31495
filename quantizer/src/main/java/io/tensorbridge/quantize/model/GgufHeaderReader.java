package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Shape;
import io.tensorbridge.quantize.model.GgufHeader.StoredTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads and checks the header of a GGUF file, version 2 or 3.
 *
 * <p>The rules are those of ggml ({@code gguf.cpp}, ggml 0.21). Arrays of arrays, which the format
 * describes and ggml refuses, are read to a small depth, so that such files can be inspected.
 */
final class GgufHeaderReader {
  private static final int DEEPEST_ARRAY = 4;
  private static final long LEAST_METADATA_BYTES = 8 + 4 + 1;
  private static final long LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;

  private final FileBytes file;
  private final GgufInput input;
  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();

  private GgufHeaderReader(FileBytes file) {
    this.file = file;
    this.input = new GgufInput(file);
  }

  static GgufHeader read(FileBytes file) {
    return new GgufHeaderReader(file).read();
  }

  private GgufHeader read() {
    if (file.size() < Integer.BYTES || input.readU32() != GgufHeader.MAGIC) {
      throw input.broken(0, "the magic number GGUF", "another beginning");
    }
    int version = readVersion();
    int tensorCount = input.readCount("tensors", LEAST_TENSOR_BYTES);
    int metadataCount = input.readCount("metadata", LEAST_METADATA_BYTES);
    for (int i = 0; i < metadataCount; i++) {
      readMetadata();
    }
    long alignment = alignment();
    List<StoredTensor> tensors = new ArrayList<>(tensorCount);
    Set<String> names = new HashSet<>();
    long end = 0;
    for (int i = 0; i < tensorCount; i++) {
      StoredTensor tensor = readTensor(names, GgufHeader.padded(end, alignment));
      tensors.add(tensor);
      end = tensor.begin() + tensor.byteLength();
    }
    long dataOffset = GgufHeader.padded(input.position(), alignment);
    if (end > 0 && end > file.size() - dataOffset) {
      throw input.broken(
          file.size(), "tensors within the file", "they end at byte " + (dataOffset + end));
    }
    return new GgufHeader(version, metadata, List.copyOf(tensors), dataOffset);
  }

  private int readVersion() {
    long version = input.readU32();
    if (version != 2 && version != GgufHeader.WRITTEN_VERSION) {
      boolean swapped = version != 0 && (version & 0xffff) == 0;
      throw input.broken(
          Integer.BYTES,
          "version 2 or 3",
          swapped ? "a big-endian file" : "version " + version);
    }
    return (int) version;
  }

  private void readMetadata() {
    long at = input.position();
    String key = input.readString("a metadata key");
    GgufValue value = readValue(readValueType(key), key, 0);
    if (metadata.put(key, value) != null) {
      throw input.broken(at, "no duplicate keys", "\"" + key + "\" comes twice");
    }
  }

  private GgufValueType readValueType(String key) {
    long at = input.position();
    long number = input.readU32();
    GgufValueType type = GgufValueType.ofNumber(number);
    if (type == null) {
      throw input.broken(at, "metadata types 0 to 12", "\"" + key + "\" has type " + number);
    }
    return type;
  }

  private GgufValue readValue(GgufValueType type, String key, int depth) {
    return switch (type) {
      case U8 -> new GgufValue.Whole(type, input.readU8());
      case I8 -> new GgufValue.Whole(type, (byte) input.readU8());
      case U16 -> new GgufValue.Whole(type, input.readU16());
      case I16 -> new GgufValue.Whole(type, (short) input.readU16());
      case U32 -> new GgufValue.Whole(type, input.readU32());
      case I32 -> new GgufValue.Whole(type, (int) input.readU32());
      case U64, I64 -> new GgufValue.Whole(type, input.readI64());
      case F32 -> new GgufValue.Real(type, Float.intBitsToFloat((int) input.readU32()));
      case F64 -> new GgufValue.Real(type, Double.longBitsToDouble(input.readI64()));
      case BOOL -> readBool(key);
      case STRING -> new GgufValue.Text(input.readString("\"" + key + "\""));
      case ARRAY -> readArray(key, depth + 1);
    };
  }

  private GgufValue readBool(String key) {
    long at = input.position();
    int value = input.readU8();
    if (value > 1) {
      throw input.broken(at, "0 or 1 for a bool", "\"" + key + "\" is " + value);
    }
    return new GgufValue.Bool(value == 1);
  }

  private GgufValue readArray(String key, int depth) {
    if (depth > DEEPEST_ARRAY) {
      throw input.broken(
          input.position(), "arrays at most 4 deep", "\"" + key + "\" is deeper");
    }
    GgufValueType elementType = readValueType(key);
    int count = input.readCount("elements of \"" + key + "\"", elementType.leastBytes());
    List<GgufValue> elements = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      elements.add(readValue(elementType, key, depth));
    }
    return new GgufValue.Array(elementType, elements);
  }

  private long alignment() {
    GgufValue value = metadata.get(GgufHeader.ALIGNMENT_KEY);
    if (value == null) {
      return GgufHeader.DEFAULT_ALIGNMENT;
    }
    if (value instanceof GgufValue.Whole(GgufValueType type, long alignment)
        && type == GgufValueType.U32
        && Long.bitCount(alignment) == 1) {
      return alignment;
    }
    throw input.broken(
        0, "a power of two as general.alignment", "it is " + value.type() + " " + value.toText());
  }

  private StoredTensor readTensor(Set<String> names, long expectedOffset) {
    long at = input.position();
    String name = input.readString("a tensor name");
    if (!names.add(name)) {
      throw input.broken(at, "no duplicate tensor names", "\"" + name + "\" comes twice");
    }
    Shape storedShape = readShape(name);
    long typeAt = input.position();
    long number = input.readU32();
    GgmlType type = GgmlType.ofNumber(number);
    if (type == null) {
      throw input.broken(typeAt, "a known ggml type", "\"" + name + "\" has type " + number);
    }
    long byteLength = byteLength(typeAt, name, type, storedShape);
    long offsetAt = input.position();
    long offset = input.readI64();
    if (offset != expectedOffset) {
      throw input.broken(
          offsetAt,
          "tensors one after another, padded to the alignment",
          "\"" + name + "\" has offset " + Long.toUnsignedString(offset) + ", not "
              + expectedOffset);
    }
    Shape shape = originalShape(at, name, storedShape);
    return new StoredTensor(name, type, storedShape, shape, offset, byteLength);
  }

  private Shape readShape(String name) {
    long at = input.position();
    long rank = input.readU32();
    if (rank > GgufHeader.MAX_RANK) {
      throw input.broken(at, "at most 4 dimensions", "\"" + name + "\" has " + rank);
    }
    long[] dimensions = new long[(int) rank];
    for (int i = dimensions.length - 1; i >= 0; i--) {
      dimensions[i] = input.readI64();
    }
    try {
      return Shape.of(dimensions);
    } catch (BridgeException unacceptable) {
      throw input.broken(
          at, "dimensions of 0 to 2^63", "\"" + name + "\": " + unacceptable.getMessage());
    }
  }

  private long byteLength(long at, String name, GgmlType type, Shape shape) {
    if (shape.rowLength() % type.blockElements() != 0) {
      throw input.broken(
          at,
          "rows of whole blocks",
          "\"" + name + "\" is " + type.encoding() + shape + ", blocks have "
              + type.blockElements() + " elements");
    }
    long blocks = shape.elementCount() / type.blockElements();
    long bytes = blocks * type.blockBytes();
    if (Math.multiplyHigh(blocks, type.blockBytes()) != 0 || bytes < 0 || bytes > file.size()) {
      throw input.broken(
          at,
          "tensors within the file",
          "\"" + name + "\" is " + type.encoding() + shape + " in a file of " + file.size()
              + " bytes");
    }
    return bytes;
  }

  private Shape originalShape(long at, String name, Shape stored) {
    GgufValue value = metadata.get(GgufHeader.SHAPE_KEY + name);
    if (!(value instanceof GgufValue.Array(GgufValueType _, List<GgufValue> elements))) {
      return stored;
    }
    long[] dimensions = new long[Math.min(elements.size(), Shape.MAX_RANK + 1)];
    Arrays.fill(dimensions, -1);
    for (int i = 0; i < dimensions.length; i++) {
      if (elements.get(i) instanceof GgufValue.Whole(GgufValueType _, long extent)) {
        dimensions[i] = extent;
      }
    }
    try {
      Shape shape = Shape.of(dimensions);
      if (shape.elementCount() == stored.elementCount()) {
        return shape;
      }
    } catch (BridgeException unacceptable) {
      // the refusal below tells the value
    }
    throw input.broken(
        at,
        "original shapes of as many elements as are stored",
        "\"" + name + "\" is stored as " + stored + ", its original shape is " + value.toText());
  }
}
