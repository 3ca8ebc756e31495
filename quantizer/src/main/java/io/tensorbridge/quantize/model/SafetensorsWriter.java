package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.EncodingMetadata;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.internal.json.JsonText;
import io.tensorbridge.quantize.model.SafetensorsHeader.StoredTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a safetensors file; thread-safe.
 *
 * <p>Tensors lie in the file as the reference writer orders them, by dtype (wide ones first) and
 * then by name, so that the same tensors give the same bytes, whatever the order of the entries.
 */
public final class SafetensorsWriter implements ReadableWriter {
  private static final int HEADER_ALIGNMENT = 8;

  private final AtomicFile file;
  private final long[] offsets;
  private final long[] lengths;

  private SafetensorsWriter(AtomicFile file, long[] offsets, long[] lengths) {
    this.file = file;
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear
   * @param entries all tensors; one whose encoding is a scheme is stored as one-dimensional
   *     {@code U8}, its scheme and shape go to the metadata
   * @param metadata text for {@code __metadata__}
   * @return the writer, owned by the caller
   * @throws FormatException if two entries have one name, or the disk refuses
   */
  public static SafetensorsWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    FileLayout layout = layout(target, entries, metadata);
    AtomicFile file = AtomicFile.create(target, layout.byteSize());
    try {
      file.write(0, ByteBuffer.wrap(layout.head()));
      long[] lengths = entries.stream().mapToLong(TensorEntry::byteLength).toArray();
      return new SafetensorsWriter(file, layout.offsets(), lengths);
    } catch (RuntimeException refused) {
      file.close();
      throw refused;
    }
  }

  /** Places the tensors of a file as {@link #create} does; the target is for messages. */
  static FileLayout layout(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    Map<String, String> allMetadata = new LinkedHashMap<>(metadata);
    StoredTensor[] stored = plan(target, entries, allMetadata);
    byte[] header = header(stored, allMetadata);
    if (header.length > SafetensorsHeader.LARGEST_HEADER) {
      throw new FormatException(target + ": the header would have " + header.length + " bytes");
    }
    long dataOffset = (long) SafetensorsHeader.PREFIX_BYTES + header.length;
    long byteSize = dataOffset;
    long[] offsets = new long[stored.length];
    for (int i = 0; i < stored.length; i++) {
      offsets[i] = dataOffset + stored[i].begin();
      byteSize += stored[i].end() - stored[i].begin();
    }
    ByteBuffer head = ByteBuffer.allocate((int) dataOffset).order(ByteOrder.LITTLE_ENDIAN);
    return new FileLayout(head.putLong(header.length).put(header).array(), offsets, byteSize);
  }

  /** The stored tensors in the order of the entries, placed in the order of the file. */
  private static StoredTensor[] plan(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    Set<String> names = new HashSet<>();
    StoredTensor[] stored = new StoredTensor[entries.size()];
    Integer[] order = new Integer[stored.length];
    for (int i = 0; i < stored.length; i++) {
      TensorEntry entry = entries.get(i);
      if (!names.add(entry.name()) || entry.name().equals(SafetensorsHeader.METADATA_KEY)) {
        throw new FormatException(
            target + ": the name \"" + entry.name() + "\" is taken; names must be unique");
      }
      stored[i] = stored(target, entry, metadata);
      order[i] = i;
    }
    Arrays.sort(order, (a, b) -> compareInFile(stored[a], stored[b]));
    long begin = 0;
    for (int i : order) {
      StoredTensor tensor = stored[i];
      long end = begin + tensor.end();
      stored[i] = new StoredTensor(tensor.name(), tensor.dtype(), tensor.shape(), begin, end);
      begin = end;
    }
    return stored;
  }

  /** How an entry is stored, placed at 0; what the header can't say goes into the metadata. */
  private static StoredTensor stored(
      Path target, TensorEntry entry, Map<String, String> metadata) {
    SafetensorsDtype dtype = SafetensorsDtype.ofEncoding(entry.encoding());
    if (dtype == null) {
      EncodingMetadata.put(metadata, entry);
      Shape bytes = Shape.of(entry.byteLength());
      return new StoredTensor(entry.name(), SafetensorsDtype.U8, bytes, 0, entry.byteLength());
    }
    if (dtype.byteLength(entry.shape()).orElse(-1) != entry.byteLength()) {
      throw new FormatException(
          target + ": tensor \"" + entry.name() + "\" is " + dtype + entry.shape()
              + " and can't have "
              + entry.byteLength() + " bytes");
    }
    return new StoredTensor(entry.name(), dtype, entry.shape(), 0, entry.byteLength());
  }

  private static byte[] header(StoredTensor[] stored, Map<String, String> metadata) {
    StoredTensor[] ordered = stored.clone();
    Arrays.sort(ordered, SafetensorsWriter::compareInFile);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(128 * (stored.length + 1));
    try (JsonGenerator json =
        JsonText.factory(SafetensorsHeader.LARGEST_HEADER).createGenerator(bytes)) {
      json.writeStartObject();
      writeMetadata(json, metadata);
      for (StoredTensor tensor : ordered) {
        writeTensor(json, tensor);
      }
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    while (bytes.size() % HEADER_ALIGNMENT != 0) {
      bytes.write(' ');
    }
    return bytes.toByteArray();
  }

  private static int compareInFile(StoredTensor a, StoredTensor b) {
    int byDtype = b.dtype().compareTo(a.dtype());
    return byDtype != 0
        ? byDtype
        : Arrays.compareUnsigned(
            a.name().getBytes(StandardCharsets.UTF_8), b.name().getBytes(StandardCharsets.UTF_8));
  }

  private static void writeMetadata(JsonGenerator json, Map<String, String> metadata)
      throws IOException {
    if (metadata.isEmpty()) {
      return;
    }
    json.writeObjectFieldStart(SafetensorsHeader.METADATA_KEY);
    for (Map.Entry<String, String> entry : metadata.entrySet()) {
      json.writeStringField(entry.getKey(), entry.getValue());
    }
    json.writeEndObject();
  }

  private static void writeTensor(JsonGenerator json, StoredTensor tensor) throws IOException {
    json.writeObjectFieldStart(tensor.name());
    json.writeStringField("dtype", tensor.dtype().name());
    json.writeFieldName("shape");
    json.writeArray(tensor.shape().dimensions(), 0, tensor.shape().rank());
    json.writeFieldName("data_offsets");
    json.writeArray(new long[]{tensor.begin(), tensor.end()}, 0, 2);
    json.writeEndObject();
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
