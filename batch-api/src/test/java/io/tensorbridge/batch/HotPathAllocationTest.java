package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.Poller;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Random;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dispatcher makes no object for a batch or an item that it has seen before. */
class HotPathAllocationTest extends ServerFixture {
  private static final int WARM_UP = 3_000;
  private static final int ROUNDS = 10;
  private static final int BATCHES = 10_000;
  /** One object for each batch of a kind would be 16 bytes for each batch of that kind. */
  private static final double FEWER_THAN_ONE_OBJECT = 4;

  private static final int MANY = 100;
  private static final long PREPARED_ONE = 1L << 40;
  private static final long PREPARED_MANY = 1L << 41;

  @TempDir
  Path folder;
  private final Random random = new Random(1);
  private final List<Item> many = items(MANY);
  private long nextBatch = 1;

  /** A server that stays awake: what the JDK does to wait is not ours. */
  @Override
  ServerOptions options() {
    return super.options().toBuilder().spin(Duration.ofSeconds(10)).build();
  }

  private static List<Item> items(int count) {
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      items.add(Item.of(Place.input(floats(256L * i, 4 + i % 5, 3))));
    }
    return items;
  }

  private void run(SubmissionKind kind, long target, long block) {
    long batch = nextBatch++;
    client.submit(kind, batch, target, 0, block);
    WireClient.Completion completion = client.next();
    assertThat(completion.code()).isEqualTo(ErrorCode.OK);
    assertThat(completion.batchId()).isEqualTo(batch);
  }

  private void prepare(long id, List<Item> items) {
    client.submit(SubmissionKind.PREPARE, id, 0, 0, client.block("noop", 0, 0, "", items));
    assertThat(client.await(id).code()).isEqualTo(ErrorCode.OK);
  }

  private void adHocOne() {
    Item item = many.get(random.nextInt(MANY));
    run(SubmissionKind.RUN, 0, client.block("noop", 0, 0, "", List.of(item)));
  }

  private void adHocMany() {
    Collections.shuffle(many, random);
    run(SubmissionKind.RUN, 0, client.block("noop", 0, 0, "", many));
  }

  @Test
  void nothingIsAllocatedForPreparedBatches() throws IOException {
    prepare(PREPARED_ONE, many.subList(0, 1));
    prepare(PREPARED_MANY, many);
    requireNoObject(() -> run(SubmissionKind.RUN_PREPARED, PREPARED_ONE, 0));
    requireNoObject(() -> run(SubmissionKind.RUN_PREPARED, PREPARED_MANY, 0));
  }

  @Test
  void nothingIsAllocatedForKnownItemsInAnyOrder() throws IOException {
    requireNoObject(this::adHocOne);
    requireNoObject(this::adHocMany);
  }

  /** What is interpreted or hardly compiled makes objects: the compiler gets some rounds of time. */
  private void requireNoObject(Runnable batch) throws IOException {
    Poller.linkLean();
    double bytes = Double.MAX_VALUE;
    for (int round = 0; round < ROUNDS && bytes >= FEWER_THAN_ONE_OBJECT; round++) {
      for (int i = 0; i < WARM_UP; i++) {
        batch.run();
      }
      bytes = bytesPerBatch(batch);
    }
    assertThat(bytes).as("bytes for each batch").isLessThan(FEWER_THAN_ONE_OBJECT);
  }

  private double bytesPerBatch(Runnable batch) throws IOException {
    try (Recording recording = new Recording()) {
      // Each chunk of a recording begins and ends with what every thread has allocated so far.
      recording.enable("jdk.ThreadAllocationStatistics").with("period", "everyChunk");
      // Our own events are objects, for recordings that want them.
      recording.disable("io.tensorbridge.Batch");
      recording.disable("io.tensorbridge.Item");
      recording.start();
      for (int i = 0; i < BATCHES; i++) {
        batch.run();
      }
      recording.stop();
      Path file = Files.createTempFile(folder, "hot", ".jfr");
      recording.dump(file);
      long dispatcher = recordedDispatcher();
      LongSummaryStatistics allocated = new LongSummaryStatistics();
      for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
        RecordedThread thread = event.getThread("thread");
        if (thread != null && thread.getJavaThreadId() == dispatcher) {
          allocated.accept(event.getLong("allocated"));
        }
      }
      assertThat(allocated.getCount()).isGreaterThan(1);
      return (double) (allocated.getMax() - allocated.getMin()) / BATCHES;
    }
  }

  /** The youngest thread of that name: that of this test's server. */
  private static long recordedDispatcher() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("tensorbridge-dispatcher"))
        .mapToLong(Thread::threadId)
        .max()
        .orElseThrow();
  }
}
