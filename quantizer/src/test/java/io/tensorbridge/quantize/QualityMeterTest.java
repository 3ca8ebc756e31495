package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is measured in the pass equals what a comparison afterwards finds, for every scheme. */
class QualityMeterTest {
  private static final List<String> VARIANTS =
      List.of(
          "uniform:bits=2,group=row", "uniform:bits=8,sym=true", "uniform:group=32",
          "uniform:bits=2,group=128,sym=true", "nf4:double=true", "fp4:block=4096",
          "int8:rule=quanto", "uniform:time=5", "uniform:bits=2,time=20,sym=true",
          "uniform:group=64,spatial=true", "uniform:bits=8,spatial=true,sym=true");

  static Stream<String> schemes() {
    return Stream.concat(QuantScheme.knownFamilies().stream(), VARIANTS.stream());
  }

  private static float[] values(int count) {
    Random random = new Random(count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static Tensor tensor(Arena arena, float[] values, long... shape) {
    MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    TensorType type = new TensorType(DType.F32, Shape.of(shape));
    return Tensor.of(segment, TensorLayout.rowMajor(type), Backing.PRIVATE);
  }

  private static TensorQuality measured(QuantScheme scheme, Tensor tensor, boolean backwards) {
    QualityMeter meter = new QualityMeter();
    OpRun run =
        Quantization.of(scheme, tensor.type(), NonFinite.CLIP)
            .bind(tensor, (part, byteOffset, bytes) -> {}, meter);
    for (int phase = 0; phase < run.phaseCount(); phase++) {
      int count = run.chunkCount(phase);
      for (int i = 0; i < count; i++) {
        run.runChunk(phase, backwards ? count - 1 - i : i);
      }
    }
    return meter.quality();
  }

  /** Straight from the definitions. */
  private static TensorQuality compared(QuantScheme scheme, Tensor tensor, float[] values) {
    double signal = 0;
    double noise = 0;
    double product = 0;
    double squares = 0;
    double maxAbsError = 0;
    try (QuantizedTensor quantized = Quantizer.of(scheme).withThreads(1).quantize(tensor)) {
      float[] restored = quantized.dequantize().data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      for (int i = 0; i < values.length; i++) {
        double a = values[i];
        double b = restored[i];
        signal += a * a;
        noise += (a - b) * (a - b);
        product += a * b;
        squares += b * b;
        maxAbsError = Math.max(maxAbsError, Math.abs(a - b));
      }
    }
    return new TensorQuality(values.length, signal, noise, product, squares, maxAbsError);
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void measuresWhatAComparisonFinds(String text) {
    QuantScheme scheme = QuantScheme.parse(text);
    for (long[] shape : new long[][]{{301, 1_024}, {3, 256}, {2, 3, 256, 256}}) {
      float[] values = values((int) Shape.of(shape).elementCount());
      try (Arena arena = Arena.ofShared()) {
        Tensor tensor = tensor(arena, values, shape);
        TensorQuality measured = measured(scheme, tensor, false);
        TensorQuality compared = compared(scheme, tensor, values);
        assertThat(measured.elements()).isEqualTo(values.length);
        assertThat(measured.maxAbsError()).isEqualTo(compared.maxAbsError());
        assertThat(measured.cosine()).isCloseTo(compared.cosine(), within(1e-10));
        assertThat(measured.noise()).isCloseTo(compared.noise(), within(compared.noise() * 1e-9));
        assertThat(measured.signal())
            .isCloseTo(compared.signal(), within(compared.signal() * 1e-9));
        assertThat(measured(scheme, tensor, true)).isEqualTo(measured);
      }
    }
  }

  @Test
  void measuresRowsThatEndAmidABlockOfBits() {
    for (String text : List.of("uniform:bits=2,group=32", "uniform:bits=4,group=row", "uniform")) {
      QuantScheme scheme = QuantScheme.parse(text);
      float[] values = values(20_011 * 7);
      try (Arena arena = Arena.ofShared()) {
        Tensor tensor = tensor(arena, values, 7, 20_011);
        TensorQuality measured = measured(scheme, tensor, false);
        TensorQuality compared = compared(scheme, tensor, values);
        assertThat(measured.elements()).isEqualTo(values.length);
        assertThat(measured.noise()).isCloseTo(compared.noise(), within(compared.noise() * 1e-9));
      }
    }
  }

  @Test
  void measuresAgainstWhatClippingLeft() {
    float[] values = values(1_024);
    values[5] = Float.NaN;
    values[700] = Float.POSITIVE_INFINITY;
    try (Arena arena = Arena.ofShared()) {
      TensorQuality quality =
          measured(QuantScheme.parse("q8_0"), tensor(arena, values, 4, 256), false);
      assertThat(quality.cosine()).isGreaterThan(0.999);
    }
  }

  @Test
  void anOverflowMakesTheFiguresMeaningless() {
    float[] values = {1e30f, 1, 2, 3};
    try (Arena arena = Arena.ofShared()) {
      TensorQuality quality = measured(FloatScheme.F16, tensor(arena, values, 1, 4), false);
      assertThat(quality.cosine()).isNaN();
    }
  }
}
