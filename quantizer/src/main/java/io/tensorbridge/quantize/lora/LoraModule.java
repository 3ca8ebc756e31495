package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * What an adapter adds to one weight: {@code alpha / rank * up @ down}, or {@code alpha / sqrt(rank)}
 * of a rank-stabilized one; immutable and thread-safe.
 *
 * <p>All tensors are row-major float32 in memory of their own. The weights of a convolution are seen
 * as matrices: the row of an output channel is its {@code in * kh * kw} values.
 *
 * @param name of the module as the file has it, with its prefix
 * @param down {@code [rank, in]}, or {@code [rank, in, kh, kw]}
 * @param up {@code [out, rank]}, or {@code [out, rank, 1, 1]}
 * @param mid {@code [rank, rank, kh, kw]} between a {@code down} and an {@code up} of 1x1, as LoCon
 *     has it for convolutions
 * @param magnitude the norm of each row of a DoRA, {@code out} elements
 * @param alpha as the file or its config has it; the rank, if they have none
 * @param dtype in which the file has the factors
 * @param rankStabilized whether alpha is divided by the root of the rank
 */
public record LoraModule(
    String name,
    Tensor down,
    Tensor up,
    Optional<Tensor> mid,
    Optional<Tensor> magnitude,
    double alpha,
    DType dtype,
    boolean rankStabilized) {
  /**
   * The rank of the product.
   *
   * @return at least 1
   */
  public int rank() {
    return (int) up.shape().dimension(1);
  }

  /**
   * The output features or channels.
   *
   * @return the rows of the weight
   */
  public long rows() {
    return up.shape().dimension(0);
  }

  /**
   * The input features, or {@code in * kh * kw}.
   *
   * @return the columns of the weight
   */
  public long columns() {
    return deltaShape().flattenedToMatrix().rowLength();
  }

  /**
   * The shape of what is added.
   *
   * @return {@code [out, in]}, or {@code [out, in, kh, kw]}
   */
  public Shape deltaShape() {
    long[] extents = down.shape().dimensions();
    extents[0] = rows();
    if (mid.isPresent()) {
      System.arraycopy(mid.get().shape().dimensions(), 2, extents, 2, extents.length - 2);
    }
    return Shape.of(extents);
  }

  /**
   * What the product is multiplied by at strength 1.
   *
   * @return alpha by the rank, or by its root
   */
  public double ratio() {
    return alpha / (rankStabilized ? Math.sqrt(rank()) : rank());
  }

  /**
   * The right factor, with the middle one in it if there is any: {@code sum over j of mid[r][j] *
   * down[j]}, added up in double precision.
   *
   * @return {@code [rank, in, kh, kw]} or as {@link #down}
   */
  public Tensor foldedDown() {
    return mid.map(this::fold).orElse(down);
  }

  /**
   * What a merge reads, with the middle factor in the right one.
   *
   * @return the factors; they keep this module's memory
   */
  public LoraFactors factors() {
    return new LoraFactors(
        name, FloatSource.of(foldedDown()), FloatSource.of(up), magnitude.map(FloatSource::of));
  }

  private Tensor fold(Tensor middle) {
    int rank = rank();
    long[] extents = middle.shape().dimensions();
    long inner = down.shape().dimension(1);
    long taps = middle.shape().elementCount() / ((long) rank * rank);
    extents[1] = inner;
    Shape shape = Shape.of(extents);
    MemorySegment folded = Arena.ofAuto().allocate(shape.elementCount() * Float.BYTES, 64);
    for (long r = 0; r < rank; r++) {
      for (long i = 0; i < inner; i++) {
        for (long tap = 0; tap < taps; tap++) {
          double sum = 0;
          for (long j = 0; j < rank; j++) {
            sum += (double) at(middle, (r * rank + j) * taps + tap) * at(down, j * inner + i);
          }
          folded.setAtIndex(ValueLayout.JAVA_FLOAT, (r * inner + i) * taps + tap, (float) sum);
        }
      }
    }
    return Tensor.of(folded, DType.F32, shape);
  }

  private static float at(Tensor tensor, long index) {
    return tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
