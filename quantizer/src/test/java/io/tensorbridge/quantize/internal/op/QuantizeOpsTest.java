package io.tensorbridge.quantize.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.DType;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizeOpsTest {
  private final OpRegistry registry = OpRegistry.ofServices();

  private static List<Tensor> run(Arena arena, TensorOp op, List<Tensor> inputs, Options options) {
    OpPlan plan = op.plan(inputs.stream().map(Tensor::type).toList(), options);
    List<Tensor> outputs = plan.outputs().stream().map(spec -> allocate(arena, spec)).toList();
    MemorySegment value = arena.allocate(OpMemory.VALUE_BYTES);
    OpRun run = plan.bind(new OpMemory(inputs, outputs, value));
    for (int phase = 0; phase < run.phaseCount(); phase++) {
      for (int chunk = 0; chunk < run.chunkCount(phase); chunk++) {
        run.runChunk(phase, chunk);
      }
    }
    assertThat(plan.workBytes()).isPositive();
    return outputs;
  }

  private static Tensor allocate(Arena arena, OutputSpec spec) {
    TensorType type = spec.type();
    return Tensor.of(arena.allocate(type.byteLength()), type.dtype(), type.shape());
  }

  @ParameterizedTest
  @ValueSource(strings = {"q8_0", "uniform:bits=8", "uniform:bits=8,group=32,sym=true", "f32"})
  void whatWasQuantizedComesBack(String scheme) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor weight =
          Tensor.of(arena.allocate(4 * 4 * 64), DType.F32, Shape.of(4, 2, 32));
      for (int i = 0; i < 256; i++) {
        weight.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, i / 256f);
      }
      Options options = Options.of(Map.of("scheme", scheme));
      List<Tensor> parts =
          run(arena, registry.get("quantize"), List.of(weight), options);
      Tensor back =
          run(arena, registry.get("dequantize"), parts, options.with("shape", "4, 2,32"))
              .getFirst();
      assertThat(back.type()).isEqualTo(weight.type());
      for (int i = 0; i < 256; i++) {
        assertThat(back.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i))
            .isBetween(i / 256f - 0.01f, i / 256f + 0.01f);
      }
    }
  }

  @Test
  void importancesAreASecondInput() {
    TensorOp quantize = registry.get("quantize");
    Options options = Options.NONE.with("scheme", "q4_k");
    try (Arena arena = Arena.ofConfined()) {
      Tensor weight = Tensor.of(arena.allocate(4 * 512), DType.F32, Shape.of(2, 256));
      Tensor importances = Tensor.of(arena.allocate(4 * 256), DType.F32, Shape.of(256));
      for (int i = 0; i < 512; i++) {
        weight.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i * i));
        importances.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i / 2, i % 7 + 0.5f);
      }
      Tensor plain = run(arena, quantize, List.of(weight), options).getFirst();
      Tensor weighted = run(arena, quantize, List.of(weight, importances), options).getFirst();
      assertThat(weighted.segment().mismatch(plain.segment())).isNotNegative();
    }
    List<TensorType> types =
        List.of(
            new TensorType(DType.F32, Shape.of(2, 256)),
            new TensorType(DType.F32, Shape.of(512)));
    assertThatThrownBy(() -> quantize.plan(types, options))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("has 256 columns, but there are 512 importances");
  }

  @Test
  void timestepsAreASecondInputAndRowsComeBackWhereTheyWere() {
    TensorOp quantize = registry.get("quantize");
    TensorOp dequantize = registry.get("dequantize");
    Options options = Options.NONE.with("scheme", "uniform:bits=8,time=2");
    try (Arena arena = Arena.ofConfined()) {
      Tensor weight = Tensor.of(arena.allocate(4 * 15), DType.F32, Shape.of(5, 3));
      for (int i = 0; i < 15; i++) {
        weight.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 2 == 0 ? i * 100 : i);
      }
      MemorySegment steps = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 900, 0, 900, 20, 1);
      Tensor timesteps = Tensor.of(steps, DType.F32, Shape.of(5));
      List<Tensor> parts = run(arena, quantize, List.of(weight, timesteps), options);
      assertThat(parts.getLast().data().toArray(ValueLayout.JAVA_INT))
          .containsExactly(1, 4, 3, 0, 2);
      Tensor back = run(arena, dequantize, parts, options.with("shape", "5,3")).getFirst();
      float[] restored = back.data().toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < 15; i++) {
        assertThat(restored[i])
            .isCloseTo(weight.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i), within(3f));
      }
    }
  }

  @Test
  void wrongUseIsRefusedWithTheRemedy() {
    TensorOp quantize = registry.get("quantize");
    TensorOp dequantize = registry.get("dequantize");
    List<TensorType> one = List.of(new TensorType(DType.F32, Shape.of(32)));
    assertThatThrownBy(() -> quantize.plan(one, Options.NONE.with("sheme", "q8_0")))
        .isInstanceOf(OptionException.class)
        .hasMessage("option \"sheme\": is unknown; known are nonfinite, scheme");
    assertThatThrownBy(() -> quantize.plan(List.of(), Options.NONE))
        .isInstanceOf(TensorException.class)
        .hasMessage(
            "quantize takes one tensor, and maybe the importances of its columns, not 0 tensors");
    assertThatThrownBy(() -> quantize.plan(one, Options.NONE.with("nonfinite", "keep")))
        .hasMessage("option \"nonfinite\": \"keep\" is not possible; take error or clip");
    assertThatThrownBy(() -> dequantize.plan(one, Options.NONE.with("scheme", "q8_0")))
        .hasMessage("option \"shape\": must be given to dequantize");
    Options options = Options.NONE.with("scheme", "q8_0").with("shape", "32");
    assertThatThrownBy(() -> dequantize.plan(one, options))
        .hasMessage("float32(32,) was given as data, which is uint8(34,)");
    assertThatThrownBy(() -> dequantize.plan(one, options.with("shape", "32x2")))
        .hasMessage("option \"shape\": \"32x2\" is no shape; write 1280,320");
  }
}
