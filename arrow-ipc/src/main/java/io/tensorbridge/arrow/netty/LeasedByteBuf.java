package io.tensorbridge.arrow.netty;

import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetectorFactory;
import io.netty.util.ResourceLeakTracker;
import io.tensorbridge.Lease;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A buffer over memory that a lease keeps mapped; the last release ends the lease. Netty's leak
 * detection watches it as it does its own buffers.
 */
final class LeasedByteBuf extends UnpooledDirectByteBuf {
  private static final ResourceLeakDetector<LeasedByteBuf> LEAKS =
      ResourceLeakDetectorFactory.instance().newResourceLeakDetector(LeasedByteBuf.class);

  private final Lease lease;
  private final @Nullable ResourceLeakTracker<LeasedByteBuf> leak;

  LeasedByteBuf(MemorySegment bytes, Lease lease) {
    super(UnpooledByteBufAllocator.DEFAULT, unguarded(bytes), (int) bytes.byteSize());
    this.lease = lease;
    this.leak = LEAKS.track(this);
  }

  /** A view without the arena's checks: the lease stands for them, and Netty takes no read-only one. */
  @SuppressWarnings("restricted") // of the same size
  private static ByteBuffer unguarded(MemorySegment bytes) {
    return MemorySegment.ofAddress(bytes.address()).reinterpret(bytes.byteSize()).asByteBuffer();
  }

  @Override
  protected void deallocate() {
    super.deallocate();
    lease.close();
    if (leak != null) {
      leak.close(this);
    }
  }
}
