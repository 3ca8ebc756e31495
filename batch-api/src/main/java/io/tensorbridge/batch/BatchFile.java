package io.tensorbridge.batch;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * A file whose tensors the server reads itself; thread-safe.
 *
 * <p>Nothing is copied here. Operations that read no files refuse such a tensor; {@link
 * BatchClient#share} copies it into shared memory. If the file is truncated while it is read, the
 * items that read it end in {@link io.tensorbridge.ErrorCode#FILE_IO}.
 */
public final class BatchFile implements AutoCloseable {
  private final BatchClient client;
  private final Piece piece;
  private final MemorySegment segment;

  BatchFile(BatchClient client, Piece piece) {
    this.client = client;
    this.piece = piece;
    this.segment = piece.segment();
  }

  /**
   * A row-major tensor in the file; nothing is read.
   *
   * @param byteOffset where it begins, counted from the start of the file
   * @param type dtype and shape
   * @return a tensor of {@link Backing#FILE}, until {@link #close()}
   * @throws io.tensorbridge.ProtocolException if it does not lie within the file
   */
  public Tensor tensor(long byteOffset, TensorType type) {
    return Tensor.of(segment, TensorLayout.rowMajor(type).at(byteOffset), Backing.FILE);
  }

  /**
   * A row-major tensor in the file; nothing is read.
   *
   * @param byteOffset where it begins, counted from the start of the file
   * @param dtype the element encoding
   * @param shape the extents
   * @return a tensor of {@link Backing#FILE}, until {@link #close()}
   * @throws io.tensorbridge.ProtocolException if it does not lie within the file
   */
  public Tensor tensor(long byteOffset, DType dtype, Shape shape) {
    return tensor(byteOffset, new TensorType(dtype, shape));
  }

  /**
   * The size of the file when it was opened.
   *
   * @return bytes
   */
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * Lets the file go, here and in the server, once the batches under way and the prepared ones that
   * read it have ended. Its tensors may not be touched any more. Closing twice does nothing.
   */
  @Override
  public void close() {
    client.giveBack(piece);
  }
}
