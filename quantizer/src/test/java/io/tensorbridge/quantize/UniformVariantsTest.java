package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Groups of timesteps and equalized channels, beyond the golden vectors. */
class UniformVariantsTest {
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void free() {
    arena.close();
  }

  private Tensor tensor(float[] values, long... shape) {
    MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    return Tensor.of(memory, DType.F32, Shape.of(shape));
  }

  /** Rows that grow with a row's factor. */
  private Tensor gaussian(float[] factors, int columns) {
    Random random = new Random(columns);
    float[] values = new float[factors.length * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * factors[i / columns];
    }
    return tensor(values, factors.length, columns);
  }

  private static float[] shuffledSteps(int rows) {
    Random random = new Random(rows);
    float[] steps = new float[rows];
    for (int i = 0; i < rows; i++) {
      steps[i] = random.nextInt(1_000);
    }
    return steps;
  }

  private static List<ByteBuffer> parts(Quantizer quantizer, Tensor tensor) {
    try (QuantizedTensor q = quantizer.quantize(tensor)) {
      return q.parts().stream()
          .map(part -> ByteBuffer.wrap(part.data().toArray(ValueLayout.JAVA_BYTE)))
          .toList();
    }
  }

  private static TensorQuality quality(Quantizer quantizer, Tensor tensor) {
    try (QuantizedTensor q = quantizer.quantize(tensor)) {
      return TensorQuality.of(tensor.data(), q.dequantize().data());
    }
  }

