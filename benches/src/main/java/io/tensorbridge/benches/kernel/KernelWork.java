package io.tensorbridge.benches.kernel;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.Dequantization;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What one thread does: a scheme over its part of the memory, chunk by chunk, as a worker of a
 * server does it. Every scheme takes this way, so a new one needs no code here.
 */
final class KernelWork {
  private final Quantization quantization;
  private final Dequantization dequantization;
  private final Tensor values;
  private final List<Tensor> parts;
  private final Tensor decoded;

  private KernelWork(QuantScheme scheme, Tensor values, List<Tensor> parts, Tensor decoded) {
    this.quantization = Quantization.of(scheme, values.type(), NonFinite.ERROR);
    this.dequantization = Dequantization.of(scheme, values.shape());
    this.values = values;
    this.parts = parts;
    this.decoded = decoded;
  }

  /**
   * The work of one of several threads, its parts filled already.
   *
   * @param scheme the scheme
   * @param bytes of float32, whole rows of {@link Payload#COLUMNS}
   * @param thread from 0
   * @param threads how many there are
   */
  static KernelWork of(QuantScheme scheme, long bytes, int thread, int threads) {
    Shape shape = Shape.of(bytes / Float.BYTES / Payload.COLUMNS, Payload.COLUMNS);
    MemorySegment values = WarmMemory.part(WarmMemory.Area.VALUES, thread, threads, bytes);
    MemorySegment decoded = WarmMemory.part(WarmMemory.Area.DECODED, thread, threads, bytes);
    KernelWork work =
        new KernelWork(
            scheme,
            Tensor.of(values, DType.F32, shape),
            parts(scheme, shape, thread, threads),
            Tensor.of(decoded, DType.F32, shape));
    work.quantize();
    return work;
  }

  private static List<Tensor> parts(
      QuantScheme scheme, Shape shape, int thread, int threads) {
    List<OutputSpec> specs = scheme.parts(shape);
    long bytes = specs.stream().mapToLong(spec -> aligned(spec.type())).sum();
    MemorySegment memory = WarmMemory.part(WarmMemory.Area.CODED, thread, threads, bytes);
    List<Tensor> parts = new ArrayList<>();
    long at = 0;
    for (OutputSpec spec : specs) {
      TensorType type = spec.type();
      parts.add(
          Tensor.of(memory.asSlice(at, type.byteLength()), type.dtype(), type.shape()));
      at += aligned(type);
    }
    return List.copyOf(parts);
  }

  private static long aligned(TensorType type) {
    return (type.byteLength() + 63) / 64 * 64;
  }

  /**
   * Checks that the values come back near the original: a scheme of 2 bits and more keeps a normal
   * value within a few standard deviations.
   *
   * @throws IllegalStateException if they don't
   */
  void requireNear() {
    quantize();
    dequantize();
    double worst = 0;
    long rows = values.shape().dimension(0);
    for (long column = 0; column < Payload.COLUMNS; column++) {
      double error =
          values.getDouble(rows - 1, column) - decoded.getDouble(rows - 1, column);
      worst = Math.max(worst, Math.abs(error));
    }
    if (!(worst < 3)) {
      throw new IllegalStateException(
          quantization.scheme() + " is off by " + worst
              + " in the last row, so its time would mean nothing");
    }
  }

  /** Quantizes all values of this thread. */
  void quantize() {
    drive(quantization.bind(values, parts));
  }

  /** Dequantizes all parts of this thread. */
  void dequantize() {
    drive(dequantization.bind(parts, decoded));
  }

  private static void drive(OpRun run) {
    for (int phase = 0; phase < run.phaseCount(); phase++) {
      int chunks = run.chunkCount(phase);
      for (int chunk = 0; chunk < chunks; chunk++) {
        run.runChunk(phase, chunk);
      }
    }
    run.finish();
  }
}
