package io.tensorbridge.arrow.vector;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.ReferenceManager;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/**
 * Vectors of Arrow Java as a batch over the same memory; thread-safe.
 *
 * <p>The buffers are retained until this is closed, so the vectors may be closed, but not cleared and
 * filled anew, before. Validities without nulls are left out.
 */
public final class VectorBatch implements AutoCloseable {
  private final ArrowSchema schema;
  private final ArrowBatch batch;
  private final List<ReferenceManager> retained;
  private final AtomicBoolean closed = new AtomicBoolean();

  private VectorBatch(ArrowSchema schema, ArrowBatch batch, List<ReferenceManager> retained) {
    this.schema = schema;
    this.batch = batch;
    this.retained = retained;
  }

  /**
   * The present rows of vectors.
   *
   * @param root the vectors, still the caller's
   * @param dictionaries the values of those that hold indexes
   * @return the batch, owned by the caller
   * @throws io.tensorbridge.FormatException if the vectors are shorter than they say
   */
  public static VectorBatch of(VectorSchemaRoot root, DictionaryProvider dictionaries) {
    ArrowSchema schema = VectorSchemas.toOurs(root.getSchema(), dictionaries);
    VectorColumns columns = new VectorColumns(dictionaries);
    ArrowBatch batch =
        new ArrowBatch(root.getRowCount(), columns.of(schema.fields(), root.getFieldVectors()));
    List<ReferenceManager> retained = new ArrayList<>();
    for (ArrowBuf buffer : columns.buffers()) {
      ReferenceManager references = buffer.getReferenceManager();
      references.retain();
      retained.add(references);
    }
    return new VectorBatch(schema, batch, List.copyOf(retained));
  }

  /**
   * The present rows of vectors without dictionaries.
   *
   * @param root the vectors, still the caller's
   * @return the batch, owned by the caller
   * @throws io.tensorbridge.FormatException if the vectors are shorter than they say
   */
  public static VectorBatch of(VectorSchemaRoot root) {
    return of(root, new DictionaryProvider.MapDictionaryProvider());
  }

  /**
   * The columns' names and types.
   *
   * @return the schema
   */
  public ArrowSchema schema() {
    return schema;
  }

  /**
   * The rows.
   *
   * @return valid until this is closed
   */
  public ArrowBatch batch() {
    return batch;
  }

  /** Releases the buffers. Closing twice does nothing. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      retained.forEach(ReferenceManager::release);
    }
  }
}
