package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.internal.cdata.CCalls;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StreamStructTest extends NothingLeft {
  private static final ArrowField TEXT = ArrowField.of("t", new ArrowType.Bytes(true, false), true);
  private static final ArrowSchema SCHEMA = new ArrowSchema(List.of(TEXT), Map.of("k", "v"));

  private final Structs structs = new Structs();
  private final Arena arena = Arena.ofShared();
  private final AtomicInteger released = new AtomicInteger();

  @AfterEach
  void free() {
    arena.close();
    structs.close();
  }

  private List<ArrowBatch> batches(int count) {
    List<ArrowBatch> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ArrowColumn column = RandomColumn.of(TEXT, 10 + i, i, arena);
      batches.add(new ArrowBatch(column.length(), List.of(column)));
    }
    return batches;
  }

  @Test
  void batchesComeInTheirOrderAndOutliveTheStream() {
    List<ArrowBatch> batches = batches(3);
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(SCHEMA, batches, released::incrementAndGet), struct);
    List<Owned<ArrowBatch>> taken = new ArrayList<>();
    try (BatchStream stream = ArrowImport.stream(struct)) {
      assertThat(CStruct.STREAM.isReleased(struct)).isTrue();
      assertThat(stream.schema()).isEqualTo(SCHEMA);
      for (Optional<Owned<ArrowBatch>> next = stream.next(); next.isPresent();
          next = stream.next()) {
        taken.add(next.get());
      }
      assertThat(stream.next()).isEmpty();
    }
    assertThat(released).hasValue(0);
    for (int i = 0; i < 3; i++) {
      assertThat(Rows.of(taken.get(i).value().columns().getFirst()))
          .isEqualTo(Rows.of(batches.get(i).columns().getFirst()));
      assertThat(released).hasValue(0);
      taken.get(i).close();
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void aStreamThatIsNotReadToItsEndEndsWithItsRelease() {
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(SCHEMA, batches(3), released::incrementAndGet), struct);
    BatchStream stream = ArrowImport.stream(struct);
    stream.next().orElseThrow().close();
    stream.close();
    stream.close();
    assertThat(released).hasValue(1);
    assertThatThrownBy(stream::next).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void aStreamOfNothingEndsAtOnce() {
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(SCHEMA, List.of(), released::incrementAndGet), struct);
    try (BatchStream stream = ArrowImport.stream(struct)) {
      assertThat(stream.next()).isEmpty();
    }
    assertThat(released).hasValue(1);
  }

  /** Fails at the second batch, or already at the schema. */
  private static final class Failing implements BatchStream {
    private final BatchStream batches;
    private final Throwable failure;
    private final boolean atOnce;
    private int count;

    Failing(BatchStream batches, Throwable failure, boolean atOnce) {
      this.batches = batches;
      this.failure = failure;
      this.atOnce = atOnce;
    }

    @Override
    public ArrowSchema schema() {
      if (atOnce) {
        fail(failure);
      }
      return batches.schema();
    }

    @Override
    public Optional<Owned<ArrowBatch>> next() {
      if (count++ == 1) {
        fail(failure);
      }
      return batches.next();
    }

    @Override
    public void close() {
      batches.close();
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void fail(Throwable failure) throws T {
      throw (T) failure; // checked ones, too: no callback may trust its code
    }
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(
            new FormatException("layer é is broken"), FormatException.class,
            "22: layer é is broken"),
        Arguments.of(
            new IllegalArgumentException("no"), FormatException.class,
            "error 22: no (java.lang.Ill"),
        Arguments.of(
            new FormatException(ErrorCode.FILE_IO, "cut short", -1, "", null),
            ResourceException.class, "error 5: cut short"),
        Arguments.of(
            new CancelledException(ErrorCode.CANCELLED, "enough"), CancelledException.class,
            "125: enough"),
        Arguments.of(new OutOfMemoryError("heap"), ResourceException.class, "error 12: heap"),
        Arguments.of(
            new StackOverflowError(), ResourceException.class,
            "error 5: null (java.lang.StackOverflowError)"),
        Arguments.of(
            new java.io.IOException("a\0b"), ResourceException.class,
            "error 5: a b (java.io.IOException)"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failuresOfBatchesReachTheConsumer(Throwable failure, Class<?> type, String message) {
    long struct = structs.stream();
    BatchStream batches = BatchStream.of(SCHEMA, batches(3), released::incrementAndGet);
    ArrowExport.stream(new Failing(batches, failure, false), struct);
    try (BatchStream stream = ArrowImport.stream(struct)) {
      stream.next().orElseThrow().close();
      assertThatThrownBy(stream::next).isInstanceOf(type).hasMessageContaining(message);
      stream.next().orElseThrow().close(); // a failure doesn't end a stream
    }
    assertThat(released).hasValue(1);
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failuresOfSchemasReachTheConsumerAndReleaseTheStream(
      Throwable failure, Class<?> type, String message) {
    long struct = structs.stream();
    BatchStream batches = BatchStream.of(SCHEMA, batches(3), released::incrementAndGet);
    ArrowExport.stream(new Failing(batches, failure, true), struct);
    assertThatThrownBy(() -> ArrowImport.stream(struct))
        .isInstanceOf(type)
        .hasMessageContaining(message);
    assertThat(released).hasValue(1);
  }

  @Test
  void batchesThatCannotBeExportedAreClosed() {
    ArrowColumn heap =
        ArrowColumn.of(
            ArrowField.of("n", new ArrowType.Int(8, true), true), 4, 0,
            List.of(java.lang.foreign.MemorySegment.NULL,
                java.lang.foreign.MemorySegment.ofArray(new byte[4])),
            List.of(), Optional.empty());
    ArrowSchema schema = new ArrowSchema(List.of(heap.field()), Map.of());
    long struct = structs.stream();
    ArrowExport.stream(
        BatchStream.of(
            schema, List.of(new ArrowBatch(4, List.of(heap))), released::incrementAndGet),
        struct);
    try (BatchStream stream = ArrowImport.stream(struct)) {
      assertThatThrownBy(stream::next).hasMessageContaining("on the Java heap");
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void brokenBatchesAreReleasedAndTheStreamGoesOn() {
    long struct = structs.stream();
    ArrowSchema other =
        new ArrowSchema(List.of(ArrowField.of("n", new ArrowType.Int(8, true), true)), Map.of());
    ArrowExport.stream(BatchStream.of(other, batches(2), released::incrementAndGet), struct);
    try (BatchStream stream = ArrowImport.stream(struct)) {
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(stream::next)
            .isInstanceOf(FormatException.class)
            .hasMessageContaining("\"n\" of the imported struct: n_buffers is 3");
      }
      assertThat(stream.next()).isEmpty();
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void callbacksOfAReleasedStreamAnswerWithAnError() {
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(SCHEMA, batches(1), released::incrementAndGet), struct);
    long copy = structs.copy(CStruct.STREAM, struct);
    CStruct.STREAM.release(struct);
    assertThat(CCalls.fill(Memory.word(copy + StructKind.GET_NEXT), copy, structs.array()))
        .isEqualTo(22);
    assertThat(CCalls.fill(Memory.word(copy + StructKind.GET_SCHEMA), copy, structs.schema()))
        .isEqualTo(22);
    assertThat(CCalls.lastError(Memory.word(copy + StructKind.GET_LAST_ERROR), copy)).isZero();
    CStruct.STREAM.release(copy);
    assertThat(released).hasValue(1);
  }

  @Test
  void streamsWithoutCallbacksAreRefusedAndReleased() {
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(SCHEMA, batches(1), released::incrementAndGet), struct);
    Memory.setWord(struct + StructKind.GET_SCHEMA, 0);
    assertThatThrownBy(() -> ArrowImport.stream(struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("callbacks");
    assertThat(released).hasValue(1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowExport.stream(BatchStream.of(SCHEMA, List.of(), () -> {}), 0));
  }
}
