package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.SurvivalMeter;
import io.tensorbridge.quantize.lora.LoraDelta;
import io.tensorbridge.quantize.lora.MergedWeight;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * {@code quantize_lora}: a weight, strengths, and the factors of low-rank adapters in; the parts of
 * the merged and quantized weight out, the same bytes as merging in float32 ({@link LoraDelta}) and
 * then quantizing give.
 *
 * <p>With {@code survival=true} the small result holds the sums of {@link Survival} as four
 * little-endian float64: effect, error, product, and the number of elements.
 */
final class QuantizeLoraOp implements TensorOp {
  /** Input after which the fastest kernels are prepared, as for {@code quantize}. */
  private static final long WARM_UP_BYTES = 64L << 20;

  private static final ValueLayout.OfDouble SUM =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final AtomicLong inputBytes = new AtomicLong();

  @Override
  public String name() {
    return QuantizeLoraProvider.NAME;
  }

  @Override
  public boolean takesFiles() {
    return true;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("scheme", "nonfinite", "parts", "survival"));
    QuantScheme scheme = QuantScheme.parse(options.get("scheme", "uniform"));
    NonFinite nonFinite = NonFinite.parse(options.get("nonfinite", "error"));
    LoraInputs layout = LoraInputs.of(inputs, options);
    TensorType merged = new TensorType(DType.F32, inputs.getFirst().shape());
    return new Plan(
        Quantization.of(scheme, merged, nonFinite), layout, measures(options), inputBytes);
  }

  private static boolean measures(Options options) {
    String text = options.get("survival", "false");
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new OptionException(
          ErrorCode.BAD_OPTION, "survival", "\"" + text + "\" is not possible; take true or false");
    };
  }

  private record Plan(
      Quantization quantization, LoraInputs layout, boolean measures,
      AtomicLong inputBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return quantization.parts();
    }

    @Override
    public long workBytes() {
      return quantization.workBytes();
    }

    @Override
    public String label() {
      return quantization.scheme().toString();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      if (inputBytes.addAndGet(quantization.type().byteLength()) >= WARM_UP_BYTES) {
        Quantizer.of(quantization.scheme()).warmUp();
        LoraDelta.warmUp();
      }
      List<Tensor> inputs = memory.inputs();
      FloatSource base = FloatSource.of(inputs.getFirst());
      MergedWeight weight =
          new MergedWeight(base, inputs.get(1), layout.factors(inputs), inputs);
      Optional<SurvivalMeter> meter =
          measures ? Optional.of(new SurvivalMeter(base)) : Optional.empty();
      OpRun run = quantization.bind(weight, memory.outputs(), meter.stream().toList());
      return new Run(run, weight, meter, memory.value());
    }
  }

  /** Gives the factors' memory back at its end, and tells what was measured. */
  private record Run(
      OpRun run, MergedWeight weight, Optional<SurvivalMeter> meter,
      MemorySegment value) implements OpRun {
    @Override
    public int phaseCount() {
      return run.phaseCount();
    }

    @Override
    public int chunkCount(int phase) {
      return run.chunkCount(phase);
    }

    @Override
    public void runChunk(int phase, int chunk) {
      run.runChunk(phase, chunk);
    }

    @Override
    public Outcome finish() {
      Outcome outcome = run.finish();
      weight.close();
      meter.ifPresent(measured -> put(measured.survival()));
      return outcome;
    }

    private void put(Survival sums) {
      value.setAtIndex(SUM, 0, sums.effect());
      value.setAtIndex(SUM, 1, sums.error());
      value.setAtIndex(SUM, 2, sums.product());
      value.setAtIndex(SUM, 3, (double) sums.elements());
    }
  }
}
