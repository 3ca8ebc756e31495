package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A server survives every input of {@code spec/hostile}, answers it with the error that stands in
 * the file's name, and serves everybody else meanwhile.
 */
class HostileInputsIT {
  @RegisterExtension
  static final NothingLeft NOTHING_LEFT = new NothingLeft();

  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static Path folder;
  private static Process other;
  private static SpecFile bases;

  @BeforeAll
  static void prepare() throws Exception {
    folder = Files.createTempDirectory("tb");
    Files.write(folder.resolve("file"), new byte[65_536]);
    Process pipe = new ProcessBuilder("mkfifo", folder.resolve("pipe").toString()).start();
    assertThat(pipe.waitFor()).isZero();
    other = new ProcessBuilder("sleep", "600").start();
    bases = SpecFile.read(SpecFile.folder("hostile").resolve("bases.json"));
  }

  @AfterAll
  static void cleanUp() throws IOException {
    other.destroy();
    Files.delete(folder.resolve("file"));
    Files.delete(folder.resolve("pipe"));
    Files.delete(folder);
  }

  private static List<SpecFile> cases() throws IOException {
    List<SpecFile> cases = new ArrayList<>();
    for (Path path : SpecFile.filesOf("hostile").toList()) {
      if (!path.endsWith("bases.json")) {
        cases.add(SpecFile.read(path));
      }
    }
    return cases;
  }

  @TestFactory
  Stream<DynamicTest> everyHostileInputCausesItsErrorAndNothingElse() throws IOException {
    return cases().stream()
        .map(each -> DynamicTest.dynamicTest(each.text("name"), () -> run(each)));
  }

  private static void run(SpecFile hostile) throws Exception {
    Path path = folder.resolve("s");
    try (BatchServer server = BatchServer.listen(path, optionsFor(hostile.object("limits")));
        HostileDriver bystander = new HostileDriver(bases, path, other, folder)) {
      bystander.makeReady();
      try (HostileDriver attacker = new HostileDriver(bases, path, other, folder)) {
        attack(hostile, attacker);
      }
      bystander.probe();
      // What the attacker held is released, what the bystander holds is not.
      awaitUsage(server, 1, 2);
    }
  }

  private static void attack(SpecFile hostile, HostileDriver attacker) throws IOException {
    if (hostile.text("stage").equals("ready")) {
      attacker.makeReady();
    }
    for (SpecFile step : hostile.objects("steps")) {
      attacker.play(step);
    }
    if (hostile.text("end").equals("alive")) {
      attacker.probe();
    }
  }

  private static ServerOptions optionsFor(SpecFile limits) {
    ServerOptions.Builder options = ServerOptions.builder().threads(1);
    for (Map.Entry<String, Object> limit : limits.fields().entrySet()) {
      long value = limits.number(limit.getKey());
      switch (limit.getKey()) {
        case "max_regions" -> options.maxRegions((int) value);
        case "max_batches" -> options.maxBatches((int) value);
        case "max_items" -> options.maxItems((int) value);
        case "max_bytes" -> options.maxBytesPerClient(value);
        case "max_block_bytes" -> options.maxBlockBytes(value);
        default -> throw new IllegalArgumentException("unknown limit " + limit.getKey());
      }
    }
    return options.build();
  }

  /** All inputs one after another against one server, with a client that works beside them. */
  @TestFactory
  Stream<DynamicTest> oneServerSurvivesThemAllBesideAWorkingClient() throws IOException {
    return Stream.of(
        DynamicTest.dynamicTest("all inputs", HostileInputsIT::runAllBesideAWorkingClient));
  }

  private static void runAllBesideAWorkingClient() throws Exception {
    Path path = folder.resolve("all");
    List<SpecFile> cases = cases();
    cases.removeIf(each -> !each.object("limits").fields().isEmpty());
    ServerOptions options = ServerOptions.builder().threads(1).build();
    try (BatchServer server = BatchServer.listen(path, options)) {
      try (BatchClient client = BatchClient.connect(path);
          ExecutorService thread = Executors.newSingleThreadExecutor()) {
        AtomicBoolean over = new AtomicBoolean();
        Future<?> work = thread.submit(() -> work(client, over));
        try {
          for (SpecFile each : cases) {
            try (HostileDriver attacker = new HostileDriver(bases, path, other, folder)) {
              attack(each, attacker);
            }
          }
        } finally {
          over.set(true);
        }
        work.get();
      }
      awaitUsage(server, 0, 0);
    }
  }

  /** The server's own threads notice the end of a client and unmap its memory. */
  private static void awaitUsage(BatchServer server, int clients, int regions) {
    long begin = System.nanoTime();
    BatchServer.Usage usage = server.usage();
    while (usage.clients() != clients || usage.regions() != regions || usage.batches() != 0) {
      assertThat(System.nanoTime() - begin).as(usage.toString()).isLessThan(PATIENCE_NANOS);
      Thread.onSpinWait();
      usage = server.usage();
    }
  }

  private static void work(BatchClient client, AtomicBoolean over) {
    while (!over.get()) {
      Tensor tensor = ServerAndClient.counting(client.allocate(DType.F32, Shape.of(1000)));
      try (BatchResult result = client.submit(Batch.of("copy").add("w", tensor)).get()) {
        assertThat(result.output("w").getDouble(999)).isEqualTo(999);
      }
      client.release(tensor);
    }
  }
}
