package io.tensorbridge.arrow.table;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowFileWriter;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.BatchPlan;
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
  private final List<TablePlan.Place> places;

  private LayerTableWriter(ArrowFileWriter writer, List<TablePlan.Place> places) {
    this.writer = writer;
    this.places = places;
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
    return begin(target, plan.schema(metadata), plan.batches(), plan.places());
  }

  /** Begins a planned table, whose entries go to the places. */
  static LayerTableWriter begin(
      Path target, ArrowSchema schema, List<BatchPlan> batches, List<TablePlan.Place> places) {
    return new LayerTableWriter(ArrowFileWriter.create(target, schema, batches), places);
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    TablePlan.Place place = places.get(entry);
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
