package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The proof that parts of certain types are a quantized tensor, and what comes out; immutable and
 * thread-safe. The reverse of {@link Quantization}, with the same chunks.
 */
public final class Dequantization {
  private final QuantScheme scheme;
  private final TensorType type;
  private final List<OutputSpec> parts;

  private Dequantization(QuantScheme scheme, Shape shape) {
    this.scheme = scheme;
    this.type = new TensorType(DType.F32, shape);
    this.parts = scheme.parts(shape);
  }

  /**
   * The dequantization of tensors of a shape.
   *
   * @param scheme the scheme of the parts
   * @param shape the shape of the quantized tensors
   * @return the proof
   * @throws TensorException {@link ErrorCode#NOT_DIVISIBLE} if a row does not hold whole blocks
   */
  public static Dequantization of(QuantScheme scheme, Shape shape) {
    return new Dequantization(scheme, shape);
  }

  /**
   * The parts that go in.
   *
   * @return their names and types, in order
   */
  public List<OutputSpec> parts() {
    return parts;
  }

  /**
   * What comes out.
   *
   * @return float32 of the tensor's shape
   */
  public TensorType type() {
    return type;
  }

  /**
   * The memory traffic of a run.
   *
   * @return bytes read and written, at least 1
   */
  public long workBytes() {
    long read = parts.stream().mapToLong(part -> part.type().byteLength()).sum();
    return Math.max(1, type.byteLength() + read);
  }

  /**
   * Checks the types of parts; shapes may differ as long as the element counts agree.
   *
   * @param types the types of the given parts, in order
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} with what is expected
   */
  public void requireParts(List<TensorType> types) {
    Parts.requireTypes(parts, types);
  }

  /**
   * Prepares a run that fills a tensor in memory.
   *
   * @param sources the parts, with any strides and backing
   * @param output row-major float32 of as many elements as {@link #type()}
   * @return the run; it keeps sources and output until its last chunk has ended; a chunk throws
   *     {@link io.tensorbridge.FormatException} if the file behind a part was truncated
   */
  public OpRun bind(List<Tensor> sources, Tensor output) {
    Parts.require(List.of(new OutputSpec("output", type)), List.of(output));
    return FileBackedRun.watch(sources, run(sources, Output.to(List.of(output))));
  }

  /**
   * Prepares a run that hands pieces of float32 to a sink, all of them as part 0.
   *
   * @param sources the parts, with any strides and backing
   * @param sink takes the pieces, from the threads that run chunks
   * @return the run; it keeps sources and sink until its last chunk has ended
   */
  public OpRun bind(List<Tensor> sources, PartSink sink) {
    return FileBackedRun.watch(sources, run(sources, sink));
  }

  /** As above, with its chunks, and without an explanation of faults. */
  DequantizingRun run(List<Tensor> sources, PartSink sink) {
    return run(sources, Output.to(sink));
  }

  private DequantizingRun run(List<Tensor> sources, Output output) {
    Parts.require(parts, sources);
    List<StoredBytes> stored = new ArrayList<>(sources.size());
    for (Tensor source : sources) {
      stored.add(StoredBytes.of(source, stored.size()));
    }
    return dequantizing(stored, output);
  }

  /**
   * Dequantizes what one chunk of the quantization wrote.
   *
   * @param stored at least the ranges of the parts that this chunk wrote or used
   * @param chunk its index
   * @param from its first element
   * @param values receives its values; their number is that of its elements
   */
  void chunk(List<StoredBytes> stored, int chunk, long from, MemorySegment values) {
    Output.Window window = new Output.Window(from * Float.BYTES, values);
    DequantizingRun run = scheme instanceof UniformTimeScheme time
        ? inStoredOrder(time, stored, window)
        : dequantizing(stored, window);
    if (run instanceof RangeRun ranges) {
      ranges.runRange(from, Math.toIntExact(values.byteSize() / Float.BYTES));
    } else {
      run.runChunk(0, chunk);
    }
    window.requireFull();
  }

  /** Codes, and the scales that are stored as codes themselves. */
  private static List<StoredBytes> withPlainScales(List<StoredBytes> stored) {
    StoredBytes scales =
        new StoredBytes.Nested(stored.get(1), stored.get(2), stored.get(3), 1);
    return List.of(stored.getFirst(), scales);
  }

  private DequantizingRun dequantizing(List<StoredBytes> stored, Output output) {
    long elements = type.shape().elementCount();
    return switch (scheme) {
      case BlockScheme block ->
          new BlockDequantizing(block.format(), elements, stored.getFirst(), output);
      case FloatScheme plain ->
          new BlockDequantizing(plain.format(), elements, stored.getFirst(), output);
      case FourBitScheme code when code.isDouble() ->
          new GroupedDequantizing(
              GroupCoding.of(code, type.shape()), withPlainScales(stored), output);
      case GroupScheme grouped ->
          new GroupedDequantizing(GroupCoding.of(grouped, type.shape()), stored, output);
      case HqqScheme hqq -> new HqqDequantizing(hqq, elements, stored, output);
      case UniformScheme uniform ->
          uniform(uniform, stored, output);
      case UniformTimeScheme time ->
          new TimeDequantizing(
              time, TimeGroups.of(time.groups(), type.shape()), stored, output);
      case UniformSpatialScheme spatial ->
          uniform(
              spatial.plain(),
              stored,
              new ChannelScaling(
                  output,
                  stored.get(spatial.scalesPart()),
                  UniformSpatialScheme.columns(type.shape())));
    };
  }

  private DequantizingRun uniform(
      UniformScheme uniform, List<StoredBytes> stored, Output output) {
    return new UniformDequantizing(
        uniform.rule(), GroupGrid.of(uniform.group(), type.shape()), stored, output);
  }

  private DequantizingRun inStoredOrder(
      UniformTimeScheme time, List<StoredBytes> stored, Output output) {
    return new UniformDequantizing(
        time.rule(), TimeGroups.of(time.groups(), type.shape()), stored, output);
  }
}
