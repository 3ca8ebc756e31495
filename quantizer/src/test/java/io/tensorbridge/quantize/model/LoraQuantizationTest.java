package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraSelection;
import io.tensorbridge.quantize.lora.ScaledAdapter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Merging while quantizing gives the bytes of merging first and quantizing then. */
final class LoraQuantizationTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  /** Rows of 300 end within chunks of 64 thousand elements; the second one is a convolution. */
  private static final List<TensorEntry> BASE =
      List.of(
          entry("mid.to_q.weight", DType.F32, 512, 320),
          entry("mid.conv1.weight", DType.F32, 96, 32, 3, 3),
          entry("mid.half.weight", DType.F16, 300, 300),
          entry("mid.kept.weight", DType.F32, 64, 64));

  private static final List<TensorEntry> ADAPTER =
      List.of(
          entry("lora_unet_mid_to_q.lora_down.weight", DType.F32, 16, 320),
          entry("lora_unet_mid_to_q.lora_up.weight", DType.F32, 512, 16),
          entry("lora_unet_mid_conv1.lora_down.weight", DType.F32, 5, 32, 3, 3),
          entry("lora_unet_mid_conv1.lora_up.weight", DType.F32, 96, 5, 1, 1),
          entry("lora_unet_mid_half.lora_down.weight", DType.F32, 4, 300),
          entry("lora_unet_mid_half.lora_up.weight", DType.F32, 300, 4),
          entry("lora_unet_mid_half.dora_scale", DType.F32, 300, 1));

  @TempDir
  private Path directory;
  private Path model;
  private LoraSelection selection = LoraSelection.NONE;

  private static TensorEntry entry(String name, DType dtype, long... extents) {
    return TensorEntry.of(name, new TensorType(dtype, Shape.of(extents)));
  }

  @BeforeEach
  void writeFiles() {
    model = write("model.safetensors", BASE, 1);
    LoraAdapter one =
        LoraAdapter.read(FORMATS, write("one.safetensors", ADAPTER, 2));
    LoraAdapter two =
        LoraAdapter.read(FORMATS, write("two.safetensors", ADAPTER.subList(0, 4), 3));
    selection =
        new LoraSelection(List.of(new ScaledAdapter(one, 0.8), new ScaledAdapter(two, -0.5)),
            false);
  }

  private Path write(String name, List<TensorEntry> entries, int seed) {
    Path path = directory.resolve(name);
    Random random = new Random(seed);
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(entries.get(i).byteLength(), 4);
        boolean half = entries.get(i).encoding().equals("f16");
        for (long at = 0; at < bytes.byteSize(); at += half ? 2 : 4) {
          float value = (float) random.nextGaussian() * 0.1f;
          if (half) {
            bytes.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16(value));
          } else {
            bytes.set(ValueLayout.JAVA_FLOAT, at, value);
          }
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  private Path quantize(Path source, String target, ConversionOptions options, int threads) {
    Path output = directory.resolve(target);
    try (ModelConversion conversion =
        ModelConversion.quantize(FORMATS, source, output, options)) {
      conversion.run(threads, (done, total) -> {});
    }
    return output;
  }

  private static ConversionOptions options(String scheme) {
    return ConversionOptions.of(QuantScheme.parse(scheme));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "q8_0", "q4_0", "q4_k", "f16", "f32", "nf4:block=64,double=true", "int8:rule=torchao",
      "uniform:bits=4,group=row", "uniform:bits=4,group=tensor", "hqq", "fp8_e4m3"})
  void equalsMergingFirstAndQuantizingThen(String scheme) {
    Path merged = quantize(model, "merged.safetensors", options("f32").withLora(selection), 1);
    String ending =
        new SafetensorsFormat().holds(options(scheme).scheme().toString())
            ? ".safetensors"
            : ".gguf";
    Path twoSteps = quantize(merged, "two-steps" + ending, options(scheme), 2);
    for (int threads : new int[]{1, 3}) {
      Path oneStep =
          quantize(
              model, "one-step" + ending, options(scheme).withLora(selection), threads);
      assertThat(different(oneStep, twoSteps)).as(threads + " threads").isEmpty();
    }
    Path plain = quantize(model, "plain" + ending, options(scheme), 1);
    assertThat(different(plain, twoSteps))
        .contains("mid.to_q.weight", "mid.conv1.weight", "mid.half.weight")
        .doesNotContain("mid.kept.weight");
  }

  /** The tensors whose bytes differ; their order in the files follows that of the inputs. */
  private static List<String> different(Path first, Path second) {
    List<String> names = new ArrayList<>();
    try (TensorFile a = FORMATS.forPath(first).open(first);
        TensorFile b = FORMATS.forPath(second).open(second)) {
      assertThat(a.entries()).hasSameElementsAs(b.entries());
      for (TensorEntry entry : a.entries()) {
        if (a.bytes(entry.name()).mismatch(b.bytes(entry.name())) >= 0) {
          names.add(entry.name());
        }
      }
    }
    return names;
  }

  @Test
  void tellsWhichTensorsWereMerged() {
    try (ModelConversion conversion =
        ModelConversion.quantize(
            FORMATS, model, directory.resolve("out.gguf"), options("q8_0").withLora(selection))) {
      assertThat(conversion.plans()).extracting(TensorPlan::adapterCount)
          .containsExactlyInAnyOrder(2, 2, 1, 0);
    }
  }

  @Test
  void mergesAlsoWhereATensorKeepsItsDtypeOrHasTheSchemeAlready() {
    SkipList skips = SkipList.of(List.of(".*half.*"), true);
    Path output =
        quantize(model, "out.gguf", options("q8_0").withSkips(skips).withLora(selection), 2);
    Path plain = quantize(model, "plain.gguf", options("q8_0").withSkips(skips), 2);
    try (GgufFile found = GgufFile.open(output)) {
      assertThat(found.entry("mid.half.weight").encoding()).isEqualTo("f16");
    }
    String[] merged = {"mid.to_q.weight", "mid.conv1.weight", "mid.half.weight"};
    assertThat(different(output, plain)).containsExactlyInAnyOrder(merged);

    Path again =
        quantize(plain, "again.gguf", options("q8_0").withSkips(skips).withLora(selection), 1);
    assertThat(different(again, plain)).containsExactlyInAnyOrder(merged);
  }

  @Test
  void refusesAnAdapterOfAnotherModelAndLeavesNoFile() {
    Path other = write("other.safetensors", List.of(entry("x.weight", DType.F32, 32, 32)), 1);
    Path output = directory.resolve("out.gguf");

    assertThatThrownBy(
        () -> ModelConversion.quantize(
            FORMATS, other, output, options("q8_0").withLora(selection)))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("lora_unet_mid_to_q")
        .hasMessageContaining("x.weight");
    assertThat(output).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"q8_0", "q4_0", "uniform:bits=4,group=tensor"})
  void tellsHowMuchOfTheAdaptersIsLeft(String scheme) {
    String ending = scheme.startsWith("q") ? ".gguf" : ".safetensors";
    Path output = directory.resolve("out" + ending);
    ConversionResult result;
    try (ModelConversion conversion =
        ModelConversion.quantize(FORMATS, model, output, options(scheme).withLora(selection))) {
      result = conversion.run(2, (done, total) -> {});
    }
    Path merged = quantize(model, "merged.safetensors", options("f32").withLora(selection), 1);
    Path restored = directory.resolve("restored.safetensors");
    try (ModelConversion conversion = ModelConversion.dequantize(FORMATS, output, restored)) {
      conversion.run(1, (done, total) -> {});
    }
    assertThat(result.survivals()).containsOnlyKeys(
        "mid.to_q.weight", "mid.conv1.weight", "mid.half.weight");
    double effect = 0;
    double error = 0;
    for (String name : result.survivals().keySet()) {
      double[] before = floats(model, name);
      double[] after = floats(merged, name);
      double[] kept = floats(restored, name);
      double product = 0;
      double effectHere = 0;
      double errorHere = 0;
      for (int i = 0; i < before.length; i++) {
        effectHere += Math.pow(after[i] - before[i], 2);
        errorHere += Math.pow(kept[i] - after[i], 2);
        product += (kept[i] - after[i]) * (after[i] - before[i]);
      }
      Survival survival = result.survivals().get(name);
      assertThat(survival.share())
          .isCloseTo(Math.max(0, 1 - Math.sqrt(errorHere / effectHere)), within(1e-9));
      assertThat(survival.gain()).isCloseTo(1 + product / effectHere, within(1e-9));
      effect += effectHere;
      error += errorHere;
    }
    assertThat(result.survival().share())
        .isCloseTo(Math.max(0, 1 - Math.sqrt(error / effect)), within(1e-9));
  }

  private static double[] floats(Path path, String name) {
    try (TensorFile file = FORMATS.forPath(path).open(path); Arena arena = Arena.ofConfined()) {
      ModelTensor tensor =
          ModelTensor.of(file).stream().filter(one -> one.name().equals(name)).findAny()
              .orElseThrow();
      MemorySegment values = arena.allocate(tensor.shape().elementCount() * Float.BYTES, 4);
      tensor.floats(file).read(0, values);
      double[] floats = new double[(int) tensor.shape().elementCount()];
      for (int i = 0; i < floats.length; i++) {
        floats[i] = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
      return floats;
    }
  }

  @Test
  void warnsWhereQuantizationDrownsTheAdaptersAndNamesASchemeThatKeepsThem() {
    LoraAdapter faint = selection.adapters().getLast().adapter(); // without a DoRA, which does much
    LoraSelection weak = new LoraSelection(List.of(new ScaledAdapter(faint, 0.15)), false);
    assertThat(warnings("q4_0", weak))
        .singleElement().asString()
        .containsPattern("only [0-9.]+ % of what the adapters do survives")
        .containsPattern("(q8_0|f16) would keep [5-9][0-9.]+ % \\(measured on 2 tensors\\)");
    assertThat(warnings("f16", weak)).isEmpty();
    assertThat(warnings("q8_0", selection)).isEmpty();
  }

  private List<String> warnings(String scheme, LoraSelection adapters) {
    try (ModelConversion conversion =
        ModelConversion.quantize(
            FORMATS, model, directory.resolve("out.gguf"), options(scheme).withLora(adapters))) {
      return conversion.run(1, (done, total) -> {}).warnings();
    }
  }
}
