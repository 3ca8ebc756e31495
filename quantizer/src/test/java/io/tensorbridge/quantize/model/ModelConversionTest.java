package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.CancelledException;
import io.tensorbridge.DType;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ModelConversionTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  private static final List<TensorEntry> MODEL =
      List.of(
          floats("conv.weight", 40, 16, 3, 2),
          floats("large.weight", 600, 256),
          floats("narrow.weight", 5, 7),
          floats("norm.bias", 40),
          TensorEntry.of("steps", new TensorType(DType.I32, Shape.of(3))));

  @TempDir
  private Path directory;
  private Path model;

  private static TensorEntry floats(String name, long... dimensions) {
    return TensorEntry.of(name, new TensorType(DType.F32, Shape.of(dimensions)));
  }

  @BeforeEach
  void writeModel() {
    model = directory.resolve("model.safetensors");
    writeModel(model, Float.NaN, -1);
  }

  /** Gaussian values; one of them replaced, unless the index is negative. */
  private static void writeModel(Path path, float odd, int oddIndex) {
    Random random = new Random(1);
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, MODEL, Map.of("k", "v"));
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < MODEL.size(); i++) {
        MemorySegment bytes = arena.allocate(MODEL.get(i).byteLength());
        for (long at = 0; at < bytes.byteSize(); at += Float.BYTES) {
          bytes.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
        }
        if (i == 0 && oddIndex >= 0) {
          bytes.setAtIndex(ValueLayout.JAVA_FLOAT, oddIndex, odd);
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
  }

  private ConversionResult quantize(Path target, ConversionOptions options, int threads) {
    try (ModelConversion conversion = ModelConversion.quantize(FORMATS, model, target, options)) {
      return conversion.run(threads, (done, total) -> assertThat(done).isBetween(1L, total));
    }
  }

  private static ConversionOptions options(String scheme, String... overrides) {
    List<SchemeOverride> parsed = List.of(overrides).stream().map(SchemeOverride::parse).toList();
    return new ConversionOptions(QuantScheme.parse(scheme), parsed, NonFinite.ERROR, false);
  }

  private static String encodingOf(ConversionResult result, String name) {
    return result.tensors().stream()
        .filter(plan -> plan.source().name().equals(name))
        .findFirst()
        .orElseThrow()
        .encoding();
  }

  @Test
  void keepsSmallTensorsPlainAndReportsIt() throws IOException {
    Path target = directory.resolve("model.gguf");

    ConversionResult result = quantize(target, options("q8_0"), 2);

    assertThat(encodingOf(result, "conv.weight")).isEqualTo("q8_0");
    assertThat(encodingOf(result, "narrow.weight")).isEqualTo("f16");
    assertThat(encodingOf(result, "norm.bias")).isEqualTo("f32");
    assertThat(encodingOf(result, "steps")).isEqualTo("i32");
    assertThat(result.tensors())
        .extracting(TensorPlan::note)
        .contains("rows of 7 don't divide into q8_0 blocks of 32", "1-D tensors stay f32");
    assertThat(ModelFiles.filesIn(directory)).containsExactlyInAnyOrder(model, target);
    try (GgufFile file = GgufFile.open(target)) {
      assertThat(file.entry("conv.weight").shape()).isEqualTo(Shape.of(40, 16, 3, 2));
      assertThat(file.storedShape("conv.weight")).isEqualTo(Shape.of(40, 96));
      assertThat(file.metadata())
          .containsEntry("k", "v")
          .containsEntry("general.quantization_version", "2")
          .containsEntry("general.file_type", "7");
    }
  }

  @Test
  void writesTheSameBytesWithAnyNumberOfThreads() {
    Path one = directory.resolve("one.gguf");
    Path four = directory.resolve("four.gguf");

    quantize(one, options("q4_0"), 1);
    quantize(four, options("q4_0"), 4);

    assertThat(four).hasSameBinaryContentAs(one);
  }

  @Test
  void restoresWhatItQuantized() {
    for (String scheme : List.of("q8_0", "uniform:bits=8,group=32", "uniform:bits=8,time=10",
        "uniform:bits=8,group=32,spatial=true", "f16")) {
      String extension = scheme.equals("q8_0") ? ".gguf" : ".safetensors";
      Path quantized = directory.resolve("quantized" + extension);
      Path restored = directory.resolve("restored.safetensors");
      quantize(quantized, options(scheme), 2);
      try (ModelConversion back = ModelConversion.dequantize(FORMATS, quantized, restored)) {
        back.run(2, (done, total) -> {});
      }

      try (TensorFile before = FORMATS.forPath(model).open(model);
          TensorFile after = FORMATS.forPath(restored).open(restored);
          TensorFile between = FORMATS.forPath(quantized).open(quantized)) {
        ModelComparison direct = ModelComparison.of(before, between, 2, (done, total) -> {});
        ModelComparison roundTrip = ModelComparison.of(before, after, 1, (done, total) -> {});
        assertThat(direct.onlyInFirst()).isEmpty();
        assertThat(direct.onlyInSecond()).isEmpty();
        assertThat(direct.tensors()).allMatch(pair -> pair.quality().isPresent());
        assertThat(direct.total().sqnrDb()).isGreaterThan(40);
        assertThat(roundTrip.total()).isEqualTo(direct.total());
        assertThat(after.entry("conv.weight").shape()).isEqualTo(Shape.of(40, 16, 3, 2));
      }
    }
  }

  @Test
  void storesEightBitFloatsUnderTheirDtypeAndReadsThemAsFloats() {
    Path bytes = directory.resolve("bytes.safetensors");
    quantize(bytes, options("fp8_e4m3", "large.*=fp8_e5m2"), 1);
    try (SafetensorsFile file = SafetensorsFile.open(bytes)) {
      TensorType type = new TensorType(DType.F8_E4M3, Shape.of(40, 16, 3, 2));
      assertThat(file.entry("conv.weight")).isEqualTo(TensorEntry.of("conv.weight", type));
      assertThat(file.entry("large.weight").dtype()).contains(DType.F8_E5M2);
      assertThat(file.metadata()).containsOnlyKeys("k");
    }
    Path plain = directory.resolve("plain.safetensors");
    try (ModelConversion conversion = ModelConversion.dequantize(FORMATS, bytes, plain)) {
      conversion.run(1, (done, total) -> {});
    }
    try (SafetensorsFile file = SafetensorsFile.open(plain)) {
      assertThat(file.entry("conv.weight").dtype()).contains(DType.F32);
    }

    Path fromBytes = directory.resolve("from-bytes.gguf");
    Path fromPlain = directory.resolve("from-plain.gguf");
    model = bytes;
    quantize(fromBytes, options("q8_0"), 1);
    model = plain;
    quantize(fromPlain, options("q8_0"), 1);
    try (GgufFile one = GgufFile.open(fromBytes); GgufFile other = GgufFile.open(fromPlain)) {
      for (TensorEntry entry : one.entries()) {
        assertThat(one.bytes(entry.name()).mismatch(other.bytes(entry.name()))).isEqualTo(-1);
      }
      assertThat(one.entry("conv.weight").encoding()).isEqualTo("q8_0");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
          "fp8_e4m3 | 30", "fp8_e4m3:scale=tensor | 30", "fp8_e4m3:scale=row | 30",
          "fp8_e4m3:scale=block | 30", "mxfp8 | 30", "mxint8 | 41", "mxfp4:layout=ocp | 18",
          "nvfp4:layout=two-level | 20"
      })
  void restoresWhatHasItsScalesApart(String scheme, double leastDecibels) {
    Path quantized = directory.resolve("quantized.safetensors");
    Path restored = directory.resolve("restored.safetensors");
    quantize(quantized, options(scheme), 2);
    try (ModelConversion back = ModelConversion.dequantize(FORMATS, quantized, restored)) {
      back.run(2, (done, total) -> {});
    }
    try (TensorFile before = FORMATS.forPath(model).open(model);
        TensorFile between = FORMATS.forPath(quantized).open(quantized);
        TensorFile after = FORMATS.forPath(restored).open(restored)) {
      ModelComparison direct = ModelComparison.of(before, between, 2, (done, total) -> {});
      ModelComparison roundTrip = ModelComparison.of(before, after, 1, (done, total) -> {});
      assertThat(direct.total().sqnrDb()).isGreaterThan(leastDecibels);
      assertThat(roundTrip.total()).isEqualTo(direct.total());
    }
  }

  @Test
  void givesTheFirstMatchingOverrideItsWay() {
    ConversionResult result =
        quantize(
            directory.resolve("model.gguf"),
            options("q8_0", "conv.*=q4_0", ".*weight=f16", "norm=f16", "weight=f32"),
            2);

    assertThat(encodingOf(result, "conv.weight")).isEqualTo("q4_0");
    assertThat(encodingOf(result, "large.weight")).isEqualTo("f16");
    assertThat(encodingOf(result, "norm.bias")).isEqualTo("f32");
    assertThat(result.warnings())
        .containsExactly(
            "the override norm=f16 matches the whole name of no tensor",
            "the override weight=f32 matches the whole name of no tensor");
  }

  @Test
  void refusesAnOverrideThatDoesNotDivide() {
    assertThatThrownBy(
        () -> quantize(directory.resolve("m.gguf"), options("q8_0", "narrow.*=q8_0"), 1))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("narrow.weight");
  }

  @Test
  void namesContainersThatHoldTheScheme() {
    assertThatThrownBy(() -> quantize(directory.resolve("m.safetensors"), options("q8_0"), 1))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("gguf (.gguf)");
    assertThatThrownBy(() -> quantize(directory.resolve("m.gguf"), options("uniform"), 1))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("safetensors (.safetensors)");
  }

  @Test
  void refusesToOverwriteItsInput() {
    assertThatThrownBy(() -> quantize(model, options("uniform"), 1))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("is the input");
  }

  @Test
  void leavesNothingBehindWhenATensorFails() throws IOException {
    writeModel(model, Float.NaN, 77);

    assertThatThrownBy(() -> quantize(directory.resolve("m.gguf"), options("q8_0"), 2))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("\"conv.weight\": element 77 is NaN");
    assertThat(ModelFiles.filesIn(directory)).containsExactly(model);
  }

  @Test
  void goesOnWithoutFailedTensorsIfAsked() {
    writeModel(model, Float.POSITIVE_INFINITY, 5);
    Path target = directory.resolve("m.gguf");
    QuantScheme scheme = QuantScheme.parse("q8_0");

    ConversionResult result =
        quantize(target, new ConversionOptions(scheme, List.of(), NonFinite.ERROR, true), 2);

    assertThat(result.failures()).containsOnlyKeys("conv.weight");
    try (GgufFile file = GgufFile.open(target)) {
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactly("large.weight", "narrow.weight", "norm.bias", "steps");
    }
  }

  @Test
  void quantizesTwiceAsIfFromTheDequantizedModelAndWarns() {
    for (String first : List.of("q8_0", "uniform:bits=4,group=tensor", "uniform:bits=4,time=5",
        "uniform:bits=4,group=64,spatial=true", "int8")) {
      Path once =
          directory.resolve(first.equals("q8_0") ? "once.gguf" : "once.safetensors");
      Path between = directory.resolve("between.safetensors");
      Path twice = directory.resolve("twice.gguf");
      Path expected = directory.resolve("expected.gguf");
      quantize(once, options(first), 2);
      try (ModelConversion back = ModelConversion.dequantize(FORMATS, once, between)) {
        back.run(2, (done, total) -> {});
      }

      try (ModelConversion again =
          ModelConversion.quantize(FORMATS, once, twice, options("q4_0"))) {
        ConversionResult result = again.run(3, (done, total) -> {});
        assertThat(result.warnings())
            .containsExactly(
                "tensors that were quantized already lose twice (2 from " + first
                    + " to q4_0); the original model gives better results");
      }
      try (ModelConversion direct =
          ModelConversion.quantize(FORMATS, between, expected, options("q4_0"))) {
        direct.run(1, (done, total) -> {});
      }
      try (TensorFile actual = FORMATS.forPath(twice).open(twice);
          TensorFile wanted = FORMATS.forPath(expected).open(expected)) {
        for (String name : List.of("conv.weight", "large.weight")) {
          assertThat(actual.bytes(name).mismatch(wanted.bytes(name))).isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void leavesNothingBehindWhenItIsCancelled() throws IOException {
    Path target = directory.resolve("m.gguf");
    Files.writeString(target, "old");
    try (ModelConversion conversion =
        ModelConversion.quantize(FORMATS, model, target, options("q8_0"))) {
      assertThatThrownBy(() -> conversion.run(2, (done, total) -> conversion.cancel()))
          .isInstanceOf(CancelledException.class);
    }

    assertThat(target).hasContent("old");
    assertThat(ModelFiles.filesIn(directory)).containsExactlyInAnyOrder(model, target);
  }

  @Test
  void readsAnOverrideWhoseExpressionAndSchemeHoldEqualsSigns() {
    SchemeOverride override = SchemeOverride.parse("(?:a|b=).*x=y=uniform:bits=4,group=128");

    assertThat(override.names().text()).isEqualTo("(?:a|b=).*x=y");
    assertThat(override.scheme()).isEqualTo(QuantScheme.parse("uniform:bits=4,group=128"));
    assertThatThrownBy(() -> SchemeOverride.parse("a.*=q99"))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("q99");
    assertThatThrownBy(() -> SchemeOverride.parse("(=q8_0")).isInstanceOf(OptionException.class);
  }
}
