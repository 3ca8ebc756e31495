package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.RaisedTensor.Rung;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class QualityGateTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  /** Outliers among small values need more bits than even values do. */
  private static final List<TensorEntry> MODEL =
      List.of(
          entry("easy.weight", 300, 256),
          entry("hard.weight", 300, 256),
          entry("wide.weight", 2, 4),
          entry("norm.bias", 40));

  @TempDir
  private Path directory;
  private Path model;

  private static TensorEntry entry(String name, long... dimensions) {
    return TensorEntry.of(name, new TensorType(DType.F32, Shape.of(dimensions)));
  }

  @BeforeEach
  void writeModel() {
    model = directory.resolve("model.safetensors");
    Random random = new Random(1);
    try (SafetensorsWriter writer = SafetensorsWriter.create(model, MODEL, Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < MODEL.size(); i++) {
        MemorySegment bytes = arena.allocate(MODEL.get(i).byteLength());
        long count = bytes.byteSize() / Float.BYTES;
        for (long at = 0; at < count; at++) {
          float value = (float) random.nextGaussian();
          bytes.setAtIndex(ValueLayout.JAVA_FLOAT, at, i == 1 ? value * value * value : value);
        }
        if (i == 2) {
          bytes.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 1e30f);
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
  }

  private ConversionResult quantize(Path target, ConversionOptions options, int threads) {
    AtomicLong last = new AtomicLong();
    try (ModelConversion conversion = ModelConversion.quantize(FORMATS, model, target, options)) {
      return conversion.run(
          threads,
          (done, total) -> {
            assertThat(done).isLessThanOrEqualTo(total);
            assertThat(last.getAndSet(done)).isLessThanOrEqualTo(done);
          });
    }
  }

  private static ConversionOptions options(String scheme, double minCosine, String... ladder) {
    List<QuantScheme> rungs = new ArrayList<>();
    for (String rung : ladder) {
      rungs.add(QuantScheme.parse(rung));
    }
    return ConversionOptions.of(QuantScheme.parse(scheme))
        .withGate(new QualityGate(minCosine, Double.NEGATIVE_INFINITY, rungs, false));
  }

  private static List<String> encodings(RaisedTensor tensor) {
    return tensor.rungs().stream().map(Rung::encoding).toList();
  }

  private static RaisedTensor raised(ConversionResult result, String name) {
    return result.raised().stream()
        .filter(tensor -> tensor.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void measuresInThePassWhatAComparisonFindsAfterwards() {
    Path target = directory.resolve("model.gguf");

    ConversionResult result =
        quantize(
            target, ConversionOptions.of(QuantScheme.parse("q8_0")).withMeasuring(), 2);

    assertThat(result.qualities()).containsOnlyKeys("easy.weight", "hard.weight", "wide.weight");
    assertThat(result.raised()).isEmpty();
    try (TensorFile before = FORMATS.forPath(model).open(model);
        TensorFile after = FORMATS.forPath(target).open(target)) {
      for (ModelComparison.Pair pair : ModelComparison.of(before, after, 1, (d, t) -> {})
          .tensors()) {
        TensorQuality measured = result.qualities().get(pair.first().name());
        if (measured != null && !pair.first().name().startsWith("wide")) {
          assertThat(measured).isEqualTo(pair.quality().orElseThrow());
        }
      }
    }
  }

  @Test
  void aTensorThatMissesClimbsAndTheOthersKeepTheirBytes() throws IOException {
    Path plain = directory.resolve("plain.safetensors");
    Path gated = directory.resolve("gated.safetensors");
    String scheme = "uniform:bits=2,group=256";
    quantize(plain, ConversionOptions.of(QuantScheme.parse(scheme)), 2);
    ConversionResult ungated =
        quantize(
            directory.resolve("measured.safetensors"),
            ConversionOptions.of(QuantScheme.parse(scheme)).withMeasuring(), 1);
    double easy = ungated.qualities().get("easy.weight").cosine();
    double hard = ungated.qualities().get("hard.weight").cosine();
    assertThat(hard).isLessThan(easy);

    ConversionResult result = quantize(gated, options(scheme, (easy + hard) / 2), 2);

    RaisedTensor climbed = raised(result, "hard.weight");
    assertThat(encodings(climbed)).startsWith(scheme, "uniform:bits=4,group=256");
    assertThat(climbed.from().quality().cosine()).isEqualTo(hard);
    assertThat(climbed.to().quality()).isEqualTo(result.qualities().get("hard.weight"));
    assertThat(climbed.to().quality().cosine()).isGreaterThanOrEqualTo((easy + hard) / 2);
    assertThat(result.tensors())
        .extracting(TensorPlan::encoding)
        .containsExactlyInAnyOrder(
            scheme, climbed.to().encoding(), raisedOr(result, "wide.weight", scheme), "f32");
    try (SafetensorsFile before = SafetensorsFile.open(plain);
        SafetensorsFile after = SafetensorsFile.open(gated)) {
      for (String name : List.of("easy.weight", "easy.weight.scales", "norm.bias")) {
        assertThat(after.bytes(name).mismatch(before.bytes(name))).isEqualTo(-1);
      }
    }
    assertThat(ModelFiles.filesIn(directory))
        .allMatch(path -> !path.toString().endsWith(".tmp"));
  }

  private static String raisedOr(ConversionResult result, String name, String otherwise) {
    return result.raised().stream()
        .filter(tensor -> tensor.name().equals(name))
        .map(tensor -> tensor.to().encoding())
        .findFirst()
        .orElse(otherwise);
  }

  @Test
  void theBytesDoNotDependOnThreads() {
    Path one = directory.resolve("one.gguf");
    Path four = directory.resolve("four.gguf");

    ConversionResult first = quantize(one, options("q4_0", 0.999), 1);
    ConversionResult second = quantize(four, options("q4_0", 0.999), 4);

    assertThat(first.raised()).isNotEmpty().isEqualTo(second.raised());
    assertThat(four).hasSameBinaryContentAs(one);
  }

  @Test
  void climbsTheLadderThatIsGiven() {
    ConversionResult result =
        quantize(directory.resolve("m.gguf"), options("q4_0", 0.9999, "q8_0"), 2);

    assertThat(encodings(raised(result, "easy.weight"))).containsExactly("q4_0", "q8_0");
    assertThatThrownBy(
        () -> quantize(directory.resolve("m.gguf"), options("q4_0", 0.9, "uniform:bits=8"), 1))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("gguf files can't hold uniform:bits=8");
  }

  @Test
  void endsAtF32WhereF16Overflows() {
    ConversionResult result =
        quantize(directory.resolve("m.gguf"), options("q8_0", 0.9), 2);

    RaisedTensor wide = raised(result, "wide.weight");
    assertThat(encodings(wide)).containsExactly("f16", "f32");
    assertThat(wide.from().quality().cosine()).isNaN();
    assertThat(wide.to().quality().cosine()).isEqualTo(1);
    assertThat(result.tensors())
        .filteredOn(plan -> plan.source().name().equals("wide.weight"))
        .extracting(TensorPlan::note)
        .containsExactly("rows of 4 don't divide into q8_0 blocks of 32");
  }

  @Test
  void failsFastWithTheTensorItsCosineAndTheLimit() throws IOException {
    QualityGate gate = new QualityGate(0.9999, Double.NEGATIVE_INFINITY, List.of(), true);
    ConversionOptions options =
        ConversionOptions.of(QuantScheme.parse("q4_0")).withGate(gate);

    assertThatThrownBy(() -> quantize(directory.resolve("m.gguf"), options, 1))
        .isInstanceOf(TensorException.class)
        .hasMessageMatching(
            "(?s).*\"easy.weight\".*as q4_0 it has cosine 0.99\\d+, less than 0.9999.*");
    assertThat(ModelFiles.filesIn(directory)).containsExactly(model);
  }

  @Test
  void leavesOutWhatFailsFastIfAskedToGoOn() {
    QualityGate gate = new QualityGate(-1, 30, List.of(), true);
    ConversionOptions options =
        new ConversionOptions(QuantScheme.parse("q4_0"), List.of(), NonFinite.ERROR, true)
            .withGate(gate);

    ConversionResult result = quantize(directory.resolve("m.gguf"), options, 2);

    assertThat(result.failures()).containsKeys("easy.weight", "hard.weight");
    assertThat(result.failures().get("easy.weight")).hasMessageContaining("SQNR 2");
    assertThat(result.tensors()).extracting(plan -> plan.source().name()).contains("norm.bias");
  }

  @Test
  void refusesLimitsThatAreNone() {
    assertThatThrownBy(() -> QualityGate.ofCosine(1.5)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> QualityGate.ofCosine(Double.NaN))
        .isInstanceOf(OptionException.class);
  }

  @Test
  void everyLadderGainsBitsAndEndsAtF32() {
    Shape shape = Shape.of(256, 256);
    for (String family : QuantScheme.knownFamilies()) {
      for (String container : List.of("m.gguf", "m.safetensors")) {
        QualityLadder ladder = new QualityLadder(List.of(), FORMATS.forPath(Path.of(container)));
        QuantScheme scheme = QuantScheme.parse(family);
        int steps = 0;
        while (ladder.above(scheme, shape).isPresent()) {
          QuantScheme next = ladder.above(scheme, shape).orElseThrow();
          assertThat(next.bitsPerWeight(shape))
              .as(scheme + " to " + next)
              .isGreaterThan(scheme.bitsPerWeight(shape) - 0.3);
          scheme = next;
          assertThat(++steps).isLessThan(10);
        }
        assertThat(scheme).isEqualTo(QuantScheme.parse("f32"));
      }
    }
  }

  @Test
  void profilesAreTheTableOfTheIssue() {
    assertThat(QualityProfile.values())
        .extracting(
            QualityProfile::bits, QualityProfile::groupElements, QualityProfile::timeGroups,
            QualityProfile::minCosine)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(2, 256, 5, 0.65),
            org.assertj.core.groups.Tuple.tuple(4, 128, 10, 0.85),
            org.assertj.core.groups.Tuple.tuple(8, 64, 20, 0.95));
    assertThat(QualityProfile.parse("Local").scheme())
        .hasToString("uniform:bits=4,group=128");
    assertThatThrownBy(() -> QualityProfile.parse("desk"))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("edge, local, cloud");
  }

  @Test
  void aFigureOfTheGateIsThatOfTheFile() {
    Path target = directory.resolve("m.gguf");
    ConversionResult result = quantize(target, options("q4_0", 0.999), 2);
    try (TensorFile before = FORMATS.forPath(model).open(model);
        TensorFile after = FORMATS.forPath(target).open(target)) {
      ModelComparison comparison = ModelComparison.of(before, after, 2, (d, t) -> {});
      assertThat(comparison.tensors())
          .filteredOn(pair -> pair.first().name().equals("hard.weight"))
          .allSatisfy(
              pair -> assertThat(pair.quality().orElseThrow().cosine())
                  .isCloseTo(
                      raised(result, "hard.weight").to().quality().cosine(), within(1e-12)));
    }
  }
}
