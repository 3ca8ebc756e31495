package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The proof that a scheme takes tensors of a type, and what comes out; immutable and thread-safe.
 *
 * <p>A run is cut into chunks of some 64 thousand elements. It reads its source in chunks and either
 * fills whole parts in memory or hands pieces to a {@link PartSink}, so that a tensor of any size
 * can be quantized from file to file in little memory. The bytes do not depend on who runs the
 * chunks, nor in which order. Where groups are longer than a chunk, the first of two phases finds
 * their scales; {@link HqqScheme} has as many phases as passes over the tensor.
 */
public final class Quantization {
  private final QuantScheme scheme;
  private final TensorType type;
  private final NonFinite nonFinite;
  private final List<OutputSpec> parts;
  private final @Nullable Importance importance;

  /** Timesteps of rows or activations of columns; empty if there are none. */
  private final float[] side;

  private Quantization(
      QuantScheme scheme,
      TensorType type,
      NonFinite nonFinite,
      @Nullable Importance importance,
      float[] side) {
    FloatSource.requireFloats(type);
    this.scheme = scheme;
    this.type = type;
    this.nonFinite = nonFinite;
    this.parts = scheme.parts(type.shape());
    this.importance = importance;
    this.side = side;
  }

  /**
   * Checks that a scheme takes tensors of a type.
   *
   * @param scheme the scheme
   * @param type dtype and shape of the tensors
   * @param nonFinite what to do with NaN and infinities
   * @return the proof
   * @throws TensorException without a name: {@link ErrorCode#UNSUPPORTED_DTYPE} if the elements are
   *     not float32, float16, bfloat16 or float64, {@link ErrorCode#NOT_DIVISIBLE} if a row does
   *     not hold whole blocks
   */
  public static Quantization of(QuantScheme scheme, TensorType type, NonFinite nonFinite) {
    return new Quantization(scheme, type, nonFinite, null, new float[0]);
  }

  /**
   * Checks that {@link #withImportance} would take a vector of a type.
   *
   * @param importances dtype and shape of it
   * @throws TensorException without a name: {@link ErrorCode#BAD_SHAPE} if the scheme takes none
   *     (the message names those that do) or their number is not that of the columns or rows,
   *     {@link ErrorCode#UNSUPPORTED_DTYPE} if they are not float32
   */
  public void requireImportance(TensorType importances) {
    SideVector.of(scheme).require(type, importances);
  }

  /**
   * The same with what else the scheme takes into account beside the tensor, one vector of floats:
   *
   * <ul>
   *   <li>ggml's schemes that search their scales: how important each column is, as its importance
   *       matrix has it; errors count more there;
   *   <li>{@link UniformSpatialScheme}: the greatest magnitude of the activations in each column;
   *   <li>{@link UniformTimeScheme}: the timestep of each row.
   * </ul>
   *
   * @param importances float32, one for each column or row, finite and not negative; they are
   *     copied
   * @return a new proof
   * @throws TensorException as {@link #requireImportance}, and {@link ErrorCode#NON_FINITE} with
   *     the index of the first importance that is negative, NaN or infinite
   */
  public Quantization withImportance(Tensor importances) {
    requireImportance(importances.type());
    SideVector kind = SideVector.of(scheme);
    return switch (kind) {
      case IMPORTANCES ->
          new Quantization(
              scheme, type, nonFinite, Importance.of(type, importances), new float[0]);
      case ACTIVATIONS, TIMESTEPS ->
          new Quantization(scheme, type, nonFinite, null, kind.floats(importances));
    };
  }

  /**
   * The scheme.
   *
   * @return as given
   */
  public QuantScheme scheme() {
    return scheme;
  }

  /**
   * Dtype and shape of the tensors.
   *
   * @return as given
   */
  public TensorType type() {
    return type;
  }

  /**
   * What comes out: {@code data}, and {@code scales} and {@code zero_points} if the scheme has them.
   *
   * @return their names and types, in the order of the parts
   */
  public List<OutputSpec> parts() {
    return parts;
  }

  /**
   * The memory traffic of a run.
   *
   * @return bytes read and written, at least 1
   */
  public long workBytes() {
    long written = parts.stream().mapToLong(part -> part.type().byteLength()).sum();
    return Math.max(1, type.byteLength() + written);
  }

  /**
   * Prepares a run that fills parts in memory.
   *
   * @param source a tensor of this {@link #type()}, with any strides and backing
   * @param outputs row-major tensors of the types of {@link #parts()}; they must not overlap the
   *     source
   * @return the run; it keeps the source and the outputs until its last chunk has ended; a chunk
   *     throws {@link TensorException} {@link ErrorCode#NON_FINITE}, and {@link
   *     io.tensorbridge.FormatException} if the file behind the source was truncated
   */
  public OpRun bind(Tensor source, List<Tensor> outputs) {
    Parts.require(parts, outputs);
    return bind(source, Output.to(outputs));
  }

  /**
   * Prepares a run that hands pieces to a sink.
   *
   * @param source a tensor of this {@link #type()}, with any strides and backing
   * @param sink takes the pieces, from the threads that run chunks
   * @return the run; it keeps the source and the sink until its last chunk has ended; a chunk throws
   *     as above, and what the sink throws
   */
  public OpRun bind(Tensor source, PartSink sink) {
    return bind(source, Output.to(sink));
  }

