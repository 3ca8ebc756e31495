package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bytes of ggml 0.21.0, through the whole of {@link Quantizer}. */
class GoldenBlocksTest {
  @ParameterizedTest
  @ValueSource(strings = {"q8_0", "q4_0", "f16", "bf16"})
  void quantizesToTheBytesOfGgml(String scheme) {
    byte[] expected = Golden.bytes("ggml_" + scheme + ".bin");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment input = Golden.input(arena);
      Tensor tensor = Tensor.of(input, DType.F32, Shape.of(Golden.ROWS, Golden.COLUMNS));
      try (QuantizedTensor q = Quantizer.of(QuantScheme.parse(scheme)).quantize(tensor)) {
        assertThat(q.data().data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
      }
    }
  }
}
