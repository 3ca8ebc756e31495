package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.DType;
import io.tensorbridge.Lease;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraSelection;
import io.tensorbridge.quantize.lora.MatchedAdapter;
import io.tensorbridge.quantize.lora.ScaledAdapter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ModelSessionTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();
  private static final String[] LAYERS = {"a", "b", "c", "d"};
  private static final int SIDE = 128;
  private static final long ENOUGH = 1 << 24;

  @TempDir
  private Path directory;
  private Path model;
  private LoraAdapter first;
  private LoraAdapter second;
  private TensorFile base;

  @BeforeEach
  void writeFiles() {
    List<TensorEntry> weights = new ArrayList<>();
    for (String layer : LAYERS) {
      weights.add(entry(layer + ".weight", SIDE, SIDE));
      weights.add(entry(layer + ".bias", SIDE));
    }
    model = write("model.safetensors", weights, 1);
    first = LoraAdapter.read(FORMATS, write("first.safetensors", adapter("a", "b"), 2));
    second = LoraAdapter.read(FORMATS, write("second.safetensors", adapter("b", "c"), 3));
    base = FORMATS.forPath(model).open(model);
  }

  @AfterEach
  void closeFile() {
    base.close();
  }

  private static TensorEntry entry(String name, long... extents) {
    return TensorEntry.of(name, new TensorType(DType.F32, Shape.of(extents)));
  }

  private static List<TensorEntry> adapter(String... layers) {
    List<TensorEntry> entries = new ArrayList<>();
    for (String layer : layers) {
      entries.add(entry("lora_unet_" + layer + ".lora_down.weight", 4, SIDE));
      entries.add(entry("lora_unet_" + layer + ".lora_up.weight", SIDE, 4));
    }
    return entries;
  }

  private Path write(String name, List<TensorEntry> entries, int seed) {
    Path path = directory.resolve(name);
    Random random = new Random(seed);
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(entries.get(i).byteLength(), 4);
        for (long at = 0; at < bytes.byteSize(); at += 4) {
          bytes.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian() * 0.1f);
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  private static ConversionOptions options(String scheme, ScaledAdapter... adapters) {
    return ConversionOptions.of(QuantScheme.parse(scheme))
        .withLora(new LoraSelection(List.of(adapters), false));
  }

  private ModelSession open(ConversionOptions options, long cacheBytes) {
    return ModelSession.open(
        FORMATS, base, new GgufFormat(), options, 2, cacheBytes, (done, total) -> {});
  }

  /** All bytes of a state, by the tensors' names. */
  private static Map<String, List<byte[]>> bytes(ModelSession session) {
    try (ModelSnapshot snapshot = session.snapshot()) {
      return bytes(snapshot);
    }
  }

  private static Map<String, List<byte[]>> bytes(ModelSnapshot snapshot) {
    Map<String, List<byte[]>> copies = new LinkedHashMap<>();
    snapshot.weights().forEach(
        (name, weight) -> copies.put(
            name,
            weight.parts().stream().map(part -> part.toArray(ValueLayout.JAVA_BYTE)).toList()));
    return copies;
  }

  private static List<String> different(
      Map<String, List<byte[]>> one, Map<String, List<byte[]>> other) {
    assertThat(one.keySet()).containsExactlyElementsOf(other.keySet());
    return one.keySet().stream()
        .filter(
            name -> !Arrays.deepEquals(
                one.get(name).toArray(byte[][]::new), other.get(name).toArray(byte[][]::new)))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"q8_0", "q4_0", "f16"})
  void savesTheFileThatAConversionWrites(String scheme) {
    Path converted = directory.resolve("converted.gguf");
    ConversionOptions options =
        options(scheme, new ScaledAdapter(first, 0.8), new ScaledAdapter(second, -0.5));
    try (ModelConversion conversion =
        ModelConversion.quantize(FORMATS, model, converted, options)) {
      conversion.run(1, (done, total) -> {});
    }
    Path saved = directory.resolve("saved.gguf");
    try (ModelSession session = open(options(scheme), 0)) {
      session.apply("one", session.match(first, false), 0.8);
      session.apply("two", session.match(second, false), -0.5);
      session.save(saved);
    }
    assertThat(saved).hasSameBinaryContentAs(converted);
    try (ModelSession session = open(options, 0)) {
      session.save(saved);
    }
    assertThat(saved).hasSameBinaryContentAs(converted);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, ENOUGH})
  void redoesWhatIsTouchedAndGivesTheEarlierBytesBack(long cacheBytes) {
    try (ModelSession session = open(options("q8_0"), cacheBytes)) {
      Map<String, List<byte[]>> plain = bytes(session);
      MatchedAdapter one = session.match(first, false);
      MatchedAdapter two = session.match(second, false);

      session.apply("one", one, 0.8);
      Map<String, List<byte[]>> withOne = bytes(session);
      assertThat(different(plain, withOne)).containsExactly("a.weight", "b.weight");
      session.apply("two", two, -0.5);
      assertThat(different(withOne, bytes(session))).containsExactly("b.weight", "c.weight");
      assertThat(session.adapters()).containsExactly(Map.entry("one", 0.8), Map.entry("two", -0.5));

      session.remove("two");
      assertThat(different(withOne, bytes(session))).isEmpty();
      session.setScales(Map.of("one", 0.0));
      assertThat(different(plain, bytes(session))).isEmpty();
      session.setScales(Map.of("one", 0.8));
      assertThat(different(withOne, bytes(session))).isEmpty();
      session.remove("one");
      assertThat(different(plain, bytes(session))).isEmpty();
      assertThat(session.adapters()).isEmpty();
    }
  }

  @Test
  void aThousandChangesLeaveNoMemoryBehind() {
    long budget = 200_000; // less than all states take
    try (ModelSession session = open(options("q4_0"), budget)) {
      Map<String, List<byte[]>> plain = bytes(session);
      long current = session.memory().current();
      MatchedAdapter one = session.match(first, false);
      for (int i = 0; i < 1000; i++) {
        session.apply("one", one, 1 + i);
        session.remove("one");
        SessionMemory memory = session.memory();
        assertThat(memory.current()).isEqualTo(current);
        assertThat(memory.earlier()).isZero();
        assertThat(memory.cached()).isBetween(1L, budget);
        assertThat(memory.adapters()).isZero();
      }
      assertThat(different(plain, bytes(session))).isEmpty();
    }
  }

  @Test
  void aSnapshotStaysAsItIsAndGivesItsMemoryBack() {
    ModelSession session = open(options("q8_0"), 0);
    MatchedAdapter one = session.match(first, false);
    ModelSnapshot held = session.snapshot();
    Map<String, List<byte[]>> plain = bytes(held);
    MemorySegment part = held.weight("a.weight").parts().getFirst();

    session.apply("one", one, 1);
    assertThat(different(plain, bytes(held))).isEmpty();
    assertThat(different(plain, bytes(session))).isNotEmpty();
    assertThat(session.memory().earlier()).isPositive();
    held.close();
    held.close();
    assertThat(session.memory().earlier()).isZero();
    assertThatThrownBy(() -> part.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);

    ModelSnapshot last = session.snapshot();
    Lease lease = last.weight("c.weight").lease("test");
    MemorySegment leased = last.weight("c.weight").parts().getFirst();
    session.close();
    session.close();
    assertThat(bytes(last)).hasSize(2 * LAYERS.length);
    last.close();
    assertThat(leased.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(plain.get("c.weight").getFirst());
    lease.close();
    assertThatThrownBy(() -> leased.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(session::snapshot).isInstanceOf(BridgeClosedException.class);
    assertThatThrownBy(() -> session.remove("one")).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void readersNeverSeeAMixture() throws Exception {
    try (ModelSession session = open(options("q8_0"), ENOUGH);
        ExecutorService readers = Executors.newFixedThreadPool(3)) {
      MatchedAdapter one = session.match(first, false);
      Map<Map<String, Double>, Map<String, List<byte[]>>> expected = new LinkedHashMap<>();
      expected.put(session.adapters(), bytes(session));
      session.apply("one", one, 1);
      expected.put(session.adapters(), bytes(session));
      session.setScales(Map.of("one", 0.5));
      expected.put(session.adapters(), bytes(session));
      AtomicBoolean ended = new AtomicBoolean();
      Callable<Integer> reading = () -> {
        int read = 0;
        while (!ended.get()) {
          try (ModelSnapshot snapshot = session.snapshot()) {
            assertThat(different(expected.get(snapshot.adapters()), bytes(snapshot))).isEmpty();
          }
          read++;
        }
        return read;
      };
      List<Future<Integer>> reads = List.of(
          readers.submit(reading), readers.submit(reading), readers.submit(reading));
      for (int i = 0; i < 300; i++) {
        session.setScales(Map.of("one", 1.0));
        session.remove("one");
        session.apply("one", one, 0.5);
      }
      ended.set(true);
      for (Future<Integer> read : reads) {
        assertThat(read.get()).isPositive();
      }
    }
  }

  @Test
  void aRefusedChangeLeavesTheSessionAsItWas() {
    try (ModelSession session = open(options("q8_0"), ENOUGH)) {
      MatchedAdapter one = session.match(first, false);
      session.apply("one", one, 1);
      session.apply("two", session.match(second, false), 1);
      session.remove("two");
      Map<String, List<byte[]>> before = bytes(session);
      SessionMemory memory = session.memory();

      assertThatThrownBy(() -> session.apply("one", one, 1))
          .isInstanceOf(OptionException.class).hasMessageContaining("\"one\"");
      assertThatThrownBy(() -> session.setScales(Map.of("one", 0.5, "two", 1.0)))
          .isInstanceOf(OptionException.class).hasMessageContaining("\"two\"");
      assertThatThrownBy(() -> session.setScales(Map.of("one", Double.NaN)))
          .isInstanceOf(OptionException.class).hasMessageContaining("NaN");
      assertThatThrownBy(() -> session.setScales(Map.of("one", 1e300)))
          .isInstanceOf(TensorException.class).hasMessageContaining("lora_unet_a");
      assertThatThrownBy(() -> session.save(directory.resolve("other.safetensors")))
          .isInstanceOf(OptionException.class).hasMessageContaining("gguf");

      assertThat(session.adapters()).containsExactly(Map.entry("one", 1.0));
      assertThat(different(before, bytes(session))).isEmpty();
      assertThat(session.memory()).isEqualTo(memory);
      assertThat(directory.resolve("other.safetensors")).doesNotExist();
    }
  }

  @Test
  void aCancelledChangeLeavesTheSessionAsItWas() {
    AtomicReference<ModelSession> opened = new AtomicReference<>();
    try (ModelSession session =
        ModelSession.open(
            FORMATS, base, new GgufFormat(), options("q8_0"), 1, ENOUGH, (done, total) -> {
              ModelSession running = opened.get();
              if (running != null) {
                running.cancel();
              }
            })) {
      Map<String, List<byte[]>> plain = bytes(session);
      MatchedAdapter one = session.match(first, false);
      opened.set(session);
      assertThatThrownBy(() -> session.apply("one", one, 1)).isInstanceOf(CancelledException.class);
      opened.set(null);
      assertThat(different(plain, bytes(session))).isEmpty();
      session.apply("one", one, 1);
      assertThat(different(plain, bytes(session))).containsExactly("a.weight", "b.weight");
    }
  }

  @Test
  void takesArraysAsTheBase() {
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    for (TensorEntry entry : base.entries()) {
      arrays.put(entry.name(), base.tensor(entry.name()));
    }
    try (ModelSession ofFile = open(options("q8_0", new ScaledAdapter(first, 1)), 0);
        ModelSession ofArrays =
            ModelSession.open(
                FORMATS,
                ModelArrays.of(arrays),
                new GgufFormat(),
                options("q8_0", new ScaledAdapter(first, 1)),
                2,
                0,
                (done, total) -> {})) {
      assertThat(different(bytes(ofFile), bytes(ofArrays))).isEmpty();
      try (ModelSnapshot snapshot = ofArrays.snapshot()) {
        assertThat(snapshot.weight("a.weight").encoding()).isEqualTo("q8_0");
        assertThat(snapshot.weight("a.weight").adapterCount()).isEqualTo(1);
        assertThat(snapshot.weight("a.bias").encoding()).isEqualTo("f32");
        assertThat(snapshot.weight("a.bias").note()).contains("stay f32");
        assertThatThrownBy(() -> snapshot.weight("a.wieght"))
            .isInstanceOf(TensorException.class).hasMessageContaining("a.weight");
      }
    }
    Tensor turned = base.tensor("a.weight").permute(1, 0);
    assertThatThrownBy(() -> ModelArrays.of(Map.of("turned", turned)))
        .isInstanceOf(TensorException.class).hasMessageContaining("turned");
  }
}
