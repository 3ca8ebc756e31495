package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.SharedRegion;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In which order the dispatcher's thread carries out what several clients ask for at once. */
class DispatcherTurnsTest {
  private static final int BATCHES = 12;

  private final List<String> order = Collections.synchronizedList(new ArrayList<>());
  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch allPublished = new CountDownLatch(1);
  private int fdsBefore;
  private long mappedBefore;

  @BeforeEach
  void count() {
    fdsBefore = Fd.openCount();
    mappedBefore = SharedRegion.mappedBytes();
  }

  @AfterEach
  void nothingIsLeft() {
    ServerFixture.await(() -> Fd.openCount() <= fdsBefore); // a worker leaves its call
    assertThat(Fd.openCount()).isEqualTo(fdsBefore);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  /** {@code note}: writes down its option, and takes as long as a whole turn may, or longer. */
  private final class Note implements TensorOpProvider {
    @Override
    public String name() {
      return "note";
    }

    @Override
    public String summary() {
      return "writes down when it ran";
    }

    @Override
    public TensorOp create() {
      return new TensorOp() {
        @Override
        public String name() {
          return "note";
        }

        @Override
        public OpPlan plan(List<TensorType> inputs, Options options) {
          return new Plan(options.get("who", ""));
        }
      };
    }

    private final class Plan implements OpPlan {
      private final String who;

      Plan(String who) {
        this.who = who;
      }

      @Override
      public List<OutputSpec> outputs() {
        return List.of();
      }

      @Override
      public long workBytes() {
        return 1;
      }

      @Override
      public OpRun bind(OpMemory memory) {
        return new OpRun() {
          @Override
          public int chunkCount(int phase) {
            return 1;
          }

          @Override
          public void runChunk(int phase, int chunk) {
            run(who);
          }
        };
      }
    }
  }

  private void run(String who) {
    if (who.equals("gate")) {
      begun.countDown();
      awaitQuietly(allPublished);
    } else {
      order.add(who);
      long end = System.nanoTime() + ClientSession.TURN_NANOS;
      while (System.nanoTime() - end < 0) {
        Thread.onSpinWait();
      }
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  private static void publish(WireClient client, int first, int count, String who) {
    long block = client.block("note", 0, 0, "who=" + who + "\n", List.of(Item.of()));
    for (int i = 0; i < count; i++) {
      client.submit(SubmissionKind.RUN, first + i, 0, 0, block);
    }
  }

  @Test
  void aClientWithManySubmissionsGivesTheOthersTheirTurnAfterEachThatTakesLong(
      @TempDir Path folder) {
    ServerOptions options = ServerOptions.builder().operations(List.of(new Note())).build();
    Path path = folder.resolve("server").resolve("tb.sock");
    try (BatchServer server = BatchServer.listen(path, options);
        WireClient gate = new WireClient(LocalSocket.connect(path));
        WireClient greedy = new WireClient(LocalSocket.connect(path));
        WireClient small = new WireClient(LocalSocket.connect(path))) {
      publish(gate, 1, 1, "gate");
      awaitQuietly(begun);
      publish(greedy, 1, BATCHES, "g");
      publish(small, 1, 2, "s");
      allPublished.countDown();
      for (int i = 1; i <= BATCHES; i++) {
        assertThat(greedy.await(i).code()).isEqualTo(ErrorCode.OK);
      }
      for (int i = 1; i <= 2; i++) {
        assertThat(small.await(i).code()).isEqualTo(ErrorCode.OK);
      }
      assertThat(gate.await(1).code()).isEqualTo(ErrorCode.OK);
      assertThat(order).hasSize(BATCHES + 2);
      assertThat(order.indexOf("s")).isLessThanOrEqualTo(1);
      assertThat(order.lastIndexOf("s")).isLessThanOrEqualTo(3);
      assertThat(server.path()).contains(path);
    }
  }
}
