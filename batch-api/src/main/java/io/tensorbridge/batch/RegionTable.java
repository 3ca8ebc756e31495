package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.Region;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.SharedFile;
import io.tensorbridge.shm.SharedRegion;
import java.util.concurrent.Executor;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** The regions that one client has registered; used by the dispatcher only. */
final class RegionTable {
  private static final int LARGEST_ID = 0xFFFFFFFE;
  /**
   * Files of one client, in all. Their pages can be dropped, but the addresses of a process are
   * limited to 128 TiB, and a sparse file of any size costs its owner nothing.
   */
  private static final long MAX_FILE_BYTES = 4L << 40;

  private final ServerOptions options;
  private final ServerCounters counters;
  private final ClientWatch watch;
  private final Executor unmapper;
  private final IntConsumer unmapped;
  private final LongMap<RegisteredRegion> regions = new LongMap<>();
  private long registeredBytes;
  private long fileBytes;
  private int lastId;
  private @Nullable RegisteredRegion last;

  /**
   * An empty table.
   *
   * @param options the client's quotas
   * @param counters count what is registered
   * @param watch hears of what comes and goes
   * @param unmapper runs what unmaps a region: unmapping hundreds of megabytes takes milliseconds
   * @param unmapped hears of the id of each region that is gone, in another thread
   */
  RegionTable(
      ServerOptions options,
      ServerCounters counters,
      ClientWatch watch,
      Executor unmapper,
      IntConsumer unmapped) {
    this.options = options;
    this.counters = counters;
    this.watch = watch;
    this.unmapper = unmapper;
    this.unmapped = unmapped;
  }

  /**
   * Maps a region.
   *
   * @param id as the client chose it
   * @param generation as the client chose it
   * @param access what it is, and what the server may do with it
   * @param byteLength as announced
   * @param fd the client's memory, still the caller's
   * @throws ProtocolException if id, generation or memory are not acceptable
   * @throws QuotaException if a quota would be exceeded
   */
  void register(int id, int generation, RegionAccess access, long byteLength, Fd fd) {
    requireFree(id, generation);
    requireRoom(byteLength);
    long charged = access == RegionAccess.FILE && !SharedFile.isMemory(fd) ? 0 : byteLength;
    requireQuota(charged);
    requireFileRoom(byteLength - charged);
    String name = "region " + Integer.toUnsignedString(id);
    Region mapped = map(name, access, byteLength, fd);
    Region region =
        new Region(
            name,
            mapped.segment(),
            mapped.access(),
            mapped.backing(),
            () -> unmapper.execute(() -> unmap(id, mapped, access)));
    regions.put(id, new RegisteredRegion(generation, region, charged));
    registeredBytes += charged;
    fileBytes += byteLength - charged;
    counters.regions.incrementAndGet();
    counters.regionBytes.addAndGet(byteLength);
    watch.events().registered(watch, id, byteLength, access.name());
  }

  private static Region map(String name, RegionAccess access, long byteLength, Fd fd) {
    return switch (access) {
      case READ -> SharedRegion.adopt(name, fd, Access.READ, byteLength);
      case READWRITE -> SharedRegion.adopt(name, fd, Access.READWRITE, byteLength);
      case FILE -> SharedFile.adopt(name, fd, byteLength);
    };
  }

  private void unmap(int id, Region mapped, RegionAccess access) {
    long bytes = mapped.byteSize();
    mapped.close();
    counters.regions.decrementAndGet();
    counters.regionBytes.addAndGet(-bytes);
    watch.events().released(watch, id, bytes, access.name());
    unmapped.accept(id);
  }

  private void requireFree(int id, int generation) {
    if (id == 0 || Integer.compareUnsigned(id, LARGEST_ID) > 0) {
      throw new ProtocolException(
          ErrorCode.UNKNOWN_REGION,
          "region ids go from 1 to 0xFFFFFFFE, not " + Integer.toUnsignedString(id));
    }
    if (generation == 0) {
      throw new ProtocolException(ErrorCode.STALE_GENERATION, "generations are above 0");
    }
    if (regions.get(id) != null) {
      throw new ProtocolException(
          ErrorCode.REGION_EXISTS,
          "region " + Integer.toUnsignedString(id) + " exists; release it first and await the"
              + " answer");
    }
  }

