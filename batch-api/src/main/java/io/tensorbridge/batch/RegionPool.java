package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.SharedFile;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The shared memory of a client: regions that are registered once and used again, because fresh
 * pages cost five times a refill of warm ones; thread-safe.
 *
 * <p>Small pieces share slabs, which double in size up to a limit; a large piece gets a region of
 * its own, kept for the next of about its size. Pieces are aligned to {@value #ALIGNMENT} bytes. Files
 * are regions of one piece each, which are neither counted nor kept.
 *
 * <p>Two locks: the inner one guards the books and is held for moments only, because the thread
 * that reads the server's answers takes it as well; the outer one makes those who need a new region
 * wait for one another while it is registered.
 */
final class RegionPool {
  static final int ALIGNMENT = 64;

  private static final long PAGE = 4096;
  private static final long FIRST_SLAB = 1 << 20;

  /** Tells the server about regions. */
  interface Registrar {
    void register(int id, RegionAccess access, long byteSize, Fd fd);

    /** Waits until the server has unmapped the region; does nothing once it has gone. */
    void release(int id);
  }

  private final Registrar registrar;
  private final long maxBytes;
  private final long maxSlabBytes;

  private final ReentrantLock growth = new ReentrantLock();
  private final ReentrantLock lock = new ReentrantLock();
  private final PoolBooks books = new PoolBooks();
  private final PoolBooks files = new PoolBooks();
  private int nextId = 1;
  private boolean closed;

  RegionPool(Registrar registrar, long maxBytes, long maxSlabBytes) {
    this.registrar = registrar;
    this.maxBytes = maxBytes;
    this.maxSlabBytes = maxSlabBytes;
  }

  /**
   * Memory of its own for the caller, not zeroed.
   *
   * @throws QuotaException if it would exceed the pool's bound or the server's quota
   */
  Piece take(long byteLength, Access access) {
    long length = Math.max(ALIGNMENT, roundUp(byteLength, ALIGNMENT));
    Piece piece = takeFree(length, access);
    if (piece != null) {
      return piece;
    }
    growth.lock();
    try {
      piece = takeFree(length, access);
      return piece != null ? piece : takeFresh(length, access);
    } finally {
      growth.unlock();
    }
  }

  private @Nullable Piece takeFree(long length, Access access) {
    lock.lock();
    try {
      requireOpen();
      return isSmall(length)
          ? books.takeFromSlab(length, access)
          : books.takeIdle(length, access);
    } finally {
      lock.unlock();
    }
  }

  private boolean isSmall(long length) {
    return length <= maxSlabBytes / 4;
  }

  private Piece takeFresh(long length, Access access) {
    PoolRegion region = register(length, access);
    lock.lock();
    try {
      if (closed) {
        region.close();
        throw closedFailure();
      }
      books.add(region);
      Piece piece = region.take(length);
      if (piece == null) {
        throw new IllegalStateException("a fresh region has no room for " + length + " bytes");
      }
      return piece;
    } finally {
      lock.unlock();
    }
  }

  private PoolRegion register(long length, Access access) {
    long size = sizeFor(length, access);
    try {
      return registerOnce(size, access, isSmall(length));
    } catch (QuotaException full) {
      if (trim() == 0) {
        throw full;
      }
      return registerOnce(size, access, isSmall(length));
    }
  }

  private PoolRegion registerOnce(long size, Access access, boolean slab) {
    int id = nextId++;
    SharedRegion memory = SharedRegion.create("tensorbridge-" + id, size, access);
    try {
      registrar.register(id, RegionAccess.of(access), size, memory.fd());
      return new PoolRegion(id, memory.region(), memory::close, slab);
    } catch (RuntimeException | Error failure) {
      memory.close();
      throw failure;
    }
  }

  /**
   * Makes a file known to the server.
   *
   * @param file the pool's from now on, also if this fails
   * @return all of it, held once; the last {@link #drop} unmaps it, here and there
   * @throws QuotaException if the server allows no more regions
   */
  Piece addFile(SharedFile file) {
    growth.lock();
    try {
      PoolRegion region = registerFile(file);
      lock.lock();
      try {
        if (closed) {
          region.close();
          throw closedFailure();
        }
        files.add(region);
        return region.whole();
      } finally {
        lock.unlock();
      }
    } finally {
      growth.unlock();
    }
  }

  private PoolRegion registerFile(SharedFile file) {
    try {
      try {
        return registerFileOnce(file);
      } catch (QuotaException full) {
        if (trim() == 0) {
          throw full;
        }
        return registerFileOnce(file);
      }
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  private PoolRegion registerFileOnce(SharedFile file) {
    int id = nextId++;
    registrar.register(id, RegionAccess.FILE, file.byteSize(), file.fd());
    return new PoolRegion(id, file.region(), file::close, false);
  }

  /** The size of the next region: within the bound, after giving back what is idle if need be. */
  private long sizeFor(long length, Access access) {
    long needed = roundUp(length, PAGE);
    long wanted = isSmall(length) ? Math.max(needed, nextSlabBytes(access)) : needed;
    if (wanted > maxBytes - mappedBytes()) {
      trim();
    }
    long room = maxBytes - mappedBytes();
    if (needed > room) {
      throw new QuotaException(
          ErrorCode.QUOTA_BYTES,
          "shared memory for " + length + " bytes would exceed the pool's bound of " + maxBytes
              + " (in use: " + mappedBytes() + "); close results, release tensors, or raise"
              + " poolBytes");
    }
    return Math.min(wanted, room / PAGE * PAGE);
  }

  private long nextSlabBytes(Access access) {
    lock.lock();
    try {
      return Math.min(maxSlabBytes, Math.max(FIRST_SLAB, books.slabBytes(access)));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Holds the piece in which memory lies, until {@link #drop}.
   *
   * @return null if the memory is not this pool's
   */
  @Nullable
  Piece hold(MemorySegment memory) {
    lock.lock();
    try {
      Piece own = books.pieceOf(memory);
      Piece piece = own != null ? own : files.pieceOf(memory);
      if (piece != null) {
        piece.holds++;
      }
      return piece;
    } finally {
      lock.unlock();
    }
  }

  /** Holds a piece once more. */
  void hold(Piece piece) {
    lock.lock();
    try {
      piece.holds++;
    } finally {
      lock.unlock();
    }
  }

  /** The piece in which memory lies that is no file, without holding it. */
  @Nullable
  Piece find(MemorySegment memory) {
    lock.lock();
    try {
      return books.pieceOf(memory);
    } finally {
      lock.unlock();
    }
  }

  /** Ends one hold of a piece; the last one gives it back. */
  void drop(Piece piece) {
    PoolRegion unused = null;
    boolean over;
    lock.lock();
    try {
      over = closed;
      if (--piece.holds > 0) {
        return;
      }
      PoolRegion region = piece.region();
      region.give(piece);
      if (region.isFile()) {
        files.remove(region);
        unused = region;
      } else if (closed && region.isIdle()) {
        books.remove(region);
        unused = region;
      }
    } finally {
      lock.unlock();
    }
    if (unused == null) {
      return;
    }
    if (!unused.close()) {
      putBack(unused);
    } else if (!over) {
      forgetLater(unused);
    }
  }

  private void forgetLater(PoolRegion file) {
    // The server answers once it has unmapped the file, and this thread may be the one that reads it.
    Thread.ofVirtual()
        .name("tensorbridge-release")
        .start(
            () -> {
              try {
                registrar.release(file.id());
              } catch (BridgeException failure) {
                // A server that is silent or broken tells the next who asks.
              }
            });
  }

  /**
   * Unmaps regions in which nothing is in use.
   *
   * @return how many bytes that gave back
   */
  long trim() {
    long freed = 0;
    for (PoolRegion region : takeIdleRegions()) {
      if (region.close()) {
        registrar.release(region.id());
        freed += region.byteSize();
      } else {
        putBack(region);
      }
    }
    return freed;
  }

  private List<PoolRegion> takeIdleRegions() {
    lock.lock();
    try {
      List<PoolRegion> idle = books.idleRegions();
      idle.forEach(books::remove);
      List<PoolRegion> idleFiles = files.idleRegions();
      idleFiles.forEach(files::remove);
      idle.addAll(idleFiles);
      return idle;
    } finally {
      lock.unlock();
    }
  }

  private void putBack(PoolRegion region) {
    lock.lock();
    try {
      (region.isFile() ? files : books).add(region);
    } finally {
      lock.unlock();
    }
  }

  long mappedBytes() {
    lock.lock();
    try {
      return books.mappedBytes();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of pieces in use, their padding included. */
  long usedBytes() {
    lock.lock();
    try {
      return books.usedBytes();
    } finally {
      lock.unlock();
    }
  }

  /** Unmaps what is not in use now, and the rest when its last piece is dropped. */
  void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    takeIdleRegions().forEach(PoolRegion::close);
  }

  private void requireOpen() {
    if (closed) {
      throw closedFailure();
    }
  }

  static BridgeClosedException closedFailure() {
    return new BridgeClosedException("the batch client was closed; connect a new one");
  }

  private static long roundUp(long value, long multiple) {
    if (value > Long.MAX_VALUE - multiple) {
      throw new QuotaException(ErrorCode.QUOTA_BYTES, value + " bytes of memory can't be had");
    }
    return (value + multiple - 1) / multiple * multiple;
  }
}
