package io.tensorbridge.quantize.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class QuantizeLoraOpTest {
  private static final int ROWS = 96;

  /** More than a chunk, with rows that chunks cut. */
  private static final int COLUMNS = 1280;

  private final OpRegistry registry = OpRegistry.ofServices();
  private final Random random = new Random(7);

  /** What an item gave. */
  private record Result(List<Tensor> outputs, MemorySegment value) {}

  private static final class Part {
    final float[] down;
    final float[] up;
    final int rank;
    final double strength;

    /** Empty if it is no DoRA. */
    final float[] magnitude;

    Part(float[] down, float[] up, int rank, double strength, float[] magnitude) {
      this.down = down;
      this.up = up;
      this.rank = rank;
      this.strength = strength;
      this.magnitude = magnitude;
    }

    boolean isDora() {
      return magnitude.length > 0;
    }
  }

  private static final class Failure implements OpBatch.Listener {
    final AtomicReference<BridgeException> cause = new AtomicReference<>();

    @Override
    public void itemEnded(int item, Outcome outcome) {
      assertThat(outcome).isEqualTo(Outcome.DONE);
    }

    @Override
    public void itemFailed(int item, BridgeException failure) {
      cause.set(failure);
    }

    @Override
    public void batchEnded() {
      // seen by the caller
    }
  }

  private Result run(
      Arena arena, String operation, List<Tensor> inputs, Map<String, String> options,
      int threads) {
    TensorOp op = registry.get(operation);
    OpPlan plan = op.plan(inputs.stream().map(Tensor::type).toList(), Options.of(options));
    List<Tensor> outputs = new ArrayList<>();
    for (OutputSpec spec : plan.outputs()) {
      TensorType type = spec.type();
      outputs.add(Tensor.of(arena.allocate(type.byteLength()), type.dtype(), type.shape()));
    }
    MemorySegment value = arena.allocate(OpMemory.VALUE_BYTES);
    Failure failure = new Failure();
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      OpBatch batch =
          new OpBatch(
              List.of(
                  new OpBatch.Item(
                      plan.workBytes(),
                      () -> plan.bind(new OpMemory(inputs, outputs, value)))),
              false,
              threads,
              failure,
              pool::wake);
      pool.submit(batch);
      pool.help(batch);
    }
    if (failure.cause.get() != null) {
      throw failure.cause.get();
    }
    return new Result(outputs, value);
  }

  private float[] floats(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  private Part part(int rank, double strength, boolean dora) {
    float[] magnitude = dora ? floats(ROWS, 1) : new float[0];
    return new Part(
        floats(rank * COLUMNS, 0.02), floats(ROWS * rank, 0.02), rank, strength, magnitude);
  }

  private static Tensor tensor(Arena arena, float[] values, long... shape) {
    MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    return Tensor.of(memory, DType.F32, Shape.of(shape));
  }

  private static List<Tensor> inputs(Arena arena, Tensor weight, List<Part> parts) {
    List<Tensor> inputs = new ArrayList<>();
    double[] strengths = parts.stream().mapToDouble(part -> part.strength).toArray();
    MemorySegment memory = arena.allocate(Math.max(8, 8L * strengths.length), 8);
    MemorySegment.copy(strengths, 0, memory, ValueLayout.JAVA_DOUBLE, 0, strengths.length);
    inputs.add(weight);
    inputs.add(Tensor.of(memory, DType.F64, Shape.of(strengths.length)));
    for (Part part : parts) {
      inputs.add(tensor(arena, part.down, part.rank, COLUMNS));
      inputs.add(tensor(arena, part.up, ROWS, part.rank));
      if (part.isDora()) {
        inputs.add(tensor(arena, part.magnitude, ROWS));
      }
    }
    return inputs;
  }

  private static Map<String, String> options(String scheme, List<Part> parts) {
    List<String> words = parts.stream().map(part -> part.isDora() ? "dora" : "lora").toList();
    return Map.of("scheme", scheme, "parts", String.join(",", words));
  }

  /** The documented order of additions, written out. */
  private static float[] merged(float[] weight, List<Part> parts) {
    float[] merged = weight.clone();
    for (int row = 0; row < ROWS; row++) {
      float[] sums = new float[COLUMNS];
      for (Part part : parts) {
        if (part.strength == 0) {
          continue;
        }
        for (int r = 0; r < part.rank; r++) {
          float factor = (float) (part.up[row * part.rank + r] * part.strength);
          for (int column = 0; column < COLUMNS; column++) {
            sums[column] += factor * part.down[r * COLUMNS + column];
          }
        }
        if (part.isDora()) {
          end(merged, row, sums);
          double squares = 0;
          for (int column = 0; column < COLUMNS; column++) {
            double value = merged[row * COLUMNS + column];
            squares += value * value;
          }
          float factor = (float) (part.magnitude[row] / Math.sqrt(squares));
          for (int column = 0; column < COLUMNS; column++) {
            merged[row * COLUMNS + column] *= factor;
          }
        }
      }
      end(merged, row, sums);
    }
    return merged;
  }

  private static void end(float[] merged, int row, float[] sums) {
    for (int column = 0; column < COLUMNS; column++) {
      merged[row * COLUMNS + column] += sums[column];
      sums[column] = 0;
    }
  }

  private void requireTwoSteps(String scheme, List<Part> parts) {
    float[] weight = floats(ROWS * COLUMNS, 0.1);
    try (Arena arena = Arena.ofShared()) {
      Tensor base = tensor(arena, weight, ROWS, COLUMNS);
      Tensor merged = tensor(arena, merged(weight, parts), ROWS, COLUMNS);
      Result expected = run(arena, "quantize", List.of(merged), Map.of("scheme", scheme), 1);
      for (int threads = 1; threads <= 2; threads++) {
        Result found =
            run(
                arena, "quantize_lora", inputs(arena, base, parts), options(scheme, parts),
                threads);
        requireSame(found.outputs, expected.outputs, scheme);
      }
    }
  }

  private static void requireSame(List<Tensor> found, List<Tensor> expected, String what) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.size(); i++) {
      assertThat(found.get(i).type()).isEqualTo(expected.get(i).type());
      assertThat(found.get(i).data().mismatch(expected.get(i).data()))
          .as(what + " part " + i)
          .isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
          "q8_0", "q4_0", "q4_k", "nf4", "nf4:double=true", "uniform", "uniform:bits=8,group=128",
          "hqq", "int8", "fp8_e4m3", "f16", "f32"})
  void givesTheBytesOfMergingAndThenQuantizing(String scheme) {
    requireTwoSteps(scheme, List.of(part(16, 0.8, false)));
    requireTwoSteps(scheme, List.of(part(3, 0.8, false), part(5, -1.5, false), part(1, 1, false)));
    requireTwoSteps(scheme, List.of(part(2, 1, false), part(4, 0.7, true), part(3, 0.5, false)));
  }

  @Test
  void aPartOfStrengthZeroChangesNothing() {
    requireTwoSteps("f32", List.of(part(4, 0, true), part(3, 1, false), part(3, 0, false)));
    requireTwoSteps("f32", List.of(part(4, 0, true)));
    requireTwoSteps("q8_0", List.of());
  }

  @Test
  void readsFactorsAndWeightsOfOtherShapesAndStridesAndDtypes() {
    Part part = part(4, 0.5, false);
    float[] weight = floats(ROWS * COLUMNS, 0.1);
    try (Arena arena = Arena.ofShared()) {
      Tensor merged = tensor(arena, merged(weight, List.of(part)), ROWS, COLUMNS);
      Map<String, String> scheme = Map.of("scheme", "q4_0");
      Result expected = run(arena, "quantize", List.of(merged), scheme, 1);
      float[] turned = new float[weight.length];
      for (int i = 0; i < weight.length; i++) {
        turned[i % COLUMNS * ROWS + i / COLUMNS] = weight[i];
      }
      List<Tensor> inputs =
          new ArrayList<>(
              inputs(
                  arena, tensor(arena, turned, COLUMNS, ROWS).permute(1, 0), List.of(part)));
      Result strided = run(arena, "quantize_lora", inputs, scheme, 2);
      requireSame(strided.outputs, expected.outputs, "strided");

      Tensor convolution = tensor(arena, weight, ROWS, COLUMNS / 8, 2, 4);
      inputs.set(0, convolution);
      inputs.set(2, inputs.get(2).reshape(Shape.of(4, COLUMNS / 8, 2, 4)));
      inputs.set(3, inputs.get(3).reshape(Shape.of(ROWS, 4, 1, 1)));
      Result found = run(arena, "quantize_lora", inputs, scheme, 2);
      assertThat(found.outputs.getFirst().data().mismatch(expected.outputs.getFirst().data()))
          .isEqualTo(-1);
    }
  }

  @Test
  void tellsHowMuchOfTheEffectIsLeft() {
    List<Part> parts = List.of(part(4, 1, false));
    float[] weight = floats(ROWS * COLUMNS, 0.1);
    float[] merged = merged(weight, parts);
    try (Arena arena = Arena.ofShared()) {
      List<Tensor> inputs = inputs(arena, tensor(arena, weight, ROWS, COLUMNS), parts);
      Result found =
          run(
              arena, "quantize_lora", inputs, Map.of("scheme", "q8_0", "survival", "true"), 2);
      Tensor back =
          run(
              arena, "dequantize", found.outputs,
              Map.of("scheme", "q8_0", "shape", ROWS + "," + COLUMNS), 1).outputs
              .getFirst();
      double effect = 0;
      double error = 0;
      double product = 0;
      for (int i = 0; i < weight.length; i++) {
        double d = (double) merged[i] - weight[i];
        double e = (double) back.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i) - merged[i];
        effect += d * d;
        error += e * e;
        product += d * e;
      }
      double[] sums = found.value.toArray(ValueLayout.JAVA_DOUBLE);
      assertThat(sums[0]).isPositive().isCloseTo(effect, within(1e-9 * effect));
      assertThat(sums[1]).isPositive().isCloseTo(error, within(1e-9 * error));
      assertThat(sums[2]).isCloseTo(product, within(1e-9 * Math.sqrt(effect * error)));
      assertThat(sums[3]).isEqualTo(weight.length);
      Result plain = run(arena, "quantize_lora", inputs, Map.of("scheme", "q8_0"), 1);
      requireSame(plain.outputs, found.outputs, "measured");
      Result again =
          run(
              arena, "quantize_lora", inputs, Map.of("scheme", "q8_0", "survival", "true"), 1);
      assertThat(again.value.mismatch(found.value)).isEqualTo(-1);
    }
  }

  private void requireRefused(List<Tensor> inputs, Map<String, String> options, String message) {
    try (Arena arena = Arena.ofShared()) {
      assertThatThrownBy(() -> run(arena, "quantize_lora", inputs, options, 2))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining(message);
    }
  }

  @Test
  void refusesInputsThatAreNoFactorsOfTheWeight() {
    Map<String, String> q8 = Map.of("scheme", "q8_0");
    try (Arena arena = Arena.ofShared()) {
      Tensor weight = tensor(arena, floats(ROWS * COLUMNS, 1), ROWS, COLUMNS);
      List<Tensor> good = inputs(arena, weight, List.of(part(3, 1, false), part(2, 1, false)));
      requireRefused(good.subList(0, 1), q8, "takes a weight, the strengths");
      requireRefused(good.subList(0, 5), q8, "2 parts take 6 inputs, but there are 5");
      requireRefused(good.subList(0, 4), q8, "there are 1 parts, but the strengths (input 1) are");
      requireRefused(good, options("q8_0", List.of(part(3, 1, true))), "1 parts take 5 inputs");
      requireRefused(
          with(good, 3, good.get(5)), q8,
          "part 0 (down is input 2, up 3): down is float32(3, 1280) and up float32(96, 2), of"
              + " different ranks");
      requireRefused(
          with(good, 0, weight.narrow(0, 0, 95)), q8, "but the weight has (95, 1280)");
      requireRefused(
          with(good, 0, weight.narrow(1, 0, 640)), q8, "but the weight has (96, 640)");
      requireRefused(
          with(good, 0, weight.reshape(Shape.of(ROWS * COLUMNS))), q8, "adapters change matrices");
      requireRefused(with(good, 1, good.get(4)), q8, "not float64");
      Tensor whole = Tensor.of(arena.allocate(4L * 3 * COLUMNS), DType.I32, Shape.of(3, COLUMNS));
      requireRefused(with(good, 2, whole), q8, "convert it to float32");
      requireRefused(with(good, 0, whole), q8, "convert it to float32");
    }
    TensorOp op = registry.get("quantize_lora");
    TensorType matrix = new TensorType(DType.F32, Shape.of(1 << 20, 32));
    TensorType strengths = new TensorType(DType.F64, Shape.of(1));
    TensorType down = new TensorType(DType.F32, Shape.of(32767, 32));
    TensorType up = new TensorType(DType.F32, Shape.of(1 << 20, 32767));
    assertThatThrownBy(() -> op.plan(List.of(matrix, strengths, down, up), Options.NONE))
        .hasMessageContaining("the factors take more than 1073741824 bytes");
    List<TensorType> none = List.of(matrix, new TensorType(DType.F64, Shape.of(0)));
    assertThatThrownBy(() -> op.plan(none, Options.NONE.with("parts", "loha")))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("write lora or dora for each part");
    assertThatThrownBy(() -> op.plan(none, Options.NONE.with("survival", "yes")))
        .hasMessageContaining("take true or false");
  }

  private static List<Tensor> with(List<Tensor> inputs, int index, Tensor input) {
    List<Tensor> changed = new ArrayList<>(inputs);
    changed.set(index, input);
    return changed;
  }

  @Test
  void namesTheFactorThatIsNotFinite() {
    List<Part> parts = List.of(part(3, 1, false), part(2, 0.5, true));
    Map<String, String> options = options("q8_0", parts);
    try (Arena arena = Arena.ofShared()) {
      Tensor weight = tensor(arena, floats(ROWS * COLUMNS, 1), ROWS, COLUMNS);
      requireNonFinite(weight, parts, options, 4, 77, "element 77 of down (A) is NaN");
      requireNonFinite(weight, parts, options, 5, 30, "element 30 of up (B) is NaN");
      requireNonFinite(weight, parts, options, 6, 95, "element 95 of the magnitudes is NaN");
      List<Tensor> inputs = inputs(arena, weight, parts);
      inputs.get(1).segment().setAtIndex(ValueLayout.JAVA_DOUBLE, 1, Double.POSITIVE_INFINITY);
      requireRefused(inputs, options, "strength 1 is Infinity");
      inputs.get(1).segment().setAtIndex(ValueLayout.JAVA_DOUBLE, 1, 1e300);
      requireRefused(inputs, options, "times the scale 1.0E300 is not finite");
      inputs.get(1).segment().setAtIndex(ValueLayout.JAVA_DOUBLE, 1, 1);
      weight.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 5000, Float.NaN);
      requireRefused(inputs, options("q8_0", parts.subList(0, 0)), "parts take");
      requireRefused(inputs, options, "is NaN; repair the tensor");
    }
  }

  private void requireNonFinite(
      Tensor weight, List<Part> parts, Map<String, String> options, int input, long index,
      String message) {
    try (Arena arena = Arena.ofShared()) {
      List<Tensor> inputs = inputs(arena, weight, parts);
      inputs.get(input).segment().setAtIndex(ValueLayout.JAVA_FLOAT, index, Float.NaN);
      assertThatThrownBy(() -> run(arena, "quantize_lora", inputs, options, 2))
          .isInstanceOfSatisfying(
              TensorException.class,
              refused -> {
                assertThat(refused.code()).isEqualTo(ErrorCode.NON_FINITE);
                assertThat(refused.elementIndex()).isEqualTo(index);
                assertThat(refused.tensorName()).isEmpty();
                assertThat(refused.reason())
                    .contains("part 1 (down is input 4, up 5, magnitude 6)")
                    .contains(message);
              });
    }
  }
}
