package io.tensorbridge.quantize;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.quantize.internal.kernel.GroupKernel;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Quantizes tensors in this process; immutable and thread-safe.
 *
 * <pre>{@code
 * try (QuantizedTensor q = Quantizer.of(QuantScheme.parse("q8_0")).quantize(weight)) {
 *   q.data();
 * }
 * }</pre>
 *
 * <p>For many tensors, for streaming, or for progress, use a {@link Quantization} and drive its runs
 * yourself.
 */
public final class Quantizer {
  private final QuantScheme scheme;
  private final NonFinite nonFinite;
  private final int threads;
  private final @Nullable WorkerPool pool;
  private final @Nullable Tensor importances;

  private Quantizer(
      QuantScheme scheme,
      NonFinite nonFinite,
      int threads,
      @Nullable WorkerPool pool,
      @Nullable Tensor importances) {
    this.scheme = scheme;
    this.nonFinite = nonFinite;
    this.threads = threads;
    this.pool = pool;
    this.importances = importances;
  }

  /**
   * A quantizer that refuses NaN and infinities and uses all processors.
   *
   * @param scheme the scheme of its results
   * @return the quantizer
   */
  public static Quantizer of(QuantScheme scheme) {
    int processors = Runtime.getRuntime().availableProcessors();
    return new Quantizer(scheme, NonFinite.ERROR, processors, null, null);
  }

  /**
   * The same with another policy for NaN and infinities.
   *
   * @param policy what to do with them
   * @return a new quantizer
   */
  public Quantizer withNonFinite(NonFinite policy) {
    return new Quantizer(scheme, policy, threads, pool, importances);
  }

  /**
   * The same with another number of threads, which live as long as a call.
   *
   * @param count threads for each call, the calling one among them; at least 1
   * @return a new quantizer
   */
  public Quantizer withThreads(int count) {
    return new Quantizer(scheme, nonFinite, Math.max(1, count), null, importances);
  }

  /**
   * The same with the threads of a pool, beside the calling one.
   *
   * @param shared belongs to the caller and stays open
   * @return a new quantizer
   */
  public Quantizer withPool(WorkerPool shared) {
    return new Quantizer(scheme, nonFinite, shared.threadCount() + 1, shared, importances);
  }

  /**
   * The same with what the scheme takes into account beside the tensors to come: importances of
   * columns, greatest activations of columns, or timesteps of rows ({@link
   * Quantization#withImportance}).
   *
   * @param columns float32, one for each column or row, finite and not negative; belongs to the
   *     caller and stays open
   * @return a new quantizer
   */
  public Quantizer withImportance(Tensor columns) {
    return new Quantizer(scheme, nonFinite, threads, pool, columns);
  }

  /**
   * Begins to prepare the fastest kernels of this scheme, beside any work; for processes that live
   * long, for example a server at its start. Without it they are prepared after some gigabytes of
   * work. The bytes of results do not depend on it.
   */
  public void warmUp() {
    kernels().forEach(KernelChoice::train);
  }

  /**
   * Tells how much is to be quantized, so that a process that has just begun takes the kernels that
   * suit so much work. The bytes of results do not depend on it.
   *
   * @param elements elements of all tensors to come
   */
  public void expect(long elements) {
    kernels().getFirst().expect(elements);
  }

  /**
   * Whether this scheme has kernels with the Vector API in this JVM.
   *
   * @return false if plain Java serves alone
   */
  public boolean hasVectorKernels() {
    return kernels().stream().anyMatch(KernelChoice::hasVector);
  }

  private List<KernelChoice<?>> kernels() {
    Kernels kernels = Kernels.shared();
    return switch (scheme) {
      case BlockScheme block ->
          List.of(kernels.quantizing(block.format()), kernels.dequantizing(block.format()));
      case FloatScheme plain ->
          List.of(kernels.quantizing(plain.format()), kernels.dequantizing(plain.format()));
      case GroupScheme grouped -> {
        GroupCoding coding = GroupCoding.of(grouped, Shape.of(1));
        KernelChoice<GroupKernel> quantizing = kernels.quantizing(coding.format());
        KernelChoice<GroupKernel> dequantizing = kernels.dequantizing(coding.format());
        yield coding.tensorPart() < 0
            ? List.of(quantizing, dequantizing)
            : List.of(quantizing, dequantizing, kernels.uniformQuantizing());
      }
      case HqqScheme _ -> List.of(kernels.hqq(), kernels.uniformDequantizing());
      case UniformScheme _,UniformTimeScheme _,UniformSpatialScheme _ ->
          List.of(kernels.uniformQuantizing(), kernels.uniformDequantizing());
    };
  }

  /**
   * Quantizes a tensor.
   *
   * @param tensor float32, float16, bfloat16 or float64, any strides and backing; it must stay
   *     accessible during the call, also from other threads
   * @return the quantized tensor, to be closed by the caller
   * @throws TensorException if the scheme does not take the dtype or shape, or a value is not
   *     finite
   * @throws io.tensorbridge.FormatException if the file behind the tensor was truncated
   */
  public QuantizedTensor quantize(Tensor tensor) {
    return quantize("", tensor);
  }

  /**
   * Quantizes a tensor that has a name.
   *
   * @param name for the result and for failures
   * @param tensor as above
   * @return the quantized tensor, to be closed by the caller
   * @throws TensorException with the name, if the scheme does not take the dtype or shape, or a
   *     value is not finite
   * @throws io.tensorbridge.FormatException if the file behind the tensor was truncated
   */
  public QuantizedTensor quantize(String name, Tensor tensor) {
    try {
      Quantization quantization = quantization(tensor);
      QuantizedTensor result =
          QuantizedTensor.allocate(
              name, scheme, tensor.shape(), quantization.parts(), threads);
      try {
        fill(quantization, tensor, result);
      } catch (BridgeException failure) {
        result.close();
        throw failure;
      }
      return result;
    } catch (TensorException failure) {
      throw name.isEmpty() ? failure : failure.named(name);
    }
  }

  private Quantization quantization(Tensor tensor) {
    Quantization plain = Quantization.of(scheme, tensor.type(), nonFinite);
    return importances == null ? plain : plain.withImportance(importances);
  }

  private void fill(Quantization quantization, Tensor tensor, QuantizedTensor result) {
    var run = quantization.bind(tensor, result.parts());
    if (pool == null) {
      Work.run(quantization.workBytes(), run, threads);
    } else {
      Work.run(quantization.workBytes(), run, threads, pool);
    }
  }
}
