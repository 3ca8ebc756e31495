package io.tensorbridge.benches.peer;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Arrow Java's {@code arrow-c-data}. */
final class CDataByJni implements CDataWay {
  private final BufferAllocator allocator = new RootAllocator();
  private final boolean withSchema;
  private final VectorSchemaRoot root;
  private final VectorSchemaRoot target;
  private final ArrowSchema schemaStruct = ArrowSchema.allocateNew(allocator);
  private final ArrowArray arrayStruct = ArrowArray.allocateNew(allocator);

  CDataByJni(boolean withSchema, int columns, int rows) {
    this.withSchema = withSchema;
    List<FieldVector> vectors = new ArrayList<>();
    for (int i = 0; i < columns; i++) {
      Float4Vector vector = new Float4Vector("layer." + i, allocator);
      vector.allocateNew(rows);
      for (int row = 0; row < rows; row++) {
        vector.set(row, row == 0 ? i : 0);
      }
      vector.setValueCount(rows);
      vectors.add(vector);
    }
    root = new VectorSchemaRoot(vectors);
    target = VectorSchemaRoot.create(root.getSchema(), allocator);
  }

  @Override
  public void passOnce() {
    if (withSchema) {
      Data.exportVectorSchemaRoot(allocator, root, null, arrayStruct, schemaStruct);
      try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
          VectorSchemaRoot back =
              Data.importVectorSchemaRoot(
                  allocator, arrayStruct, schemaStruct, dictionaries, false)) {
        read(back);
      }
    } else {
      Data.exportVectorSchemaRoot(allocator, root, null, arrayStruct);
      Data.importIntoVectorSchemaRoot(allocator, arrayStruct, target, null, false);
      read(target);
      target.clear();
    }
  }

  private void read(VectorSchemaRoot back) {
    double sum = 0;
    for (FieldVector vector : back.getFieldVectors()) {
      sum += ((Float4Vector) vector).get(0);
    }
    CDataWay.requireSum(sum, root.getFieldVectors().size());
  }

  @Override
  public void close() {
    schemaStruct.close();
    arrayStruct.close();
    target.close();
    root.close();
    allocator.close();
  }
}
