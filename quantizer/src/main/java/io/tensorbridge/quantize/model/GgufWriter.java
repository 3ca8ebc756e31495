package io.tensorbridge.quantize.model;

import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.model.GgufHeader.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a GGUF file of version 3; thread-safe.
 *
 * <p>A tensor is stored with its own dimensions where the format can: at most four, the last of
 * whole blocks. Any other is stored as the matrix of {@link Shape#flattenedToMatrix()}, each output
 * channel of a convolution one row, and its original shape is kept in the metadata under {@code
 * comfy.gguf.orig_shape.NAME}, where ComfyUI-GGUF looks for it too.
 */
public final class GgufWriter implements ReadableWriter {
  /** More would only waste space: a huge page. */
  private static final int LARGEST_ALIGNMENT = 1 << 21;

  private final AtomicFile file;
  private final long[] offsets;
  private final long[] lengths;

  private GgufWriter(AtomicFile file, long[] offsets, long[] lengths) {
    this.file = file;
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear
   * @param entries all tensors, in the order in which they shall lie in the file
   * @param metadata keys and values, for example {@code general.architecture}; {@code
   *     general.alignment} is kept to, and original shapes are the writer's own
   * @return the writer, owned by the caller
   * @throws FormatException if GGUF can't hold an entry, or the disk refuses
   */
  public static GgufWriter create(
      Path target, List<TensorEntry> entries, Map<String, GgufValue> metadata) {
    FileLayout layout = layout(target, entries, metadata);
    AtomicFile file = AtomicFile.create(target, layout.byteSize());
    try {
      file.write(0, ByteBuffer.wrap(layout.head()));
      long[] lengths = entries.stream().mapToLong(TensorEntry::byteLength).toArray();
      return new GgufWriter(file, layout.offsets(), lengths);
    } catch (RuntimeException refused) {
      file.close();
      throw refused;
    }
  }

  /** Places the tensors of a file as {@link #create} does; the target is for messages. */
  static FileLayout layout(
      Path target, List<TensorEntry> entries, Map<String, GgufValue> metadata) {
    Map<String, GgufValue> allMetadata = new LinkedHashMap<>();
    metadata.forEach(
        (key, value) -> {
          if (!key.startsWith(GgufHeader.SHAPE_KEY)) {
            allMetadata.put(key, value);
          }
        });
    int alignment = alignment(target, metadata);
    List<StoredTensor> tensors = plan(target, entries, allMetadata, alignment);
    byte[] header = header(tensors, allMetadata, alignment);
    long end = 0;
    for (StoredTensor tensor : tensors) {
      end = GgufHeader.padded(tensor.begin() + tensor.byteLength(), alignment);
    }
    long[] offsets =
        tensors.stream().mapToLong(tensor -> header.length + tensor.begin()).toArray();
    return new FileLayout(header, offsets, header.length + end);
  }

  /**
   * What readers of the file may object to, although the format allows it.
   *
   * @param entries the tensors of a file
   * @return one sentence for each matter, none if there is nothing to say
   */
  public static List<String> warnings(List<TensorEntry> entries) {
    String longest = "";
    int count = 0;
    for (TensorEntry entry : entries) {
      int length = entry.name().getBytes(StandardCharsets.UTF_8).length;
      if (length > GgufHeader.LONGEST_LLAMA_NAME) {
        count++;
        longest = entry.name().length() > longest.length() ? entry.name() : longest;
      }
    }
    return count == 0
        ? List.of()
        : List.of(
            count + " tensor names are longer than " + GgufHeader.LONGEST_LLAMA_NAME
                + " bytes, which llama.cpp and its relatives refuse (gguf-py and ComfyUI-GGUF"
                + " don't); the longest is " + longest);
  }

  /** A power of two as ggml wants it, and a multiple of 8 as gguf-py does. */
  private static int alignment(Path target, Map<String, GgufValue> metadata) {
    GgufValue value = metadata.get(GgufHeader.ALIGNMENT_KEY);
    if (value == null) {
      return GgufHeader.DEFAULT_ALIGNMENT;
    }
    if (value instanceof GgufValue.Whole(GgufValueType type, long alignment)
        && type == GgufValueType.U32
        && Long.bitCount(alignment) == 1
        && alignment >= Long.BYTES
        && alignment <= LARGEST_ALIGNMENT) {
      return (int) alignment;
    }
    throw new FormatException(
        target + ": " + GgufHeader.ALIGNMENT_KEY + " is " + value.toText()
            + "; a GGUF file can have a power of two from 8 to " + LARGEST_ALIGNMENT);
  }

  private static List<StoredTensor> plan(
      Path target, List<TensorEntry> entries, Map<String, GgufValue> metadata, int alignment) {
    List<StoredTensor> tensors = new ArrayList<>(entries.size());
    Set<String> names = new HashSet<>();
    long end = 0;
    for (TensorEntry entry : entries) {
      if (!names.add(entry.name())) {
        throw new FormatException(target + ": two tensors are named \"" + entry.name() + "\"");
      }
      GgmlType type = requireType(target, entry);
      Shape stored = storedShape(type, entry.shape());
      if (!stored.equals(entry.shape())) {
        metadata.put(GgufHeader.SHAPE_KEY + entry.name(), shapeValue(entry.shape()));
      }
      long begin = GgufHeader.padded(end, alignment);
      tensors.add(
          new StoredTensor(entry.name(), type, stored, entry.shape(), begin, entry.byteLength()));
      end = begin + entry.byteLength();
    }
    return tensors;
  }

  private static GgmlType requireType(Path target, TensorEntry entry) {
    GgmlType type = GgmlType.ofEncoding(entry.encoding());
    String where = target + ": tensor \"" + entry.name() + "\" ";
    if (type == null) {
      throw new FormatException(where + "is " + entry.encoding() + ", which GGUF can't hold");
    }
    if (entry.shape().elementCount() == 0) {
      throw new FormatException(
          where + "is empty, which readers of GGUF don't expect; leave it out or use safetensors");
    }
    long blocks = entry.shape().elementCount() / type.blockElements();
    if (entry.shape().elementCount() % type.blockElements() != 0
        || blocks * type.blockBytes() != entry.byteLength()) {
      throw new FormatException(
          where + "of shape " + entry.shape() + " has " + entry.byteLength()
              + " bytes, not whole blocks of " + type.encoding());
    }
    return type;
  }

  private static Shape storedShape(GgmlType type, Shape shape) {
    if (shape.rank() == 0) {
      return Shape.of(1);
    }
    boolean fits =
        shape.rank() <= GgufHeader.MAX_RANK && shape.rowLength() % type.blockElements() == 0;
    if (fits) {
      return shape;
    }
    Shape matrix = shape.flattenedToMatrix();
    return matrix.rowLength() % type.blockElements() == 0
        ? matrix
        : Shape.of(shape.elementCount() / type.blockElements(), type.blockElements());
  }

  private static GgufValue shapeValue(Shape shape) {
    boolean small = true;
    for (long dimension : shape.dimensions()) {
      small &= dimension <= Integer.MAX_VALUE;
    }
    return GgufValue.wholes(small ? GgufValueType.I32 : GgufValueType.I64, shape.dimensions());
  }

  private static byte[] header(
      List<StoredTensor> tensors, Map<String, GgufValue> metadata, int alignment) {
    GgufOutput output = new GgufOutput();
    output.writeU32(GgufHeader.MAGIC);
    output.writeU32(GgufHeader.WRITTEN_VERSION);
    output.writeI64(tensors.size());
    output.writeI64(metadata.size());
    metadata.forEach(
        (key, value) -> {
          output.writeString(key);
          output.writeTyped(value);
        });
    for (StoredTensor tensor : tensors) {
      output.writeString(tensor.name());
      long[] dimensions = tensor.storedShape().dimensions();
      output.writeU32(dimensions.length);
      for (int i = dimensions.length - 1; i >= 0; i--) {
        output.writeI64(dimensions[i]);
      }
      output.writeU32(tensor.type().number());
      output.writeI64(tensor.begin());
    }
    output.padTo(alignment);
    return output.toByteArray();
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    if (byteOffset < 0 || bytes.byteSize() > lengths[entry] - byteOffset) {
      throw new IndexOutOfBoundsException(
          byteOffset + " + " + bytes.byteSize() + " of " + lengths[entry] + " bytes");
    }
    file.write(offsets[entry] + byteOffset, bytes);
  }

  @Override
  public void read(int entry, long byteOffset, MemorySegment target) {
    file.read(offsets[entry] + byteOffset, target);
  }

  @Override
  public void commit() {
    file.commit();
  }

  @Override
  public void close() {
    file.close();
  }
}
