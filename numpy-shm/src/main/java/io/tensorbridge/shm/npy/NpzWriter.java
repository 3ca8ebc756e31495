package io.tensorbridge.shm.npy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.EncodingMetadata;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.shm.file.PendingFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.zip.CRC32;

/**
 * Writes a {@code .npz} file that {@code numpy.load} reads: uncompressed, the elements of each array
 * 64-byte aligned so that they can be mapped, above 4 GiB by zip64; thread-safe until {@link
 * #commit()}.
 *
 * <p>The checksums of the archive are taken at the end, from the pages just written.
 */
public final class NpzWriter implements TensorFileWriter {
  private static final long CHECKSUM_CHUNK = 1 << 30;

  private final PendingFile file;
  private final List<NpzSlot> slots;

  private NpzWriter(PendingFile file, List<NpzSlot> slots) {
    this.file = file;
    this.slots = slots;
    for (NpzSlot slot : slots) {
      file.write(slot.contentOffset(), MemorySegment.ofArray(slot.head()));
    }
  }

  /**
   * Writes whole tensors, as {@code numpy.savez} does.
   *
   * @param target where the file shall appear; an older one is replaced
   * @param tensors by name, of any layout
   * @throws FormatException if the disk refuses it
   */
  public static void write(Path target, SequencedMap<String, Tensor> tensors) {
    List<TensorEntry> entries = new ArrayList<>();
    tensors.forEach((name, tensor) -> entries.add(TensorEntry.of(name, tensor.type())));
    try (NpzWriter writer = create(target, entries)) {
      int next = 0;
      for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
        int entry = next++;
        RowMajorChunks.forEach(
            tensor.getValue(), (at, bytes) -> writer.write(entry, at, bytes));
      }
      writer.commit();
    }
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear; an older one is replaced
   * @param entries all arrays, in C order, with different names
   * @return the writer, owned by the caller
   * @throws FormatException if two entries have one name, or the disk refuses it
   */
  public static NpzWriter create(Path target, List<TensorEntry> entries) {
    return create(target, entries, Map.of());
  }

  /**
   * Begins a file with metadata, which NumPy shows as members {@code metadata/KEY.txt}.
   *
   * @param target where it shall appear; an older one is replaced
   * @param entries all arrays, in C order, with different names; one that NumPy has no dtype for is
   *     stored as {@code uint8}, and its encoding and shape go to the metadata
   * @param metadata keys and texts
   * @return the writer, owned by the caller
   * @throws FormatException if two entries have one name, or the disk refuses it
   */
  public static NpzWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    List<NpzSlot> slots = layOut(target, entries, new LinkedHashMap<>(metadata));
    PendingFile file = PendingFile.create(target);
    try {
      return new NpzWriter(file, slots);
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  /** A slot for each entry, then one for each text. */
  private static List<NpzSlot> layOut(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    List<NpzSlot> slots = new ArrayList<>();
    Set<String> names = new HashSet<>();
    long offset = 0;
    for (TensorEntry entry : entries) {
      if (!names.add(entry.name())) {
        throw new FormatException(target + ": two tensors are named " + entry.name());
      }
      NpzSlot slot = NpzSlot.at(offset, entry.name(), storedType(entry, metadata));
      slots.add(slot);
      offset = slot.endOffset();
    }
    for (Map.Entry<String, String> text : metadata.entrySet()) {
      NpzSlot slot = NpzSlot.at(offset, new NpzText(text.getKey(), text.getValue()));
      slots.add(slot);
      offset = slot.endOffset();
    }
    return slots;
  }

  /** How an entry is stored; what its array can't say goes into the metadata. */
  private static TensorType storedType(TensorEntry entry, Map<String, String> metadata) {
    if (PlainTypes.holds(entry.encoding())) {
      return new TensorType(entry.dtype().orElseThrow(), entry.shape());
    }
    EncodingMetadata.put(metadata, entry);
    return new TensorType(DType.U8, Shape.of(entry.byteLength()));
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    NpzSlot slot = slots.get(entry);
    Objects.checkFromIndexSize(byteOffset, bytes.byteSize(), slot.dataLength());
    file.write(slot.dataOffset() + byteOffset, bytes);
  }

  @Override
  public void commit() {
    long directoryOffset = slots.isEmpty() ? 0 : slots.getLast().endOffset();
    ZipDirectoryWriter directory = new ZipDirectoryWriter(directoryOffset);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment written = file.map(directoryOffset, arena);
      for (NpzSlot slot : slots) {
        int crc32 = checksum(written.asSlice(slot.contentOffset(), slot.contentLength()));
        file.write(slot.localOffset(), MemorySegment.ofArray(slot.localHeader(crc32)));
        directory.add(slot, crc32);
      }
    }
    file.write(directoryOffset, MemorySegment.ofArray(directory.finish()));
    file.commit();
  }

  private static int checksum(MemorySegment content) {
    CRC32 checksum = new CRC32();
    for (long at = 0; at < content.byteSize(); at += CHECKSUM_CHUNK) {
      long length = Math.min(CHECKSUM_CHUNK, content.byteSize() - at);
      checksum.update(content.asSlice(at, length).asByteBuffer());
    }
    return (int) checksum.getValue();
  }

  @Override
  public void close() {
    file.close();
  }
}
