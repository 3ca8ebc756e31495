package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ControlSumTest {
  private static final int COUNT = 70_003;

  private final Arena arena = Arena.ofAuto();

  private Tensor weights(double... values) {
    return Tensor.of(
        arena.allocateFrom(ValueLayout.JAVA_DOUBLE, values), DType.F64, Shape.of(values.length));
  }

  private Tensor allocate(DType dtype, long... dims) {
    Shape shape = Shape.of(dims);
    return Tensor.of(arena.allocate(shape.elementCount() * dtype.byteSize(), 64), dtype, shape);
  }

  private static void set(Tensor tensor, long index, float value) {
    MemorySegment segment = tensor.segment();
    switch (tensor.dtype()) {
      case F16 ->
          segment.setAtIndex(ValueLayout.JAVA_SHORT, index, Float.floatToFloat16(value));
      case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, index, roundToBf16(value));
      default -> segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    }
  }

  /** As torch does it: by the nearest, half to even, of the two neighbours. */
  private static short roundToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rest = bits & 0xffff;
    int upper = bits >>> 16;
    boolean up = rest > 0x8000 || (rest == 0x8000 && (upper & 1) == 1);
    return (short) (up ? upper + 1 : upper);
  }

  private static float get(Tensor tensor, long index) {
    MemorySegment segment = tensor.segment();
    return switch (tensor.dtype()) {
      case F16 -> Float.float16ToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case BF16 ->
          Float.intBitsToFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
      default -> segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    };
  }

  private Tensor random(DType dtype, int seed) {
    Tensor tensor = allocate(dtype, COUNT);
    Random random = new Random(seed);
    for (int i = 0; i < COUNT; i++) {
      boolean zero = i / 5_000 % 3 == seed % 3 || random.nextInt(20) == 0;
      set(tensor, i, zero ? 0 : (float) random.nextGaussian() * (i % 11 == 0 ? 1e-6f : 3));
      if (i % 97 == seed) {
        set(tensor, i, -0f);
      }
    }
    return tensor;
  }

  private Tensor sum(
      ControlSum.Base base, ControlSum.Overflow overflow, DType dtype, List<Tensor> inputs,
      int threads) {
    ControlSum plan =
        ControlSum.of(
            base, inputs.stream().map(Tensor::type).toList(), Optional.of(dtype), overflow);
    Tensor output = Tensor.of(arena.allocate(plan.type().byteLength(), 64), dtype,
        plan.type().shape());
    plan.run(inputs, output, threads);
    return output;
  }

  @ParameterizedTest
  @CsvSource({"F32,F32,F32", "F16,F16,F16", "BF16,BF16,BF16", "F32,F16,BF16", "F16,F32,F32"})
  void bytesAreThoseOfOneFloatAfterTheOtherRoundedOnce(DType base, DType residual, DType result) {
    double[] weights = {0.7, 0, -1.3, 1};
    List<Tensor> inputs = new ArrayList<>(List.of(weights(weights), random(base, 1)));
    for (int i = 0; i < weights.length; i++) {
      inputs.add(random(i == 3 ? base : residual, 2 + i));
    }
    set(inputs.get(3), 5, Float.NaN); // its weight is 0
    Tensor expected = allocate(result, COUNT);
    for (int i = 0; i < COUNT; i++) {
      float value = get(inputs.get(1), i);
      for (int k = 0; k < weights.length; k++) {
        float product = (float) weights[k] * get(inputs.get(2 + k), i);
        value = weights[k] == 0 ? value : value + product;
      }
      set(expected, i, value);
    }
    for (int threads = 1; threads <= 2; threads++) {
      Tensor sum =
          sum(ControlSum.Base.INPUT, ControlSum.Overflow.ERROR, result, inputs, threads);
      assertThat(sum.segment().mismatch(expected.segment())).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16"})
  void theOutputMayHoldTheBase(DType dtype) {
    Tensor base = random(dtype, 1);
    Tensor residual = random(DType.F16, 2);
    Tensor expected =
        sum(
            ControlSum.Base.INPUT, ControlSum.Overflow.ERROR, dtype,
            List.of(weights(0.5), base, residual), 1);
    OpPlan plan =
        OpRegistry.ofServices()
            .get("control_sum")
            .plan(
                List.of(new TensorType(DType.F64, Shape.of(1)), residual.type()),
                Options.NONE.with("base", "output").with("dtype", dtype.numpyName()));
    OpRun run =
        plan.bind(
            new OpMemory(
                List.of(weights(0.5), residual), List.of(base),
                arena.allocate(OpMemory.VALUE_BYTES)));
    for (int chunk = 0; chunk < run.chunkCount(0); chunk++) {
      run.runChunk(0, chunk);
    }
    run.finish();
    assertThat(base.segment().mismatch(expected.segment())).isEqualTo(-1);
  }

  @Test
  void withoutABaseTheFirstProductBegins() {
    Tensor first = allocate(DType.F32, 3);
    Tensor second = allocate(DType.F32, 3);
    set(first, 0, -0f);
    set(first, 1, 2);
    set(second, 1, 3);
    set(second, 2, Float.NaN);
    Tensor sum =
        sum(
            ControlSum.Base.NONE, ControlSum.Overflow.ERROR, DType.F32,
            List.of(weights(1, 0), first, second), 1);
    assertThat(sum.segment().mismatch(first.segment())).isEqualTo(-1);
    Tensor nothing =
        sum(
            ControlSum.Base.NONE, ControlSum.Overflow.ERROR, DType.F16,
            List.of(weights(0, 0), first, second), 1);
    assertThat(nothing.segment().toArray(ValueLayout.JAVA_SHORT)).containsOnly((short) 0);
  }

  @Test
  void inputsMayHaveStrides() {
    Tensor plain = random(DType.F32, 4);
    Tensor backwards =
        Tensor.of(
            plain.segment(),
            TensorLayout.strided(plain.type(), 4L * (COUNT - 1), -4),
            plain.backing());
    Tensor sum =
        sum(
            ControlSum.Base.NONE, ControlSum.Overflow.ERROR, DType.F32,
            List.of(weights(1, -1), plain, backwards), 1);
    for (int i = 0; i < COUNT; i++) {
      assertThat(get(sum, i)).isEqualTo(get(plain, i) - get(plain, COUNT - 1 - i));
    }
  }

  @ParameterizedTest
  @CsvSource({"F32,F32", "F16,F16", "BF16,BF16", "F32,F16", "F32,BF16", "F16,F32", "BF16,F16"})
  void keptNaNsAreThePositiveQuietOne(DType input, DType result) {
    Tensor base = random(input, 1);
    Tensor residual = random(input, 2);
    set(residual, 0, Float.NEGATIVE_INFINITY);
    set(residual, 65_536, Float.intBitsToFloat(input == DType.F32 ? 0xffffffff : 0xffff0000));
    Tensor kept =
        sum(
            ControlSum.Base.INPUT, ControlSum.Overflow.KEEP, result,
            List.of(weights(0.5), base, residual), 1);
    assertThat(get(kept, 0)).isEqualTo(Float.NEGATIVE_INFINITY);
    switch (result) {
      case F16 -> assertThat(kept.segment().getAtIndex(ValueLayout.JAVA_SHORT, 65_536))
          .isEqualTo((short) 0x7e00);
      case BF16 -> assertThat(kept.segment().getAtIndex(ValueLayout.JAVA_SHORT, 65_536))
          .isEqualTo((short) 0x7fc0);
      default -> assertThat(kept.segment().getAtIndex(ValueLayout.JAVA_INT, 65_536))
          .isEqualTo(0x7fc00000);
    }
    assertThatThrownBy(
        () -> sum(
            ControlSum.Base.INPUT, ControlSum.Overflow.ERROR, result,
            List.of(weights(0.5), base, residual), 2))
        .hasMessageContaining("element 0 of the sum is not finite as " + result.numpyName())
        .hasMessageContaining("residual 0 is infinite there");
  }

  @Test
  void whatIsNotFiniteIsRefusedWithItsCauseOrKept() {
    Tensor base = random(DType.F16, 1);
    Tensor residual = random(DType.F16, 2);
    set(residual, 66_000, Float.NaN);
    set(residual, 65_537, Float.POSITIVE_INFINITY);
    List<Tensor> inputs = List.of(weights(1), base, residual);
    assertThatThrownBy(
        () -> sum(ControlSum.Base.INPUT, ControlSum.Overflow.ERROR, DType.F16, inputs, 2))
        .isInstanceOf(TensorException.class)
        .hasMessage(
            "element 65537 of the sum is not finite as float16: residual 0 is infinite there;"
                + " repair it, or sum with nonfinite=keep");
    Tensor kept = sum(ControlSum.Base.INPUT, ControlSum.Overflow.KEEP, DType.F16, inputs, 1);
    assertThat(get(kept, 65_537)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(kept.segment().getAtIndex(ValueLayout.JAVA_SHORT, 66_000)).isEqualTo((short) 0x7e00);
    set(base, 7, 60_000);
    assertThatThrownBy(
        () -> sum(
            ControlSum.Base.INPUT, ControlSum.Overflow.ERROR, DType.F16,
            List.of(weights(1), base, base), 1))
        .hasMessageContaining(
            "element 7 of the sum is not finite as float16: the sum is too large");
  }

  @Test
  void wrongUseIsRefusedWithTheRemedy() {
    TensorType two = new TensorType(DType.F32, Shape.of(2));
    TensorType half = new TensorType(DType.F16, Shape.of(2, 3));
    assertRefused(List.of(two, half), "control_sum takes the weights, the base, and at least");
    assertRefused(
        List.of(two, half, half), "2 weights, the first input, for 1 residuals; each has one");
    assertRefused(
        List.of(new TensorType(DType.F16, Shape.of(1)), half, half),
        "the weights, the first input, are float16(1,)");
    assertRefused(
        List.of(two, half, half, two),
        "residual 1 has the shape (2,), the base has (2, 3); they must be the same");
    assertRefused(
        List.of(two, half, half, new TensorType(DType.I8, Shape.of(2, 3))),
        "residual 1 can't be int8; float32, float16 and bfloat16 are possible");
    assertThatThrownBy(
        () -> sum(
            ControlSum.Base.NONE, ControlSum.Overflow.ERROR, DType.F32,
            List.of(weights(1e300), allocate(DType.F32, 1)), 1))
        .hasMessageContaining("weight 0 is Infinity as float32; weights must be finite");
  }

  private static void assertRefused(List<TensorType> types, String message) {
    assertThatThrownBy(
        () -> ControlSum.of(
            ControlSum.Base.INPUT, types, Optional.empty(), ControlSum.Overflow.ERROR))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining(message);
  }

  @Test
  void aRangeIsThatOfDiffusers() {
    ControlRange middle = new ControlRange(0.2, 0.6);
    List<Integer> steps = new ArrayList<>();
    for (int step = 0; step < 10; step++) {
      if (middle.contains(step, 10)) {
        steps.add(step);
      }
      assertThat(ControlRange.ALL.contains(step, 10)).isTrue();
    }
    assertThat(steps).containsExactly(2, 3, 4, 5);
    assertThat(ControlRange.guessScales(13)).hasSize(13).startsWith(0.1).endsWith(1.0);
    assertThatThrownBy(() -> new ControlRange(0.5, 0.5))
        .hasMessageContaining("it must be 0 <= start < end <= 1");
  }
}