  /**
   * Prepares a run that hands pieces to a sink and measures what it does: each chunk is dequantized
   * and compared with its source while both are in the cache.
   *
   * @param source of this {@link #type()}, maybe quantized itself
   * @param sink takes the pieces, from the threads that run chunks
   * @param meters add up what they look for, for this run alone
   * @return the run, as above
   */
  public OpRun bind(FloatSource source, PartSink sink, List<? extends RunMeter> meters) {
    if (meters.isEmpty()) {
      return bind(source, sink);
    }
    MeasuredOutput output = new MeasuredOutput(this, sink, meters);
    OpRun run = bind(source, output);
    output.keepParameters(run.phaseCount() > 1);
    return run;
  }

  /**
   * Prepares a run that fills parts in memory, and measures what it does.
   *
   * @param source of this {@link #type()}
   * @param outputs row-major tensors of the types of {@link #parts()}, in native memory; they must not
   *     overlap the source
   * @param meters add up what they look for, for this run alone; none cost nothing
   * @return the run, as above
   */
  public OpRun bind(
      FloatSource source, List<Tensor> outputs, List<? extends RunMeter> meters) {
    Parts.require(parts, outputs);
    if (meters.isEmpty()) {
      return bind(source, Output.to(outputs));
    }
    List<MemorySegment> memory = outputs.stream().map(Tensor::data).toList();
    return bind(
        source,
        (part, byteOffset, bytes) -> MemorySegment.copy(
            bytes, 0, memory.get(part), byteOffset, bytes.byteSize()),
        meters);
  }

  /**
   * Prepares a run that hands the pieces of a plain tensor to a sink, and measures how close they
   * are.
   *
   * @param source a tensor of this {@link #type()}, with any strides and backing
   * @param sink takes the pieces, from the threads that run chunks
   * @param meter adds up how close the result is, for this run alone
   * @return the run, as above
   */
  public OpRun bind(Tensor source, PartSink sink, QualityMeter meter) {
    requirePlanned(source.type());
    return bind(FloatSource.of(source), sink, List.of(meter));
  }

  /**
   * Prepares a run that hands pieces to a sink, from a source that may be quantized itself.
   *
   * @param source of this {@link #type()}
   * @param sink takes the pieces, from the threads that run chunks
   * @return the run, as above
   */
  public OpRun bind(FloatSource source, PartSink sink) {
    return bind(source, Output.to(sink));
  }

  private OpRun bind(Tensor tensor, Output output) {
    requirePlanned(tensor.type());
    return bind(FloatSource.of(tensor), output);
  }

  private OpRun bind(FloatSource source, Output output) {
    requirePlanned(source.type());
    return source.watch(run(source, output));
  }

  private void requirePlanned(TensorType given) {
    if (!given.equals(type)) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, given + " was given where " + type + " was planned");
    }
  }

  private OpRun run(FloatSource source, Output output) {
    return switch (scheme) {
      case BlockScheme block ->
          new BlockQuantizing(block.format(), 0, nonFinite, importance, source, output);
      case FloatScheme plain ->
          new BlockQuantizing(
              plain.format(), plain.maxValue(), nonFinite, importance, source, output);
      case FourBitScheme code when code.isDouble() ->
          new NestedQuantizing(GroupCoding.of(code, type.shape()), nonFinite, source, output);
      case GroupScheme grouped ->
          new GroupedQuantizing(
              GroupCoding.of(grouped, type.shape()), nonFinite, source, output);
      case HqqScheme hqq ->
          new HqqQuantizing(hqq, type.shape().elementCount(), nonFinite, source, output);
      case UniformScheme uniform -> uniform(uniform, nonFinite, source, output);
      case UniformTimeScheme time ->
          new TimeQuantizing(time, rowOrder(time), nonFinite, source, output);
      case UniformSpatialScheme spatial -> spatial(spatial, source, output);
    };
  }

  private RowOrder rowOrder(UniformTimeScheme time) {
    return side.length == 0
        ? RowOrder.natural(TimeGroups.of(time.groups(), type.shape()).rows())
        : RowOrder.byTimestep(side);
  }

  private OpRun spatial(UniformSpatialScheme spatial, FloatSource source, Output output) {
    int columns = (int) UniformSpatialScheme.columns(type.shape());
    ChannelScales channels = new ChannelScales(columns, side);
    OpRun equalized =
        uniform(
            spatial.plain(),
            NonFinite.ERROR,
            EqualizedFloats.divided(source, channels, nonFinite),
            new Output.Against(output, EqualizedFloats.clipped(source, channels, nonFinite)));
    return new SpatialQuantizing(spatial, nonFinite, source, output, channels, equalized);
  }

  private OpRun uniform(
      UniformScheme uniform, NonFinite policy, FloatSource source, Output output) {
    GroupGrid grid = GroupGrid.of(uniform.group(), type.shape());
    return GroupQuantizing.fits(uniform, grid)
        ? new GroupQuantizing(uniform, grid, policy, source, output)
        : new LongGroupQuantizing(uniform.rule(), grid, policy, source, output);
  }
}
