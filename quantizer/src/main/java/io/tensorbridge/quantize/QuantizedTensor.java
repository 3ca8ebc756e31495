package io.tensorbridge.quantize;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A tensor in the encoding of a scheme, in memory that it owns; immutable, thread-safe.
 *
 * <p>{@link #close()} frees the memory of all its parts.
 */
public final class QuantizedTensor implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final String name;
  private final QuantScheme scheme;
  private final Shape shape;
  private final Region region;
  private final List<Tensor> parts;
  private final int threads;

  private QuantizedTensor(
      String name,
      QuantScheme scheme,
      Shape shape,
      Region region,
      List<Tensor> parts,
      int threads) {
    this.name = name;
    this.scheme = scheme;
    this.shape = shape;
    this.region = region;
    this.parts = parts;
    this.threads = threads;
  }

  /** A tensor whose parts have not been written yet. */
  static QuantizedTensor allocate(
      String name, QuantScheme scheme, Shape shape, List<OutputSpec> specs, int threads) {
    long byteSize = 0;
    for (OutputSpec spec : specs) {
      byteSize += alignedLength(spec.type());
    }
    Arena arena = Arena.ofShared();
    MemorySegment whole = arena.allocate(byteSize, ALIGNMENT);
    Region region =
        new Region(
            "quantized tensor \"" + name + "\"",
            whole,
            Access.READWRITE,
            Backing.PRIVATE,
            arena::close);
    List<Tensor> parts = new ArrayList<>(specs.size());
    long byteOffset = 0;
    for (OutputSpec spec : specs) {
      TensorType type = spec.type();
      MemorySegment part = whole.asSlice(byteOffset, type.byteLength());
      parts.add(Tensor.of(part, type.dtype(), type.shape()));
      byteOffset += alignedLength(type);
    }
    return new QuantizedTensor(name, scheme, shape, region, List.copyOf(parts), threads);
  }

  private static long alignedLength(TensorType type) {
    return (type.byteLength() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * The tensor's name.
   *
   * @return as given when it was quantized; empty if it has none
   */
  public String name() {
    return name;
  }

  /**
   * The scheme of the encoding.
   *
   * @return the scheme
   */
  public QuantScheme scheme() {
    return scheme;
  }

  /**
   * The shape of the tensor that was quantized.
   *
   * @return the shape
   */
  public Shape shape() {
    return shape;
  }

  /**
   * All parts.
   *
   * @return in the order of {@link QuantScheme#parts(Shape)}, valid until {@link #close()}
   */
  public List<Tensor> parts() {
    return parts;
  }

  /**
   * The encoded elements.
   *
   * @return uint8 of one dimension, valid until {@link #close()}
   */
  public Tensor data() {
    return parts.getFirst();
  }

  /**
   * The scales outside of {@link #data()}.
   *
   * @return float32, valid until {@link #close()}; empty if the scheme has none
   */
  public Optional<Tensor> scales() {
    return parts.size() > 1 ? Optional.of(parts.get(1)) : Optional.empty();
  }

  /**
   * The zero points outside of {@link #data()}.
   *
   * @return float32, valid until {@link #close()}; empty if the scheme has none
   */
  public Optional<Tensor> zeroPoints() {
    return parts.size() > 2 ? Optional.of(parts.get(2)) : Optional.empty();
  }

  /**
   * Decodes into memory of the caller.
   *
   * @param target at least four bytes for each element, any alignment
   * @return row-major float32 at the start of the target
   * @throws io.tensorbridge.BridgeClosedException if this tensor is closed
   */
  public Tensor dequantize(MemorySegment target) {
    try (Lease _ = region.lease("dequantize")) {
      Tensor output = Tensor.of(target, DType.F32, shape);
      Dequantization dequantization = Dequantization.of(scheme, shape);
      Work.run(dequantization.workBytes(), dequantization.bind(parts, output), threads);
      return output;
    }
  }

  /**
   * Decodes into new memory.
   *
   * @param allocator owns that memory, for example an {@link Arena} of the caller
   * @return row-major float32, valid as long as the allocator's memory
   * @throws io.tensorbridge.BridgeClosedException if this tensor is closed
   */
  public Tensor dequantize(SegmentAllocator allocator) {
    TensorType type = new TensorType(DType.F32, shape);
    return dequantize(allocator.allocate(type.byteLength(), ALIGNMENT));
  }

  /**
   * Decodes into new memory that the garbage collector frees.
   *
   * @return row-major float32
   * @throws io.tensorbridge.BridgeClosedException if this tensor is closed
   */
  public Tensor dequantize() {
    return dequantize(Arena.ofAuto());
  }

  /**
   * Frees the memory of all parts, once a {@link #dequantize()} of another thread has ended; closing
   * twice does nothing.
   */
  @Override
  public void close() {
    region.close();
  }

  @Override
  public String toString() {
    return "quantized tensor \"" + name + "\" " + shape + " as " + scheme;
  }
}
