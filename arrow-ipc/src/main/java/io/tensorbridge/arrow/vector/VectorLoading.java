package io.tensorbridge.arrow.vector;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.util.AutoCloseables;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;

/** Puts the buffers of one batch into new vectors. */
final class VectorLoading {
  private final BufferAllocator allocator;
  private final AllValid allValid;
  private final SharedRelease release;
  private final Map<Long, Dictionary> dictionaries = new TreeMap<>();
  private final Set<Long> loaded = new HashSet<>();
  private final List<FieldVector> vectors = new ArrayList<>();

  VectorLoading(BufferAllocator allocator, AllValid allValid, SharedRelease release) {
    this.allocator = allocator;
    this.allValid = allValid;
    this.release = release;
  }

  VectorTable load(ArrowSchema schema, ArrowBatch batch) {
    Schema messageSchema = VectorSchemas.toJava(schema);
    List<Field> fields = new ArrayList<>();
    try {
      for (int i = 0; i < schema.fields().size(); i++) {
        Field field = memoryField(messageSchema.getFields().get(i), schema.fields().get(i));
        FieldVector vector = create(field, schema.fields().get(i));
        // Not the vector's own, which orders the children of dense unions anew.
        fields.add(field);
        load(vector, batch.columns().get(i));
      }
      Schema memorySchema = new Schema(fields, messageSchema.getCustomMetadata());
      VectorSchemaRoot root =
          new VectorSchemaRoot(memorySchema, vectors, rows(batch.rowCount()));
      return new VectorTable(root, provider());
    } catch (RuntimeException | Error failure) {
      AutoCloseables.close(failure, vectors);
      dictionaries.values().forEach(dictionary -> dictionary.getVector().close());
      throw failure;
    }
  }

  private DictionaryProvider.MapDictionaryProvider provider() {
    DictionaryProvider.MapDictionaryProvider provider =
        new DictionaryProvider.MapDictionaryProvider();
    dictionaries.values().forEach(provider::put);
    return provider;
  }

  private Field memoryField(Field field, ArrowField ours) {
    try {
      return DictionaryUtility.toMemoryFormat(field, allocator, dictionaries);
    } catch (IllegalArgumentException | UnsupportedOperationException
        | ArithmeticException lacking) {
      throw lacking(ours, lacking);
    }
  }

  private FieldVector create(Field field, ArrowField ours) {
    try {
      FieldVector vector = field.createVector(allocator);
      vectors.add(vector);
      return vector;
    } catch (IllegalArgumentException | UnsupportedOperationException
        | ArithmeticException lacking) {
      throw lacking(ours, lacking);
    }
  }

  private static FormatException lacking(ArrowField field, RuntimeException cause) {
    return new FormatException("Arrow Java has no vectors of " + field + ": " + cause);
  }

  private void load(FieldVector vector, ArrowColumn column) {
    ArrowFieldNode node = new ArrowFieldNode(rows(column.length()), column.nullCount());
    List<ArrowBuf> buffers = new ArrayList<>();
    try {
      wrap(column, buffers);
      vector.loadFieldBuffers(node, buffers);
    } finally {
      buffers.forEach(ArrowBuf::close);
    }
    List<FieldVector> children = vector.getChildrenFromFields();
    for (int i = 0; i < column.children().size(); i++) {
      load(children.get(i), column.children().get(i));
    }
    column.dictionary().ifPresent(values -> loadDictionary(column.field(), values));
  }

  private void loadDictionary(ArrowField field, ArrowColumn values) {
    long id = field.dictionary().orElseThrow().id();
    Dictionary dictionary = dictionaries.get(id);
    if (dictionary != null && loaded.add(id)) {
      load(dictionary.getVector(), values);
    }
  }

  private void wrap(ArrowColumn column, List<ArrowBuf> buffers) {
    boolean validity = column.layout().hasValidity();
    for (MemorySegment bytes : column.buffers()) {
      boolean leftOut = validity && buffers.isEmpty() && bytes.byteSize() == 0;
      buffers.add(leftOut ? allValid.rows(column.length()) : wrap(column, bytes));
    }
  }

  private ArrowBuf wrap(ArrowColumn column, MemorySegment bytes) {
    if (bytes.byteSize() == 0) {
      return allocator.getEmpty();
    }
    if (!bytes.isNative()) {
      throw new FormatException("a buffer of the column \"" + column.field().name()
          + "\" lies in the Java heap, where Arrow Java can't read it; copy it to native memory");
    }
    Wrapped wrapped = new Wrapped(bytes, release);
    try {
      return allocator.wrapForeignAllocation(wrapped);
    } catch (RuntimeException | Error failure) {
      wrapped.release0();
      throw failure;
    }
  }

  /** A buffer, which Arrow releases also when it refuses it for some reasons, but not for all. */
  private static final class Wrapped extends ForeignAllocation {
    private final SharedRelease release;
    private final AtomicBoolean released = new AtomicBoolean();

    Wrapped(MemorySegment bytes, SharedRelease release) {
      super(bytes.byteSize(), bytes.address());
      this.release = release;
      release.hold();
    }

    @Override
    protected void release0() {
      if (released.compareAndSet(false, true)) {
        release.letGo();
      }
    }
  }

  private static int rows(long count) {
    if (count > Integer.MAX_VALUE) {
      throw new FormatException("Arrow Java's vectors hold at most " + Integer.MAX_VALUE
          + " rows, not " + count + "; write batches of fewer");
    }
    return (int) count;
  }
}
