package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What hqq makes of some values, by tolerance; {@code golden-hqq/generate.py} wrote the files. */
class HqqReferenceTest {
  private static final int COLUMNS = 256;
  private static final int ELEMENTS = Golden.ROWS * COLUMNS;

  /** How far a zero point may be off, in codes: some last bits of float32, over 20 passes. */
  private static final float TOLERANCE = 2e-4f;

  @ParameterizedTest
  @ValueSource(strings = {"hqq", "hqq:bits=8,group=128", "hqq:bits=2,group=32"})
  void codesScalesAndZeroPointsAreThoseOfThePackage(String text) {
    HqqScheme scheme = (HqqScheme) QuantScheme.parse(text);
    String name = text.replace(':', '-').replace('=', '-').replace(',', '_');
    ByteBuffer golden =
        ByteBuffer.wrap(Golden.resource("/golden-hqq/" + name + ".bin"))
            .order(ByteOrder.LITTLE_ENDIAN);
    int dataBytes = ELEMENTS * scheme.bits() / 8;
    int groups = ELEMENTS / scheme.group();
    assertThat(golden.capacity()).isEqualTo(dataBytes + 8 * groups);
    try (Arena arena = Arena.ofConfined()) {
      Tensor input = input(arena);
      try (QuantizedTensor q = Quantizer.of(scheme).withThreads(1).quantize(input)) {
        MemorySegment zeroPoints = q.parts().get(2).data();
        for (int group = 0; group < groups; group++) {
          assertThat(q.parts().get(1).data().getAtIndex(JAVA_FLOAT, group))
              .isEqualTo(golden.getFloat(dataBytes + 4 * group));
          assertThat(zeroPoints.getAtIndex(JAVA_FLOAT, group))
              .as("zero point of group %s", group)
              .isCloseTo(golden.getFloat(dataBytes + 4 * (groups + group)), within(TOLERANCE));
        }
        byte[] data = q.data().data().toArray(JAVA_BYTE);
        int differing = 0;
        for (int i = 0; i < ELEMENTS; i++) {
          int expected = code(golden.array(), scheme.bits(), i);
          int actual = code(data, scheme.bits(), i);
          if (actual != expected) {
            differing++;
            assertThat(Math.abs(actual - expected)).isEqualTo(1);
            int group = i / scheme.group();
            float scale = golden.getFloat(dataBytes + 4 * group);
            float exact =
                input.data().getAtIndex(JAVA_FLOAT, i) / scale
                    + zeroPoints.getAtIndex(JAVA_FLOAT, group);
            assertThat(exact - Math.floor(exact)).isCloseTo(0.5, within(2.0 * TOLERANCE));
          }
        }
        assertThat(differing).as(text).isLessThanOrEqualTo(ELEMENTS / 2_000);
        requireValues(scheme, q, data);
      }
    }
  }

  /** The code of an element as hqq's unpacking takes it. */
  private static int code(byte[] data, int bits, int element) {
    int plane = ELEMENTS * bits / 8;
    int shift = 8 - bits * (element / plane + 1);
    return ((data[element % plane] & 0xff) >> shift) & ((1 << bits) - 1);
  }

  /** A value is {@code (code - zero_point) * scale}. */
  private static void requireValues(HqqScheme scheme, QuantizedTensor q, byte[] data) {
    MemorySegment values = q.dequantize().data();
    for (int i = 0; i < ELEMENTS; i++) {
      int group = i / scheme.group();
      float scale = q.parts().get(1).data().getAtIndex(JAVA_FLOAT, group);
      float zeroPoint = q.parts().get(2).data().getAtIndex(JAVA_FLOAT, group);
      assertThat(values.getAtIndex(JAVA_FLOAT, i))
          .isEqualTo((code(data, scheme.bits(), i) - zeroPoint) * scale);
    }
  }

  @Test
  void valuesAtTheEndsOfFloat32ComeBackFinite() {
    float[] values = new float[128];
    for (int i = 0; i < 64; i++) {
      values[i] = i % 2 == 0 ? Float.MAX_VALUE : -Float.MAX_VALUE;
      values[64 + i] = 1e-7f * i;
    }
    Tensor tensor = Tensor.of(MemorySegment.ofArray(values), DType.F32, Shape.of(128));
    for (String scheme : new String[]{"hqq", "hqq:bits=8", "hqq:bits=2,group=32"}) {
      try (QuantizedTensor q = Quantizer.of(QuantScheme.parse(scheme)).quantize(tensor)) {
        float[] restored = q.dequantize().data().toArray(JAVA_FLOAT);
        for (float value : restored) {
          assertThat(Float.isFinite(value)).as(scheme).isTrue();
        }
        assertThat(restored[1]).isLessThan(-2e38f);
        assertThat(restored[127]).isCloseTo(0, within(1e-4f));
      }
    }
  }

  @Test
  void halvesAndQuartersMustHoldWholeGroups() {
    assertThat(QuantScheme.parse("hqq").fits(Shape.of(3, 64))).isFalse();
    assertThat(QuantScheme.parse("hqq:bits=8").fits(Shape.of(3, 64))).isTrue();
    assertThat(QuantScheme.parse("hqq").fits(Shape.of(64, 3))).isFalse();
    assertThat(QuantScheme.parse("hqq").fits(Shape.of(128, 3))).isTrue();
    assertThatThrownBy(() -> QuantScheme.parse("hqq:bits=2").parts(Shape.of(2, 64)))
        .isInstanceOf(TensorException.class)
        .hasMessage(
            "128 elements (shape (2, 64)) do not divide into 4 times hqq:bits=2 groups of 64; take"
                + " a smaller group, or bits=8, or uniform:group=64");
  }

  private static Tensor input(Arena arena) {
    MemorySegment whole = Golden.input(arena);
    MemorySegment cut = arena.allocate(4L * ELEMENTS, 64);
    for (int row = 0; row < Golden.ROWS; row++) {
      MemorySegment.copy(
          whole, 4L * row * Golden.COLUMNS, cut, 4L * row * COLUMNS, 4L * COLUMNS);
    }
    return Tensor.of(cut, DType.F32, Shape.of(Golden.ROWS, COLUMNS));
  }
}
