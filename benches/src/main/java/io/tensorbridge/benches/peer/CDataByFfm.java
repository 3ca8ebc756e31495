package io.tensorbridge.benches.peer;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.cdata.ArrowExport;
import io.tensorbridge.arrow.cdata.ArrowImport;
import io.tensorbridge.arrow.cdata.CStruct;
import io.tensorbridge.arrow.cdata.Owned;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Ours. */
final class CDataByFfm implements CDataWay {
  private final Arena arena = Arena.ofShared();
  private final boolean withSchema;
  private final boolean confined;
  private final ArrowSchema schema;
  private final ArrowBatch batch;
  private final long schemaStruct = CStruct.SCHEMA.allocate(arena).address();
  private final long arrayStruct = CStruct.ARRAY.allocate(arena).address();

  CDataByFfm(boolean withSchema, boolean confined, int columns, int rows) {
    this.withSchema = withSchema;
    this.confined = confined;
    List<ArrowField> fields = new ArrayList<>();
    List<ArrowColumn> made = new ArrayList<>();
    for (int i = 0; i < columns; i++) {
      ArrowField field = ArrowField.of("layer." + i, new ArrowType.Floating(Float.SIZE), true);
      MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, rows);
      values.set(ValueLayout.JAVA_FLOAT, 0, i);
      fields.add(field);
      made.add(
          ArrowColumn.of(field, rows, 0, List.of(MemorySegment.NULL, values), List.of(),
              Optional.empty()));
    }
    schema = new ArrowSchema(fields, Map.of());
    batch = new ArrowBatch(rows, made);
  }

  @Override
  public void passOnce() {
    ArrowExport.batch(Owned.unowned(batch), arrayStruct);
    ArrowSchema known = schema;
    if (withSchema) {
      ArrowExport.schema(schema, schemaStruct);
      known = ArrowImport.schema(schemaStruct);
    }
    if (confined) {
      try (Arena call = Arena.ofConfined()) {
        read(ArrowImport.batch(known, arrayStruct, call));
      }
    } else {
      try (Owned<ArrowBatch> back = ArrowImport.batch(known, arrayStruct)) {
        read(back.value());
      }
    }
  }

  private void read(ArrowBatch back) {
    double sum = 0;
    for (ArrowColumn column : back.columns()) {
      sum += column.floating(0);
    }
    CDataWay.requireSum(sum, batch.columns().size());
  }

  @Override
  public void close() {
    arena.close();
  }
}
