package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.tensorbridge.DType;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The signal-to-noise ratio of each scheme on normal values, against what its reference library
 * reaches on the same kind of data: 1024 rows of 4096, deviation 0.02.
 */
class GaussianQualityTest {
  private static final int ROWS = 1024;
  private static final int COLUMNS = 4096;

  private static Arena arena = Arena.ofShared();
  private static Tensor values = Tensor.of(MemorySegment.NULL, DType.F32, Shape.of(0));

  @BeforeAll
  static void drawValues() {
    arena = Arena.ofShared();
    MemorySegment segment = arena.allocate(4L * ROWS * COLUMNS, 64);
    Random random = new Random(42);
    for (long i = 0; i < (long) ROWS * COLUMNS; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.02 * random.nextGaussian()));
    }
    values = Tensor.of(segment, DType.F32, Shape.of(ROWS, COLUMNS));
  }

  @AfterAll
  static void freeValues() {
    arena.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
          "q8_0 | 45.43", "q6_k | 35.00", "q5_k | 28.84", "q5_1 | 28.43", "q5_0 | 27.40",
          "q4_k | 22.93", "iq4_nl | 22.36", "q4_1 | 22.13", "q4_0 | 21.32", "q3_k | 16.42",
          "q2_k | 10.56", "nf4:block=32 | 21.18", "nf4 | 20.72", "nf4:block=128 | 20.39",
          "nf4:block=256 | 20.11", "fp4 | 18.27", "int4:group=32 | 21.85",
          "int4:group=128 | 19.95", "int4:layout=compressed-tensors,group=32 | 20.46",
          "int4:layout=compressed-tensors | 19.10", "hqq | 21.31", "mxfp4 | 18.85",
          "mxint8 | 42.41",
          "mxfp8 | 30.67", "nvfp4:layout=two-level | 20.44", "fp8_e4m3:scale=tensor | 31.53"
      })
  void aSchemeReachesTheRatioOfItsReference(String scheme, double expected) {
    assumeThat(isKnown(scheme)).as("until all schemes are there").isTrue();
    assertThat(ratio(scheme)).isCloseTo(expected, within(0.02));
  }

  private static boolean isKnown(String scheme) {
    try {
      return QuantScheme.parse(scheme) != null;
    } catch (OptionException unknown) {
      return false;
    }
  }

  private static double ratio(String scheme) {
    Quantizer quantizer = Quantizer.of(QuantScheme.parse(scheme)).withThreads(2);
    try (Arena decoding = Arena.ofShared(); QuantizedTensor q = quantizer.quantize(values)) {
      MemorySegment decoded = q.dequantize(decoding).data();
      MemorySegment original = values.data();
      double signal = 0;
      double noise = 0;
      for (long i = 0; i < (long) ROWS * COLUMNS; i++) {
        double value = original.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        double error = value - decoded.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        signal += value * value;
        noise += error * error;
      }
      return 10 * Math.log10(signal / noise);
    }
  }
}