  private static TensorQuality measured(Quantization quantization, Tensor tensor) {
    QualityMeter meter = new QualityMeter();
    OpRun run = quantization.bind(tensor, (part, byteOffset, bytes) -> {}, meter);
    for (int phase = 0; phase < run.phaseCount(); phase++) {
      for (int chunk = 0; chunk < run.chunkCount(phase); chunk++) {
        run.runChunk(phase, chunk);
      }
    }
    return meter.quality();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 130, 70_001})
  void shuffledRowsGiveTheSameBytesForAnyThreadsAndComeBack(int columns) {
    int rows = Math.max(7, 140_001 / columns);
    float[] steps = shuffledSteps(rows);
    Tensor tensor = gaussian(steps, columns);
    Tensor side = tensor(steps, rows);
    for (String text : List.of("uniform:bits=2,time=10", "uniform:bits=8,time=20,sym=true")) {
      QuantScheme scheme = QuantScheme.parse(text);
      Quantizer quantizer = Quantizer.of(scheme).withImportance(side).withThreads(1);
      List<ByteBuffer> alone = parts(quantizer, tensor);
      assertThat(parts(quantizer.withThreads(3), tensor)).isEqualTo(alone);
      Quantization quantization =
          Quantization.of(scheme, tensor.type(), NonFinite.ERROR).withImportance(side);
      TensorQuality compared = quality(quantizer, tensor);
      TensorQuality measured = measured(quantization, tensor);
      assertThat(measured.maxAbsError()).isEqualTo(compared.maxAbsError());
      assertThat(measured.noise()).isCloseTo(compared.noise(), within(compared.noise() * 1e-6));
      assertThat(compared.noise())
          .as("groups of timesteps are closer than one group")
          .isLessThan(quality(Quantizer.of(QuantScheme.parse(
              text.replaceAll("time=[0-9]+", "group=tensor"))), tensor).noise());
    }
  }

  @Test
  void piecesOfRestoredRowsMayBeginAnywhere() {
    float[] steps = shuffledSteps(5_000);
    Tensor tensor = gaussian(steps, 37);
    QuantScheme scheme = QuantScheme.parse("uniform:time=10");
    try (QuantizedTensor q =
        Quantizer.of(scheme).withImportance(tensor(steps, 5_000)).quantize(tensor)) {
      float[] whole = q.dequantize().data().toArray(ValueLayout.JAVA_FLOAT);
      FloatSource source = FloatSource.of(scheme, tensor.shape(), q.parts());
      for (int first : new int[]{0, 1, 65_535, 123_457}) {
        MemorySegment piece = arena.allocate(4 * 1_001);
        source.read(first, piece);
        assertThat(piece.toArray(ValueLayout.JAVA_FLOAT))
            .isEqualTo(Arrays.copyOfRange(whole, first, first + 1_001));
      }
    }
  }

  @Test
  void aTensorWithoutTimestepsIsInOrder() {
    Tensor tensor = gaussian(new float[]{1, 2, 3, 4, 5}, 33);
    Quantizer quantizer = Quantizer.of(QuantScheme.parse("uniform:time=3"));
    assertThat(parts(quantizer.withImportance(tensor(new float[]{0, 7, 7, 8, 9}, 5)), tensor))
        .isEqualTo(parts(quantizer, tensor));
  }

  @Test
  void timeGroupsOfManyRowsSplitAsNumpySplits() {
    TimeGroups groups = TimeGroups.of(4, Shape.of(11, 2, 5));
    List<Long> starts = new ArrayList<>();
    for (long group = 0; group < groups.groups(); group++) {
      starts.add(groups.groupStart(group));
      assertThat(groups.groupAt(groups.groupStart(group))).isEqualTo(group);
      assertThat(groups.groupAt(groups.groupEnd(group) - 1)).isEqualTo(group);
    }
    assertThat(starts).containsExactly(0L, 30L, 60L, 90L);
    assertThat(groups.groupEnd(3)).isEqualTo(110);
    assertThat(groups.longestGroup()).isEqualTo(30);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 130, 70_001})
  void equalizedChannelsGiveTheSameBytesForAnyThreads(int columns) {
    int rows = Math.max(2, 140_001 / columns);
    Random random = new Random(columns);
    float[] values = new float[rows * columns];
    float[] activations = new float[columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * (1 + i % columns % 50);
    }
    for (int i = 0; i < columns; i++) {
      activations[i] = random.nextFloat() * 20;
    }
    Tensor tensor = tensor(values, rows, columns);
    Tensor side = tensor(activations, columns);
    for (String text : List.of("uniform:bits=4,group=64,spatial=true", "uniform:spatial=true")) {
      QuantScheme scheme = QuantScheme.parse(text);
      Quantizer quantizer = Quantizer.of(scheme).withImportance(side).withThreads(1);
      List<ByteBuffer> alone = parts(quantizer, tensor);
      assertThat(parts(quantizer.withThreads(3), tensor)).isEqualTo(alone);
      Quantization quantization =
          Quantization.of(scheme, tensor.type(), NonFinite.ERROR).withImportance(side);
      assertThat(measured(quantization, tensor).maxAbsError())
          .isEqualTo(quality(quantizer, tensor).maxAbsError());
    }
  }

  /** The product that channel scales are made for: outliers of activations leave the weights. */
  @Test
  void codesWithoutScalesMultiplyScaledActivations() {
    int columns = 64;
    Tensor weight = gaussian(new float[]{1, 1, 1, 1, 1, 1, 1, 1}, columns);
    float[] activations = new float[columns];
    float[] x = new float[columns];
    Random random = new Random(1);
    for (int j = 0; j < columns; j++) {
      activations[j] = j == 17 ? 100 : 1;
      x[j] = activations[j] * (random.nextFloat() * 2 - 1);
    }
    QuantScheme scheme = QuantScheme.parse("uniform:bits=8,group=row,spatial=true");
    Quantizer quantizer = Quantizer.of(scheme).withImportance(tensor(activations, columns));
    try (QuantizedTensor q = quantizer.quantize(weight)) {
      float[] eq = q.parts().get(3).data().toArray(ValueLayout.JAVA_FLOAT);
      assertThat(Math.abs(x[17] * eq[17])).isLessThan(Math.abs(x[17]) / 5);
      for (int row = 0; row < 8; row++) {
        float scale = q.parts().get(1).data().getAtIndex(ValueLayout.JAVA_FLOAT, row);
        float zeroPoint = q.parts().get(2).data().getAtIndex(ValueLayout.JAVA_FLOAT, row);
        double exact = 0;
        double product = 0;
        for (int j = 0; j < columns; j++) {
          long at = (long) row * columns + j;
          int code = q.data().data().get(ValueLayout.JAVA_BYTE, at) & 0xff;
          exact += x[j] * weight.data().getAtIndex(ValueLayout.JAVA_FLOAT, at);
          product += (double) x[j] * eq[j] * (code - zeroPoint) * scale;
        }
        assertThat(product).isCloseTo(exact, within(1.0));
      }
    }
  }

  @Test
  void wrongVectorsAreRefusedWithTheRemedy() {
    Tensor tensor = gaussian(new float[]{1, 2, 3}, 5);
    Quantizer time = Quantizer.of(QuantScheme.parse("uniform:time=2"));
    Quantizer spatial = Quantizer.of(QuantScheme.parse("uniform:spatial=true"));
    Tensor four = tensor(new float[4], 4);
    assertThatThrownBy(() -> time.withImportance(four).quantize(tensor))
        .isInstanceOf(TensorException.class)
        .hasMessage(
            "float32(3, 5) has 3 rows, but there are 4 timesteps; give one for each row");
    assertThatThrownBy(() -> spatial.withImportance(four).quantize(tensor))
        .hasMessage("a row of float32(3, 5) has 5 columns, but there are 4 activation magnitudes;"
            + " give one for each column");
    assertThatThrownBy(
        () -> time.withImportance(tensor(new float[]{1, -1, 0}, 3)).quantize(tensor))
        .hasMessage("timestep 1 is -1.0; timesteps are finite and not negative");
    assertThatThrownBy(
        () -> spatial.withImportance(tensor(new float[]{1, 1, Float.NaN, 1, 1}, 5))
            .quantize(tensor))
        .hasMessage("activation magnitude 2 is NaN; activation magnitudes are finite and not"
            + " negative")
        .extracting(failure -> ((TensorException) failure).code())
        .isEqualTo(ErrorCode.NON_FINITE);
    assertThatThrownBy(
        () -> Quantizer.of(QuantScheme.parse("uniform")).withImportance(four).quantize(tensor))
        .hasMessageContaining("uniform:bits=4,group=tensor takes no importances")
        .hasMessageContaining("uniform:time=10 takes timesteps");
  }

  @Test
  void aDamagedOrderIsRefused() {
    QuantScheme scheme = QuantScheme.parse("uniform:time=2");
    Tensor tensor = gaussian(new float[]{1, 2, 3}, 5);
    for (int odd : new int[]{-1, 0, 3, Integer.MAX_VALUE}) {
      try (QuantizedTensor q = Quantizer.of(scheme).quantize(tensor)) {
        q.parts().get(3).data().setAtIndex(ValueLayout.JAVA_INT, 1, odd);
        assertThatThrownBy(q::dequantize)
            .isInstanceOf(TensorException.class)
            .hasMessageContaining(
                "order[1] is " + odd + ", but order must hold each row from 0 to 2 once");
      }
    }
  }

  @Test
  void whatCanNotStandTogetherOrIsTooLargeIsRefused() {
    assertThatThrownBy(() -> QuantScheme.parse("uniform:time=10,group=64"))
        .isInstanceOf(OptionException.class)
        .hasMessage("option \"group\": can't stand beside time; take one of them");
    Shape rows = Shape.of(1L << 25, 2);
    QuantScheme time = QuantScheme.parse("uniform:time=10");
    assertThat(time.fits(rows)).isFalse();
    assertThatThrownBy(() -> time.parts(rows)).hasMessageContaining("takes at most 16777216");
    Shape columns = Shape.of(2, 1L << 21);
    QuantScheme spatial = QuantScheme.parse("uniform:spatial=true");
    assertThat(spatial.fits(columns)).isFalse();
    assertThatThrownBy(() -> spatial.parts(columns)).hasMessageContaining("takes at most 1048576");
  }

  @Test
  void partsAreNamedAndCounted() {
    assertThat(QuantScheme.parse("uniform:bits=4,time=10").parts(Shape.of(1_000, 4, 3)))
        .extracting(OutputSpec::toString)
        .containsExactly(
            "OutputSpec[name=data, type=uint8(6000,)]",
            "OutputSpec[name=scales, type=float32(10,)]",
            "OutputSpec[name=zero_points, type=float32(10,)]",
            "OutputSpec[name=order, type=int32(1000,)]");
    assertThat(QuantScheme.parse("uniform:group=32,sym=true,spatial=true").parts(Shape.of(2, 64)))
        .extracting(part -> part.name() + part.type().shape())
        .containsExactly("data(64,)", "scales(2, 2)", "channel_scales(64,)");
  }

  @Test
  void theIndexOfABadValueIsThatOfTheTensor() {
    float[] steps = shuffledSteps(1_000);
    Tensor tensor = gaussian(steps, 130);
    tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 77_777, Float.NaN);
    for (String text : List.of("uniform:time=10", "uniform:spatial=true")) {
      TensorType type = tensor.type();
      Quantization quantization =
          Quantization.of(QuantScheme.parse(text), type, NonFinite.ERROR);
      long count = text.contains("time") ? 1_000 : 130;
      Tensor side = tensor(Arrays.copyOf(steps, (int) count), count);
      assertThatThrownBy(() -> measured(quantization.withImportance(side), tensor))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("element 77777 is NaN");
    }
  }

  /** Several groups in one chunk hold such values. */
  @Test
  void measuresWhatWasClipped() {
    float[] steps = shuffledSteps(300);
    Tensor tensor = gaussian(steps, 20);
    for (int i = 5; i < 6_000; i += 1_000) {
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.POSITIVE_INFINITY);
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, i + 1, Float.NaN);
    }
    for (String text : List.of("uniform:bits=8,time=10", "uniform:bits=8,spatial=true")) {
      QuantScheme scheme = QuantScheme.parse(text);
      TensorQuality quality =
          measured(Quantization.of(scheme, tensor.type(), NonFinite.CLIP), tensor);
      assertThat(quality.elements()).isEqualTo(6_000);
      assertThat(quality.sqnrDb()).isBetween(20.0, 100.0);
    }
  }
}
