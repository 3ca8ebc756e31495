package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.model.ModelTensor;
import io.tensorbridge.quantize.model.SafetensorsWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models as Arrow tables, and as archives of arrays, through all commands. */
final class TableModelsTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir
  private Path directory;
  private Path model;

  @BeforeEach
  void writeModel() {
    model = directory.resolve("model.safetensors");
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("a.weight", new TensorType(DType.F32, Shape.of(4, 2, 128))),
            TensorEntry.of("b.weight", new TensorType(DType.F32, Shape.of(3, 256))),
            TensorEntry.of("a.bias", new TensorType(DType.F32, Shape.of(4))));
    SplittableRandom random = new SplittableRandom(7);
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(model, entries, Map.of("format", "pt"));
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(entries.get(i).byteLength());
        for (long k = 0; k < bytes.byteSize() / Float.BYTES; k++) {
          bytes.setAtIndex(ValueLayout.JAVA_FLOAT, k, (float) random.nextGaussian());
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
  }

  private Path path(String name) {
    return directory.resolve(name);
  }

  private void run(Object... words) {
    Console console = new Console(new PrintWriter(out), new PrintWriter(err));
    int code = Main.run(Stream.of(words).map(Object::toString).toList(), console);
    assertThat(code).as(err.toString()).isZero();
  }

  @Test
  void aTableOfWeightsIsAsGoodAsAnyInput() throws IOException {
    run("quantize", model, "-o", path("model.arrow"), "--scheme", "f32");
    for (String target : List.of("gguf", "safetensors")) {
      String scheme = target.equals("gguf") ? "q8_0" : "uniform:bits=4,group=128";
      run("quantize", model, "-o", path("direct." + target), "--scheme", scheme);
      run("quantize", path("model.arrow"), "-o", path("table." + target), "--scheme", scheme);

      assertThat(Files.mismatch(path("direct." + target), path("table." + target))).isEqualTo(-1);
    }
  }

  static List<String> schemes() {
    return Stream.concat(
        QuantScheme.knownFamilies().stream(),
        Stream.of("uniform:bits=4,group=128", "uniform:bits=2,group=row,sym=true",
            "uniform:bits=4,time=3", "uniform:group=64,spatial=true"))
        .toList();
  }

  static List<Arguments> tables() {
    return schemes().stream()
        .flatMap(scheme -> Stream.of(arguments(scheme, "arrow"), arguments(scheme, "npz")))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("tables")
  void everySchemeSurvives(String scheme, String ending) throws IOException {
    String usual =
        List.of("gguf", "safetensors").stream()
            .map(usualEnding -> path("direct." + usualEnding))
            .filter(file -> TensorFileFormats.ofServices().forPath(file)
                .holds(QuantScheme.parse(scheme).toString()))
            .findFirst()
            .orElseThrow()
            .toString();
    run("quantize", model, "-o", usual, "--scheme", scheme);
    run("dequantize", usual, "-o", path("direct-restored.safetensors"));
    run("quantize", model, "-o", path("table." + ending), "--scheme", scheme);
    run("dequantize", path("table." + ending), "-o", path("table-restored.safetensors"));

    requireEqual(path("direct-restored.safetensors"), path("table-restored.safetensors"));
    try (TensorFile table = open(path("table." + ending));
        TensorFile direct = open(Path.of(usual))) {
      assertThat(ModelTensor.of(table))
          .extracting(ModelTensor::name, ModelTensor::encoding, ModelTensor::shape)
          .containsExactlyInAnyOrderElementsOf(
              ModelTensor.of(direct).stream()
                  .map(t -> tuple(t.name(), t.encoding(), t.shape()))
                  .toList());
      assertThat(table.metadata()).containsEntry("format", "pt");
    }
  }

  private static TensorFile open(Path path) {
    return TensorFileFormats.ofServices().forPath(path).open(path);
  }

  private static void requireEqual(Path first, Path second) {
    try (TensorFile one = open(first); TensorFile other = open(second)) {
      assertThat(one.entries()).isEqualTo(other.entries()).isNotEmpty();
      for (TensorEntry entry : one.entries()) {
        assertThat(one.bytes(entry.name()).mismatch(other.bytes(entry.name())))
            .as(entry.toString())
            .isEqualTo(-1);
      }
    }
  }

  @Test
  void quantizedTablesAreShownComparedAndCopied() throws IOException {
    Path table = path("model.arrow");
    run("quantize", model, "-o", table, "--scheme", "uniform:bits=4,group=128");
    run("inspect", table);
    assertThat(out.toString())
        .contains("uniform:bits=4,group=128", "(4, 2, 128)", "3 tensors, 1796 elements", "pt")
        .doesNotContain("a.weight.scales");
    run("compare", model, table);
    assertThat(out.toString()).contains("all: SQNR");

    run("quantize", table, "-o", path("copy.safetensors"), "--scheme", "uniform:bits=4,group=128");
    run("quantize", model, "-o", path("direct.safetensors"), "--scheme",
        "uniform:bits=4,group=128");
    assertThat(Files.mismatch(path("copy.safetensors"), path("direct.safetensors"))).isEqualTo(-1);
    run("quantize", path("copy.safetensors"), "-o", path("again.arrow"), "--scheme",
        "uniform:bits=4,group=128");
    requireEqual(table, path("again.arrow"));
  }

  @Test
  void staysATableBesideItsInputIfNothingElseIsSaid() {
    run("quantize", model, "-o", path("model.arrow"), "--scheme", "f32");
    run("quantize", path("model.arrow"));
    assertThat(path("model.q8_0.arrow")).exists();
    run("quantize", model);
    assertThat(path("model.q8_0.gguf")).exists();
  }

  @Test
  void theSameFileComesFromAnyNumberOfThreads() throws IOException {
    run("quantize", model, "-o", path("one.arrow"), "--threads", "1");
    run("quantize", model, "-o", path("four.arrow"), "--threads", "4");
    assertThat(Files.mismatch(path("one.arrow"), path("four.arrow"))).isEqualTo(-1);
  }
}
