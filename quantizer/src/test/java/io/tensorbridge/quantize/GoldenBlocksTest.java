package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes of ggml 0.21.0, through the whole of {@link Quantizer}. */
class GoldenBlocksTest {
  static Stream<QuantScheme> schemes() {
    return Stream.concat(
        Stream.of(BlockScheme.values()), Stream.of(FloatScheme.F16, FloatScheme.BF16));
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void quantizesToTheBytesOfGgml(QuantScheme scheme) {
    byte[] expected = Golden.ggml(scheme.family());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment input = Golden.input(arena);
      Tensor tensor = Tensor.of(input, DType.F32, Shape.of(Golden.ROWS, Golden.COLUMNS));
      try (QuantizedTensor q = Quantizer.of(scheme).quantize(tensor)) {
        assertThat(q.data().data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
      }
    }
  }
}
