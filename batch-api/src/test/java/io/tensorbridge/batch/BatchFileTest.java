package io.tensorbridge.batch;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files that the server reads by itself. */
class BatchFileTest extends ServerAndClient {
  private static final int SIZE = 4 * SumProvider.CHUNK_BYTES + 100;

  private @TempDir Path folder;
  private Path path;
  private volatile Consumer<SumProvider.Moment> listener = moment -> {};

  @Override
  ServerOptions.Builder options() {
    return super.options()
        .threads(1)
        .operations(List.of(new SumProvider(moment -> listener.accept(moment))));
  }

  @BeforeEach
  void writeFile() throws IOException {
    path = folder.resolve("weights");
    byte[] ones = new byte[SIZE];
    Arrays.fill(ones, (byte) 1);
    Files.write(path, ones);
  }

  private void truncate() {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.truncate(0);
    } catch (IOException failure) {
      throw new AssertionError(failure);
    }
  }

  private static Tensor all(BatchFile file) {
    return file.tensor(0, DType.U8, Shape.of(file.byteSize()));
  }

  private static double sum(BatchResult result, String name) {
    return result.value(name).get(JAVA_DOUBLE_UNALIGNED, 0);
  }

  private void assertServes() {
    Tensor shared = counting(client().allocate(DType.F32, Shape.of(4)));
    client().submit(Batch.of("noop").add("w", shared)).get().close();
    client().release(shared);
  }

  @Test
  void theServerReadsAFileThatNobodyCopies() {
    try (BatchFile file = client().file(path)) {
      Batch batch =
          Batch.of("sum")
              .add("all", all(file))
              .add("part", file.tensor(SIZE - 50, DType.U8, Shape.of(5, 10)));
      try (BatchResult result = client().submit(batch).get()) {
        assertThat(sum(result, "all")).isEqualTo(SIZE);
        assertThat(sum(result, "part")).isEqualTo(50);
      }
      assertThat(client().poolBytes()).isLessThanOrEqualTo(2 << 20);
      assertThat(client().usedBytes()).isZero();
    }
  }

  @Test
  void itsTensorsAreReadableHereToo() {
    try (BatchFile file = client().file(path)) {
      Tensor tensor = file.tensor(8, DType.U8, Shape.of(2, 3));
      assertThat(tensor.backing()).isEqualTo(Backing.FILE);
      assertThat(tensor.getDouble(1, 2)).isEqualTo(1);
      assertThatThrownBy(() -> file.tensor(SIZE - 5, DType.U8, Shape.of(6)))
          .isInstanceOfSatisfying(
              ProtocolException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.OFFSET_OVERFLOW));
    }
  }

  @Test
  void anOperationThatReadsNoFilesRefusesItsItemOnly() {
    try (BatchFile file = client().file(path)) {
      Tensor shared = counting(client().allocate(DType.F32, Shape.of(4)));
      Batch batch =
          Batch.of("noop").continueOnError().add("in.file", all(file)).add("shared", shared);
      try (BatchResult result = client().submit(batch).get()) {
        BridgeException refusal = result.errors().get("in.file");
        assertThat(refusal.code()).isEqualTo(ErrorCode.UNSEALED_REGION);
        assertThat(refusal)
            .hasMessageContaining("in.file")
            .hasMessageContaining("input 0 lies in a file, which noop can't read")
            .hasMessageContaining("copy the tensor into a sealed region");
        assertThat(result.errors()).containsOnlyKeys("in.file");
      }
      Tensor copy = client().share(all(file));
      client().submit(Batch.of("noop").add("in.file", copy)).get().close();
    }
  }

  @ParameterizedTest
  @EnumSource(SumProvider.Moment.class)
  void aFileThatIsTruncatedMeanwhileEndsTheItemOnly(SumProvider.Moment when) {
    listener =
        moment -> {
          if (moment == when) {
            truncate();
          }
        };
    try (BatchFile file = client().file(path)) {
      Tensor shared = client().allocate(DType.U8, Shape.of(100));
      shared.data().fill((byte) 1);
      Batch batch = Batch.of("sum").continueOnError().add("cut", all(file)).add("whole", shared);
      if (when == SumProvider.Moment.RESUME) {
        batch.option("late", "true");
      }
      try (BatchResult result = client().submit(batch).get()) {
        assertThat(result.errors()).containsOnlyKeys("cut");
        assertThat(result.errors().get("cut").code()).isEqualTo(ErrorCode.FILE_IO);
        assertThat(result.errors().get("cut"))
            .isInstanceOf(FormatException.class)
            .hasMessageContaining("truncated since it was opened");
      }
      assertServes();
    }
  }

  @Test
  void theDispatcherWaitsForNoDisk() {
    ConcurrentLinkedQueue<String> threads = new ConcurrentLinkedQueue<>();
    listener = moment -> threads.add(Thread.currentThread().getName());
    try (BatchFile file = client().file(path)) {
      Tensor few = file.tensor(0, DType.U8, Shape.of(16));
      for (String late : List.of("false", "true")) {
        Batch batch = Batch.of("sum").option("late", late).add("few", few);
        client().submit(batch).get().close();
      }
    }
    assertThat(threads).hasSize(4).doesNotContain("tensorbridge-dispatcher");
  }

  @Test
  void aClosedFileIsUnmappedHereAndThere() {
    long mapped = SharedRegion.mappedBytes();
    BatchFile file = client().file(path);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mapped + 2 * SIZE);
    assertThat(server().usage().regions()).isEqualTo(1);
    Tensor tensor = all(file);
    file.close();
    file.close();
    assertThatThrownBy(() -> tensor.getDouble(0)).isInstanceOf(IllegalStateException.class);
    ServerFixture.await(() -> server().usage().regions() == 0);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mapped);
  }

  @Test
  void aBatchUnderWayKeepsItsFile() {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    listener =
        moment -> {
          if (moment == SumProvider.Moment.CHUNK) {
            running.countDown();
            await(closed);
          }
        };
    BatchFile file = client().file(path);
    BatchFuture future = client().submit(Batch.of("sum").add("all", all(file)));
    await(running);
    file.close();
    closed.countDown();
    try (BatchResult result = future.get()) {
      assertThat(sum(result, "all")).isEqualTo(SIZE);
    }
    ServerFixture.await(() -> server().usage().regionBytes() == client().poolBytes());
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  @Test
  void aPreparedBatchKeepsItsFile() {
    PreparedBatch prepared;
    try (BatchFile file = client().file(path)) {
      prepared = client().prepare(Batch.of("sum").add("all", all(file)));
    }
    try (prepared) {
      for (int i = 0; i < 2; i++) {
        try (BatchResult result = prepared.run()) {
          assertThat(sum(result, "all")).isEqualTo(SIZE);
        }
      }
    }
    ServerFixture.await(() -> server().usage().regionBytes() == client().poolBytes());
  }

  @Test
  void filesAreClosedWithTheClient() {
    BatchFile file = client().file(path);
    client().close();
    file.close();
    ServerFixture.await(() -> server().usage().regions() == 0);
  }

  @Test
  void whatIsNoFileIsRefusedHere() {
    assertThatThrownBy(() -> client().file(folder)).isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> client().file(folder.resolve("missing")))
        .isInstanceOf(FormatException.class);
    assertServes();
  }
}
