package io.tensorbridge.quantize.lora;

import static io.tensorbridge.quantize.lora.AdapterFiles.FORMATS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LoraMergeTest {
  /** Float32 of a merged value of about 0.1 to 0.5, and of at most 12 products of about 0.01. */
  private static final double TOLERANCE = 4e-8;

  @TempDir
  private Path directory;

  private static Map<String, Shape> shapes() {
    return AdapterFiles.shapes(AdapterFiles.resource("base.safetensors"));
  }

  private static float[] read(FloatSource source, long first, int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(4L * count + 4, 4).asSlice(4, 4L * count);
      source.read(first, values);
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static float[] read(FloatSource source) {
    return read(source, 0, (int) source.type().shape().elementCount());
  }

  /** As torch merges them in float64: a linear layer, 1x1, 3x3 and 3x3 with a middle factor. */
  @ParameterizedTest
  @CsvSource({"kohya, 4", "dora, 2"})
  void mergesAsTorchDoes(String name, int modules) {
    LoraAdapter adapter =
        LoraAdapter.read(FORMATS, AdapterFiles.resource(name + ".safetensors"));
    LoraMerge merge = LoraMerge.of(List.of(new ScaledAdapter(adapter, 0.8)), shapes(), false);
    Path baseFile = AdapterFiles.resource("base.safetensors");
    Path mergedFile = AdapterFiles.resource(name + "-merged.safetensors");
    try (TensorFile base = FORMATS.forPath(baseFile).open(baseFile);
        TensorFile merged = FORMATS.forPath(mergedFile).open(mergedFile)) {
      assertThat(merge.tensors()).hasSize(modules);
      for (String tensor : merge.tensors()) {
        FloatSource plain = FloatSource.of(base.tensor(tensor));
        float[] found = read(merge.delta(tensor).orElseThrow().over(plain));
        Tensor expected = merged.tensor(tensor);
        for (int i = 0; i < found.length; i++) {
          double exact = expected.segment().get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * i);
          assertThat((double) found[i])
              .as(tensor + " element " + i)
              .isCloseTo(exact, org.assertj.core.api.Assertions.within(TOLERANCE));
        }
        assertThat(found).isNotEqualTo(read(plain));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"kohya", "dora"})
  void givesTheSameBitsInAnyPieces(String name) {
    LoraAdapter adapter =
        LoraAdapter.read(FORMATS, AdapterFiles.resource(name + ".safetensors"));
    LoraMerge merge = LoraMerge.of(List.of(new ScaledAdapter(adapter, 1)), shapes(), false);
    Path baseFile = AdapterFiles.resource("base.safetensors");
    try (TensorFile base = FORMATS.forPath(baseFile).open(baseFile)) {
      for (String tensor : merge.tensors()) {
        FloatSource source =
            merge.delta(tensor).orElseThrow().over(FloatSource.of(base.tensor(tensor)));
        float[] whole = read(source);
        for (int piece : new int[]{1, 7, 24, 50, 333}) {
          float[] pieces = new float[whole.length];
          for (int at = 0; at < whole.length; at += piece) {
            int count = Math.min(piece, whole.length - at);
            System.arraycopy(read(source, at, count), 0, pieces, at, count);
          }
          assertThat(pieces).as(tensor + " by " + piece).isEqualTo(whole);
        }
      }
    }
  }

  /** The rule of {@link LoraDelta}, written out. */
  @Test
  void addsTheProductsOfAllAdaptersInTheirOrderAndTheSumAtLast() {
    Path file = new AdapterFiles().tensor("a.weight", 8, 6).write(directory.resolve("b.npz"));
    LoraAdapter one = LoraAdapter.read(
        FORMATS,
        new AdapterFiles()
            .kohya("lora_unet_a", 3, 8, 6)
            .tensor("lora_unet_a.alpha", 2f)
            .write(directory.resolve("one.safetensors")));
    LoraAdapter two = LoraAdapter.read(
        FORMATS, new AdapterFiles().peft("a", 2, 8, 6).write(directory.resolve("two.npz")));
    List<ScaledAdapter> adapters =
        List.of(new ScaledAdapter(one, 0.7), new ScaledAdapter(two, -1.5));
    LoraMerge merge = LoraMerge.of(adapters, AdapterFiles.shapes(file), false);
    try (TensorFile base = FORMATS.forPath(file).open(file)) {
      FloatSource plain = FloatSource.of(base.tensor("a.weight"));
      float[] expected = read(plain);
      for (int row = 0; row < 8; row++) {
        for (int column = 0; column < 6; column++) {
          float sum = 0;
          for (ScaledAdapter scaled : adapters) {
            LoraModule module = scaled.adapter().modules().getFirst();
            double scale = scaled.scale() * module.ratio();
            for (int r = 0; r < module.rank(); r++) {
              float up = at(module.up(), row * module.rank() + r);
              float factor = (float) (up * scale);
              sum += factor * at(module.down(), r * 6 + column);
            }
          }
          expected[row * 6 + column] += sum;
        }
      }
      LoraDelta delta = merge.delta("a.weight").orElseThrow();
      assertThat(delta.adapterCount()).isEqualTo(2);
      assertThat(read(delta.over(plain))).isEqualTo(expected);
    }
  }

  private static float at(Tensor tensor, long index) {
    return tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  @Test
  void leavesTensorsAloneAtStrengthZeroAndRefusesStrengthsThatOverflow() {
    LoraAdapter adapter = LoraAdapter.read(
        FORMATS,
        new AdapterFiles()
            .kohya("lora_unet_a", 3, 8, 6)
            .write(directory.resolve("one.safetensors")));
    Map<String, Shape> base = Map.of("a.weight", Shape.of(8, 6));

    assertThat(LoraMerge.of(List.of(new ScaledAdapter(adapter, 0)), base, false).tensors())
        .isEmpty();
    assertThatThrownBy(
        () -> LoraMerge.of(List.of(new ScaledAdapter(adapter, 1e300)), base, false))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("lora_unet_a")
        .hasMessageContaining("not finite");
    assertThatThrownBy(() -> new ScaledAdapter(adapter, Double.NaN))
        .hasMessageContaining("one.safetensors");
  }
}
