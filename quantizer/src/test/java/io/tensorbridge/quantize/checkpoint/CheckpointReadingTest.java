package io.tensorbridge.quantize.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.Nvfp4Scheme;
import io.tensorbridge.quantize.model.ModelTensor;
import io.tensorbridge.quantize.model.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checkpoints of the real libraries, made by {@code make_checkpoints.py}. */
final class CheckpointReadingTest {
  private static final String ENDING = ".safetensors";
  private static final String EXPECTED = ".expected.safetensors";
  private static final Map<String, String> ENCODINGS =
      Map.ofEntries(
          Map.entry("gptq-2bit", "gptq:bits=2,group=32"),
          Map.entry("gptq-3bit", "gptq:bits=3,group=32"),
          Map.entry("gptq-4bit", "gptq:bits=4,group=32"),
          Map.entry("gptq-4bit-order", "gptq:bits=4,group=32"),
          Map.entry("gptq-8bit", "gptq:bits=8,group=32"),
          Map.entry("bnb-int8", "int8"),
          Map.entry("bnb-nf4", "nf4"),
          Map.entry("bnb-fp4", "fp4"),
          Map.entry("bnb-nf4-double", "nf4:double=true"),
          Map.entry("bnb-fp4-double", "fp4:double=true"),
          Map.entry("awq", "awq:bits=4,group=32"),
          Map.entry("ct-int3-row", "compressed-tensors:type=int,bits=3,group=row,sym=true"),
          Map.entry("ct-int4-group", "compressed-tensors:type=int,bits=4,group=32,sym=true"),
          Map.entry(
              "ct-int4-group-asymmetric", "compressed-tensors:type=int,bits=4,group=32,sym=false"),
          Map.entry("ct-int8-row", "compressed-tensors:type=int,bits=8,group=row"),
          Map.entry("ct-int8-row-f32", "int8:rule=compressed-tensors"),
          Map.entry("ct-int8-tensor", "compressed-tensors:type=int,bits=8,group=tensor"),
          Map.entry("ct-fp8-row", "compressed-tensors:type=fp8_e4m3,group=row"),
          Map.entry("ct-fp8-block", "compressed-tensors:type=fp8_e4m3,group=16x32"),
          Map.entry("ct-mxfp8", "mxfp8"),
          Map.entry("ct-mxfp4", "mxfp4:layout=ocp"),
          Map.entry("ct-nvfp4", new Nvfp4Scheme().toString()),
          Map.entry("fp8-scale-inv", "fp8_e4m3:scale=block"));

  static Stream<Path> checkpoints() {
    URL folder = Objects.requireNonNull(CheckpointReadingTest.class.getResource("/checkpoints"));
    try (Stream<Path> files = Files.walk(Path.of(folder.toURI()))) {
      return files
          .filter(file -> file.toString().endsWith(ENDING) && !file.toString().endsWith(EXPECTED))
          .sorted()
          .toList()
          .stream();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    } catch (URISyntaxException impossible) {
      throw new IllegalArgumentException(impossible);
    }
  }

  private static String stem(Path checkpoint) {
    String name = String.valueOf(checkpoint.getFileName());
    return name.substring(0, name.length() - ENDING.length());
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void readsTheVeryValuesThatTheLibraryReads(Path checkpoint) {
    Path expected = checkpoint.resolveSibling(stem(checkpoint) + EXPECTED);
    try (SafetensorsFile file = SafetensorsFile.open(checkpoint);
        SafetensorsFile values = SafetensorsFile.open(expected);
        Arena arena = Arena.ofConfined()) {
      List<ModelTensor> tensors = ModelTensor.of(file);

      assertThat(tensors).extracting(ModelTensor::name).containsExactly("l.weight");
      ModelTensor tensor = tensors.getFirst();
      assertThat(tensor.shape()).isEqualTo(values.entry("l.weight").shape());
      assertThat(tensor.parts()).hasSameSizeAs(file.entries());
      if (ENCODINGS.containsKey(stem(checkpoint))) {
        assertThat(tensor.encoding()).isEqualTo(ENCODINGS.get(stem(checkpoint)));
      }
      FloatSource source = tensor.floats(file);
      FloatSource wanted = FloatSource.of(values.tensor("l.weight"));
      int count = (int) tensor.shape().elementCount();
      assertThat(read(arena, source, 0, count)).isEqualTo(read(arena, wanted, 0, count));
      assertThat(read(arena, source, 37, 111)).isEqualTo(read(arena, wanted, 37, 111));
    }
  }

  private static float[] read(Arena arena, FloatSource source, long first, int count) {
    MemorySegment values = arena.allocate(4L * count, Float.BYTES);
    source.read(first, values);
    return values.toArray(ValueLayout.JAVA_FLOAT);
  }
}
