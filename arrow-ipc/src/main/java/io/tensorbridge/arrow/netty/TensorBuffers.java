package io.tensorbridge.arrow.netty;

import io.netty.buffer.ByteBuf;
import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Lease;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import java.lang.foreign.MemorySegment;

/** Regions as buffers of Netty, and buffers of Netty as regions and tensors; nothing is copied. */
public final class TensorBuffers {
  private static final String HOLDER = "Netty buffer";

  private TensorBuffers() {}

  /**
   * A region as a buffer.
   *
   * @param region is leased until the buffer's last release
   * @return a buffer full of the region's bytes, whose reference count is 1; read-only where the
   *     region is
   * @throws ProtocolException if a buffer can't be so large
   * @throws io.tensorbridge.BridgeClosedException if the region is closed
   */
  public static ByteBuf of(Region region) {
    return of(region, 0, region.byteSize());
  }

  /**
   * A part of a region as a buffer.
   *
   * @param region is leased until the buffer's last release
   * @param byteOffset where the part begins
   * @param byteLength its bytes, at most 2 GiB - 1
   * @return a buffer full of these bytes, whose reference count is 1; read-only where the region is
   * @throws ProtocolException if a buffer can't be so large
   * @throws io.tensorbridge.BridgeClosedException if the region is closed
   * @throws IndexOutOfBoundsException if the region has fewer bytes
   */
  public static ByteBuf of(Region region, long byteOffset, long byteLength) {
    MemorySegment bytes = region.segment().asSlice(byteOffset, byteLength);
    return of(bytes, region.lease(HOLDER));
  }

  /**
   * Memory under a lease as a buffer.
   *
   * @param bytes native memory of the lease's region, at most 2 GiB - 1
   * @param lease taken over: closed at the buffer's last release, or if this throws
   * @return a buffer full of these bytes, whose reference count is 1; read-only where they are
   * @throws ProtocolException if a buffer can't be so large
   */
  public static ByteBuf of(MemorySegment bytes, Lease lease) {
    try {
      if (bytes.byteSize() > Integer.MAX_VALUE) {
        throw new ProtocolException(ErrorCode.BAD_LENGTH, "Netty's buffers hold at most "
            + Integer.MAX_VALUE + " bytes, not " + bytes.byteSize() + "; take several");
      }
      ByteBuf buffer = new LeasedByteBuf(bytes, lease).writerIndex((int) bytes.byteSize());
      return bytes.isReadOnly() ? buffer.asReadOnly() : buffer;
    } catch (RuntimeException | Error failure) {
      lease.close();
      throw failure;
    }
  }

  /**
   * The readable bytes of a buffer as a region.
   *
   * @param name a few words for diagnosis
   * @param buffer of one piece; retained until the region is closed and its last lease ended, and
   *     still the caller's to release
   * @return the region, owned by the caller
   * @throws ProtocolException if the buffer is of several pieces
   */
  public static Region region(String name, ByteBuf buffer) {
    MemorySegment bytes = segment(buffer);
    Access access = bytes.isReadOnly() ? Access.READ : Access.READWRITE;
    buffer.retain();
    return new Region(name, bytes, access, Backing.PRIVATE, buffer::release);
  }

  /**
   * The readable bytes of a buffer as a tensor.
   *
   * @param buffer of one piece, still the caller's; it must not be released before the last use of
   *     the tensor, see {@link #region} for that
   * @param type of the elements, little-endian and row-major
   * @return the tensor
   * @throws ProtocolException if the buffer is of several pieces or has fewer bytes
   */
  public static Tensor tensor(ByteBuf buffer, TensorType type) {
    return Tensor.of(segment(buffer), TensorLayout.rowMajor(type), Backing.PRIVATE);
  }

  private static MemorySegment segment(ByteBuf buffer) {
    if (buffer.nioBufferCount() != 1) {
      throw new ProtocolException(ErrorCode.BAD_LENGTH, "a buffer of " + buffer.nioBufferCount()
          + " pieces is no run of memory; copy it, for example by buffer.copy()");
    }
    return MemorySegment.ofBuffer(buffer.nioBuffer());
  }
}
