package io.tensorbridge.arrow.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.FormatException;
import io.tensorbridge.Region;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.ArrowWriter;
import io.tensorbridge.arrow.WriteOptions;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors over our memory, and our columns over the memory of vectors. */
class ArrowVectorsTest {
  private static final ArrowField WEIGHTS =
      ArrowField.of("w", new ArrowType.Floating(32), true);
  private static final ArrowSchema FLOATS = new ArrowSchema(List.of(WEIGHTS), Map.of());

  private final AtomicInteger released = new AtomicInteger();
  private RootAllocator allocator;
  private long mappedBefore;

  @TempDir
  private Path folder;

  @BeforeEach
  void begin() {
    allocator = new RootAllocator();
    mappedBefore = SharedRegion.mappedBytes();
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 64, 1000})
  void everyTypeGoesThereAndBack(int rows) {
    try (VectorTable original =
        SampleVectors.create(allocator, SampleVectors.schema(), rows);
        ArrowVectors vectors = new ArrowVectors(allocator);
        VectorBatch ours = VectorBatch.of(original.root(), original.dictionaries());
        VectorTable back =
            vectors.table(ours.schema(), ours.batch(), released::incrementAndGet)) {
      assertThat(ours.schema().metadata()).isEqualTo(SampleVectors.schema().metadata());
      requireSame(back, original);
      assertThat(released).hasValue(0);
    }
    assertThat(released).hasValue(1);
  }

  private static void requireSame(VectorTable actual, VectorTable expected) {
    List<FieldVector> columns = expected.root().getFieldVectors();
    for (int i = 0; i < columns.size(); i++) {
      SampleVectors.assertSame(actual.root().getVector(i), columns.get(i));
    }
    for (long id : expected.dictionaries().getDictionaryIds()) {
      FieldVector values = expected.dictionaries().lookup(id).getVector();
      for (int row = 0; row < values.getValueCount(); row++) {
        assertThat(actual.dictionaries().lookup(id).getVector().getObject(row))
            .isEqualTo(values.getObject(row));
      }
    }
  }

  @Test
  void filesOfArrowJavaAreReadAsItsVectors() throws IOException {
    Path path = folder.resolve("java.arrow");
    try (VectorTable original = SampleVectors.create(allocator, SampleVectors.schema(), 100)) {
      try (FileChannel channel =
          FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
          org.apache.arrow.vector.ipc.ArrowFileWriter writer =
              new org.apache.arrow.vector.ipc.ArrowFileWriter(
                  original.root(), original.dictionaries(), channel)) {
        writer.start();
        writer.writeBatch();
        writer.end();
      }
      ArrowFile file = ArrowFile.open(path);
      try (ArrowVectors vectors = new ArrowVectors(allocator);
          VectorTable read =
              vectors.table(file.schema(), file.batches().getFirst(), file::close)) {
        requireSame(read, original);
        file.requireOpen();
      }
      assertThatThrownBy(file::requireOpen).hasMessageContaining("closed");
    }
  }

  @Test
  void vectorsAreWrittenByOurWriterAndReadByArrowJava() throws IOException {
    ArrowSchema schema = new ArrowSchema(
        SampleVectors.schema().fields().stream()
            // Arrow Java's loader mixes up the children of dense unions whose type ids don't rise.
            .filter(field -> !(field.type() instanceof ArrowType.Union union && union.dense()))
            .toList(),
        Map.of());
    Path path = folder.resolve("ours.arrow");
    try (VectorTable original = SampleVectors.create(allocator, schema, 100)) {
      try (VectorBatch batch = VectorBatch.of(original.root(), original.dictionaries());
          ArrowWriter writer = ArrowWriter.toPath(path, batch.schema(), WriteOptions.file())) {
        writer.write(batch.batch());
        writer.finish();
      }
      try (FileChannel channel = FileChannel.open(path);
          ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
        assertThat(reader.loadNextBatch()).isTrue();
        VectorSchemaRoot root = reader.getVectorSchemaRoot();
        DictionaryProvider.MapDictionaryProvider dictionaries =
            new DictionaryProvider.MapDictionaryProvider();
        reader.getDictionaryVectors().values().forEach(dictionaries::put);
        requireSame(new VectorTable(root, dictionaries), original);
      }
    }
  }

  @Test
  void noValueIsCopiedAndNoValidityInvented() {
    int rows = 1 << 20;
    try (SharedRegion shared = SharedRegion.create("column", 4L * rows, Access.READWRITE);
        ArrowVectors vectors = new ArrowVectors(allocator)) {
      Region region = shared.region();
      region.segment().setAtIndex(ValueLayout.JAVA_FLOAT, rows - 1, 42f);
      ArrowBatch batch = floats(region.segment(), rows);
      long once;
      try (VectorTable table = vectors.table(FLOATS, batch, region)) {
        Float4Vector column = (Float4Vector) table.root().getVector(0);
        assertThat(column.getDataBufferAddress()).isEqualTo(region.segment().address());
        assertThat(column.getNullCount()).isZero();
        assertThat(column.get(rows - 1)).isEqualTo(42f);
        assertThat(region.leaseCount()).isOne();
        once = allocator.getAllocatedMemory();
        try (VectorTable again = vectors.table(FLOATS, batch, region);
            VectorBatch back = VectorBatch.of(again.root())) {
          assertThat(allocator.getAllocatedMemory() - once).isEqualTo(4L * rows);
          assertThat(back.batch().columns().getFirst().buffers().getFirst().byteSize()).isZero();
        }
      }
      assertThat(region.leaseCount()).isZero();
    }
  }

  private static ArrowBatch floats(MemorySegment values, long rows) {
    return new ArrowBatch(rows, List.of(ArrowColumn.of(WEIGHTS, rows, 0,
        List.of(MemorySegment.NULL, values), List.of(), Optional.empty())));
  }

  @Test
  @SuppressWarnings("try") // closed before its last buffer on purpose
  void theLastBufferEndsTheLease() {
    try (SharedRegion shared = SharedRegion.create("column", 4096, Access.READWRITE)) {
      ArrowBuf kept;
      try (ArrowVectors vectors = new ArrowVectors(allocator);
          VectorTable table =
              vectors.table(FLOATS, floats(shared.region().segment(), 1024), shared.region())) {
        kept = table.root().getVector(0).getDataBuffer();
        kept.getReferenceManager().retain();
      }
      assertThat(shared.region().leaseCount()).isOne();
      shared.close();
      assertThat(shared.region().isUnmapped()).isFalse();
      assertThat(kept.getFloat(0)).isZero();
      kept.close();
      assertThat(shared.region().isUnmapped()).isTrue();
    }
  }

  @Test
  void whatArrowJavaLacksIsRefusedByName() {
    ArrowField field = ArrowField.of("small", new ArrowType.Decimal(9, 2, 32), true);
    ArrowBatch batch = new ArrowBatch(0, List.of(ArrowColumn.of(field, 0, 0,
        List.of(MemorySegment.NULL, MemorySegment.NULL), List.of(), Optional.empty())));
    try (ArrowVectors vectors = new ArrowVectors(allocator)) {
      assertThatThrownBy(() -> vectors
          .table(new ArrowSchema(List.of(field), Map.of()), batch, released::incrementAndGet))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("small");
      assertThatThrownBy(() -> vectors.table(FLOATS, floats(MemorySegment.ofArray(new float[2]), 2),
          released::incrementAndGet))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("\"w\" lies in the Java heap");
    }
    assertThat(released).hasValue(2);
  }

  @Test
  void anAllocatorThatIsTooSmallLeavesNothing() {
    try (SharedRegion shared = SharedRegion.create("column", 1 << 20, Access.READWRITE);
        RootAllocator small = new RootAllocator(1 << 16);
        ArrowVectors vectors = new ArrowVectors(small)) {
      ArrowBatch batch = floats(shared.region().segment(), 1 << 18);
      assertThatThrownBy(() -> vectors.table(FLOATS, batch, shared.region()))
          .isInstanceOf(OutOfMemoryException.class);
      assertThat(shared.region().leaseCount()).isZero();
    }
  }

  @Test
  void vectorsAreBornInARegion() {
    try (SharedRegion shared = SharedRegion.create("born", 8 << 20, Access.READWRITE)) {
      Region region = shared.region();
      RegionAllocations allocations = new RegionAllocations(region);
      try (RootAllocator born = allocations.allocator()) {
        try (VectorTable table =
            SampleVectors.create(born, SampleVectors.schema(), 200);
            VectorBatch ours = VectorBatch.of(table.root(), table.dictionaries())) {
          assertThat(region.leaseCount()).isPositive();
          for (ArrowColumn column : ours.batch().columns()) {
            for (MemorySegment buffer : column.buffers()) {
              assertThat(buffer.byteSize() == 0
                  || region.segment().asOverlappingSlice(buffer).isPresent()).isTrue();
            }
          }
        }
        assertThat(region.leaseCount()).isZero();
        try (ArrowBuf whole = born.buffer(region.byteSize())) {
          assertThat(allocations.byteOffset(whole)).isZero();
          assertThat(allocations.byteOffset(whole.slice(128, 64))).isEqualTo(128);
          assertThatThrownBy(() -> born.buffer(1)).isInstanceOf(OutOfMemoryException.class);
        }
        try (ArrowBuf foreign = allocator.buffer(64)) {
          assertThatThrownBy(() -> allocations.byteOffset(foreign))
              .hasMessageContaining("not allocated in region born");
        }
      }
      assertThat(region.leaseCount()).isZero();
    }
  }
}