  private void requireRoom(long byteLength) {
    if (byteLength == 0) {
      throw new ProtocolException(ErrorCode.BAD_LENGTH, "a region has bytes");
    }
    if (regions.size() >= options.maxRegions()) {
      throw new QuotaException(
          ErrorCode.QUOTA_REGIONS,
          "a client registers at most " + options.maxRegions() + " regions; release some");
    }
  }

  private void requireFileRoom(long byteLength) {
    if (byteLength < 0 || byteLength > MAX_FILE_BYTES - fileBytes) {
      throw new QuotaException(
          ErrorCode.QUOTA_BYTES,
          "with a file of " + Long.toUnsignedString(byteLength) + " bytes more than the "
              + fileBytes
              + " registered, the client exceeds the bound of " + MAX_FILE_BYTES
              + " bytes of files; release some");
    }
  }

  private void requireQuota(long byteLength) {
    if (byteLength < 0 || byteLength > options.maxBytesPerClient() - registeredBytes) {
      throw new QuotaException(
          ErrorCode.QUOTA_BYTES,
          "with " + Long.toUnsignedString(byteLength) + " bytes more than the "
              + registeredBytes + " registered, the client exceeds its quota of "
              + options.maxBytesPerClient() + "; release some");
    }
  }

  /**
   * Refuses new use of a region, which is unmapped after its last lease.
   *
   * @param id the region
   * @param generation as registered
   * @throws ProtocolException if there is no such region
   */
  void release(int id, int generation) {
    require(id, generation).release();
    last = null;
  }

  /** Frees the id of an unmapped region, and what it counted against the quota. */
  void forget(int id) {
    RegisteredRegion region = regions.remove(id);
    if (region != null) {
      registeredBytes -= region.chargedBytes();
      fileBytes -= region.region().byteSize() - region.chargedBytes();
    }
  }

  /**
   * Looks a region up.
   *
   * @param id the region
   * @param generation as registered
   * @return the region
   * @throws ProtocolException {@link ErrorCode#UNKNOWN_REGION} or {@link
   *     ErrorCode#STALE_GENERATION}
   */
  RegisteredRegion require(int id, int generation) {
    RegisteredRegion region = id == lastId && last != null ? last : regions.get(id);
    if (region == null || region.isReleased()) {
      throw new ProtocolException(
          ErrorCode.UNKNOWN_REGION,
          "no region " + Integer.toUnsignedString(id) + " is registered");
    }
    if (region.generation() != generation) {
      throw new ProtocolException(
          ErrorCode.STALE_GENERATION,
          "region " + Integer.toUnsignedString(id) + " has generation "
              + Integer.toUnsignedString(region.generation()) + ", not "
              + Integer.toUnsignedString(generation));
    }
    lastId = id;
    last = region;
    return region;
  }

  /**
   * The region of a span.
   *
   * @param span as the client wrote it
   * @param writable whether the server shall write it
   * @return a region that the span does not leave
   * @throws ProtocolException if the span leaves its region, may not be written, or lies in a file
   */
  RegisteredRegion require(SpanRef span, boolean writable) {
    RegisteredRegion region = require(span.region(), span.generation());
    span.requireWithin(region.region().byteSize());
    if (writable) {
      requireWritable(region.region());
    }
    requireSealed(region.region());
    return region;
  }

  private static void requireSealed(Region region) {
    if (region.backing() == Backing.FILE) {
      throw new ProtocolException(
          ErrorCode.UNSEALED_REGION,
          region.name()
              + " is a file, in which only inputs may lie; put blocks into sealed memory");
    }
  }

  static void requireWritable(Region region) {
    if (region.access() != Access.READWRITE) {
      throw new ProtocolException(
          ErrorCode.REGION_NOT_WRITABLE,
          region.name() + " is registered for reading, but the server must write it");
    }
  }

  /** Regions that are registered. */
  int count() {
    return regions.size();
  }

  /** Bytes of the registered regions, files included. */
  long byteLength() {
    return registeredBytes + fileBytes;
  }

  /** Holds on the registered regions. */
  int leaseCount() {
    int leases = 0;
    for (RegisteredRegion region : regions.values()) {
      leases += region.region().leaseCount();
    }
    return leases;
  }

  /** Releases everything. */
  void close() {
    for (RegisteredRegion region : regions.values()) {
      if (!region.isReleased()) {
        region.release();
      }
    }
    regions.clear();
    last = null;
  }
}
