package io.tensorbridge.arrow.table;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowFileWriter;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Writes a table of layers; thread-safe.
 *
 * <p>Floats of one dtype become a table of weights, everything else one of quantized layers. Each
 * tensor is a row and a record batch of its own, its bytes 64-byte aligned in the file.
 */
public final class LayerTableWriter implements TensorFileWriter {
  private final ArrowFileWriter writer;
  private final TablePlan plan;

  private LayerTableWriter(ArrowFileWriter writer, TablePlan plan) {
    this.writer = writer;
    this.plan = plan;
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear; an older one is replaced
   * @param entries all tensors; those behind one with a scheme, named {@code NAME.PART}, are its
   *     parts
   * @param metadata text for the schema
   * @return the writer, owned by the caller
   * @throws FormatException if two entries have one name, or the disk refuses
   */
  public static LayerTableWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    TablePlan plan = TablePlan.of(target, Layer.of(target, entries), entries.size());
    return new LayerTableWriter(
        ArrowFileWriter.create(target, plan.schema(metadata), plan.batches()), plan);
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    TablePlan.Place place = plan.place(entry);
    if (byteOffset < 0 || bytes.byteSize() > place.byteLength() - byteOffset) {
      throw new IndexOutOfBoundsException(
          byteOffset + " + " + bytes.byteSize() + " of " + place.byteLength() + " bytes");
    }
    writer.write(place.batch(), place.bodyOffset() + byteOffset, bytes);
  }

  @Override
  public void commit() {
    writer.commit();
  }

  @Override
  public void close() {
    writer.close();
  }
}
