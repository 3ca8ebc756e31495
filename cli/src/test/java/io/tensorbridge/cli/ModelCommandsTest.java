package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ModelCommandsTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir
  private Path directory;
  private Path model;

  @BeforeEach
  void writeModel() {
    model = directory.resolve("model.safetensors");
    write(1);
  }

  private void write(float first) {
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("a.weight", new TensorType(DType.F32, Shape.of(4, 64))),
            TensorEntry.of("a.bias", new TensorType(DType.F32, Shape.of(4))));
    try (SafetensorsWriter writer = SafetensorsWriter.create(model, entries, Map.of());
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(4 * 64 * Float.BYTES);
      for (int i = 0; i < 4 * 64; i++) {
        bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, i == 0 ? first : i / 100f);
      }
      writer.write(0, 0, bytes);
      writer.write(1, 0, bytes.asSlice(0, 4 * Float.BYTES));
      writer.commit();
    }
  }

  @Test
  void putsTheOutputBesideTheInputWithTheSchemeInItsName() {
    assertThat(run("quantize", model.toString())).isZero();
    assertThat(run("quantize", model.toString(), "--scheme=uniform:bits=8,group=row")).isZero();

    assertThat(directory.resolve("model.q8_0.gguf")).exists();
    assertThat(directory.resolve("model.uniform-bits8-grouprow.safetensors")).exists();
    assertThat(out.toString()).contains("1-D tensors stay f32").contains("GB/s");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void printsOneJsonDocumentAndNothingElse() throws IOException {
    Path output = directory.resolve("out.gguf");

    for (List<String> words : List.of(
        List.of("quantize", model.toString(), "-o", output.toString(), "--json"),
        List.of("inspect", output.toString(), "--json"),
        List.of("compare", model.toString(), output.toString(), "--json"),
        List.of("doctor", "--json"))) {
      out.getBuffer().setLength(0);
      assertThat(run(words.toArray(new String[0]))).isZero();
      requireOneDocument(out.toString());
    }
    assertThat(err.toString()).isEmpty();
  }

  private static void requireOneDocument(String text) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(text)) {
      parser.nextToken();
      parser.skipChildren();
      assertThat(parser.nextToken()).isNull();
    }
  }

  @Test
  void showsModelsAndHowCloseTheyAre() {
    Path output = directory.resolve("out.gguf");
    Path restored = directory.resolve("restored.safetensors");
    run("quantize", model.toString(), "-o", output.toString(), "--quiet");
    assertThat(out.toString()).isEmpty();

    assertThat(run("inspect", output.toString())).isZero();
    assertThat(out.toString()).contains("a.weight", "q8_0", "(4, 64)", "2 tensors, 260 elements");
    assertThat(run("dequantize", output.toString(), "-o", restored.toString())).isZero();
    assertThat(run("compare", model.toString(), restored.toString())).isZero();
    assertThat(out.toString()).contains("all: SQNR");
  }

  @Test
  void writesAReportThatNeedsNoOtherFile() throws IOException {
    Path report = directory.resolve("report.html");

    assertThat(run("quantize", model.toString(), "--report", report.toString())).isZero();

    assertThat(Files.readString(report))
        .startsWith("<!doctype html>")
        .contains("<svg", "prefers-color-scheme: dark", "a.weight", "q8_0", "SQNR")
        .doesNotContain("http://", "https://", "src=", "<link");
  }

  @Test
  void drawsTheErrorOfEachTensorOfAComparison() throws IOException {
    Path output = directory.resolve("out.gguf");
    Path report = directory.resolve("errors.html");
    run("quantize", model.toString(), "-o", output.toString(), "--quiet");

    assertThat(run("compare", model.toString(), output.toString(), "--report", report.toString()))
        .isZero();

    assertThat(Files.readString(report))
        .startsWith("<!doctype html>")
        .contains("<circle", "in the order of the model", "table class=\"sortable\"", "a.weight")
        .doesNotContain("http://", "https://", "src=", "<link");
  }

  @Test
  void printsWhatWasMeasuredAndWhatGotMoreBits() throws IOException {
    String output = directory.resolve("out.gguf").toString();

    assertThat(run("quantize", model.toString(), "-o", output, "--quality")).isZero();
    assertThat(out.toString()).contains("quantized tensors: SQNR", "the worst is a.weight");
    out.getBuffer().setLength(0);

    assertThat(
        run(
            "quantize", model.toString(), "-o", output, "--scheme", "q4_0", "--min-cosine",
            "0.9999", "--ladder", "q4_0,q8_0", "--json"))
        .isZero();
    requireOneDocument(out.toString());
    assertThat(out.toString())
        .contains("\"raised\"", "\"from\" : \"q4_0\"", "\"to\" : \"q8_0\"", "\"sqnr_db\"");
    out.getBuffer().setLength(0);

    assertThat(
        run(
            "quantize", model.toString(), "-o", output, "--scheme", "q4_0", "--min-cosine=0.9999"))
        .isZero();
    assertThat(out.toString()).contains("raised: a.weight from q4_0 to ");

    assertThat(
        run(
            "quantize", model.toString(), "-o", output, "--scheme", "q4_0", "--min-cosine=0.9999",
            "--fail-fast"))
        .isEqualTo(1);
    assertThat(err.toString()).contains("a.weight", "cosine 0.9", "less than 0.9999");
  }

  @Test
  void aProfileSetsSchemeAndLimitUnlessTheyAreGiven() {
    assertThat(run("quantize", model.toString(), "--profile", "edge")).isZero();
    assertThat(directory.resolve("model.uniform-bits2-group256.safetensors")).exists();
    assertThat(run("quantize", model.toString(), "--profile", "local", "--scheme", "q8_0"))
        .isZero();
    assertThat(directory.resolve("model.q8_0.gguf")).exists();
    assertThat(run("quantize", model.toString(), "--profile", "desk")).isEqualTo(2);
    assertThat(err.toString()).contains("edge, local, cloud");

    out.getBuffer().setLength(0);
    assertThat(run("quantize", "--help")).isZero();
    assertThat(out.toString())
        .containsPattern("cloud +8 +64 +20 +0.95")
        .contains("--ladder", "--min-cosine", "--fail-fast", "--skip", "--no-default-skips");
  }

  @Test
  void keepsTensorsThatAreSkipped() {
    assertThat(run("quantize", model.toString(), "--skip", "a\\.weight")).isZero();
    assertThat(out.toString()).contains("kept by --skip a\\.weight");
  }

  @Test
  void tellsProgressInLinesOfJson() throws IOException {
    assertThat(run("quantize", model.toString(), "--json", "--progress", "json")).isZero();
    requireOneDocument(out.toString());
    assertThat(err.toString().lines())
        .isNotEmpty()
        .allSatisfy(ModelCommandsTest::requireOneDocument)
        .last()
        .asString()
        .contains("\"seconds_left\":0.0", "\"stage\":\"quantize\"");
    assertThat(run("quantize", model.toString(), "--progress", "loud")).isEqualTo(2);
  }

  @Test
  void tellsWrongUsageFromFailedWork() {
    assertThat(run("quantize", model.toString(), "--scheme", "q99")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "-o", model.toString())).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "-o", "out.safetensors")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--memory-limit", "1KiB")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--memory-limit", "much")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--threads", "0")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--min-cosine", "much")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--min-cosine", "2")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--fail-fast")).isEqualTo(2);
    assertThat(run("quantize", model.toString(), "--skip", "(")).isEqualTo(2);
    assertThat(run("quantize")).isEqualTo(2);
    assertThat(run("serve")).isEqualTo(2);
    assertThat(run("quantize", directory.resolve("none.gguf").toString())).isEqualTo(1);
    assertThat(err.toString()).contains("none.gguf: no such file");
  }

  @Test
  void namesTheTensorThatFailed() throws IOException {
    write(Float.NaN);

    assertThat(run("quantize", model.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("a.weight").contains("NaN");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(model);
    }

    assertThat(run("quantize", model.toString(), "--continue-on-error")).isEqualTo(1);
    assertThat(directory.resolve("model.q8_0.gguf")).exists();
    assertThat(err.toString()).contains("left out");
  }

  @Test
  void printsAFailureAsOneJsonDocument() throws IOException {
    assertThat(run("quantize", model.toString(), "--json", "--scheme", "q99")).isEqualTo(2);
    requireOneDocument(out.toString());
    assertThat(out.toString()).contains("\"error\"", "\"code\" : 253", "\"kind\" : \"option\"");
    out.getBuffer().setLength(0);

    assertThat(run("quantize", model.toString(), "--json", "--no-such")).isEqualTo(2);
    requireOneDocument(out.toString());
    assertThat(out.toString()).contains("\"code\" : 252", "unknown option --no-such");
    out.getBuffer().setLength(0);

    assertThat(run("inspect", directory.resolve("none.gguf").toString(), "--json")).isEqualTo(1);
    requireOneDocument(out.toString());
    assertThat(out.toString()).contains("\"code\" : 601", "\"kind\" : \"format\"");
    out.getBuffer().setLength(0);

    write(Float.NaN);
    assertThat(run("quantize", model.toString(), "--json")).isEqualTo(1);
    requireOneDocument(out.toString());
    assertThat(out.toString())
        .contains("\"code\" : 201", "\"tensor\" : \"a.weight\"", "\"index\" : 0");
    out.getBuffer().setLength(0);

    assertThat(run("quantize", model.toString(), "--json", "--continue-on-error")).isEqualTo(1);
    requireOneDocument(out.toString());
    assertThat(out.toString())
        .contains("\"failures\"", "\"a.weight\" : {", "\"code\" : 201")
        .doesNotContain("\"error\"");
    out.getBuffer().setLength(0);

    assertThat(run("quantize", model.toString(), "--scheme", "q99")).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
  }

  private int run(String... words) {
    Console console = new Console(new PrintWriter(out), new PrintWriter(err));
    return Main.run(List.of(words), console);
  }
}
