package io.tensorbridge.shm;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.MemoryCalls;

/**
 * Memory to be shared: a sealed memory file ({@code memfd}) and this process's mapping of it;
 * thread-safe.
 *
 * <p>The creator keeps a mapping that it can write; a peer that gets the descriptor maps it by
 * {@link #adopt}. The kernel's seals make that safe on both sides:
 *
 * <table>
 *   <caption>Seals by access</caption>
 *   <tr><th>access</th><th>seals</th><th>the peer can</th></tr>
 *   <tr><td>{@link Access#READ}</td><td>SHRINK, GROW, FUTURE_WRITE, SEAL</td><td>read</td></tr>
 *   <tr><td>{@link Access#READWRITE}</td><td>SHRINK, GROW, SEAL</td><td>read and write</td></tr>
 * </table>
 *
 * <p>All memory is allocated when the region is created, so it is full at once rather than in the
 * middle of a batch. Nothing has a name: the memory is gone with its last mapping and descriptor,
 * also after a crash.
 */
public final class SharedRegion implements AutoCloseable {
  private static final int SIZE_SEALS = MemoryCalls.F_SEAL_SHRINK | MemoryCalls.F_SEAL_GROW;
  private static final int KERNEL_NAME_LIMIT = 60;

  private final Region region;
  private final Fd fd;

  private SharedRegion(Region region, Fd fd) {
    this.region = region;
    this.fd = fd;
  }

  /**
   * Creates, maps and seals zeroed memory.
   *
   * @param name a few words for diagnosis, here and in {@code /proc}; need not be unique
   * @param byteSize the size, above 0
   * @param access what peers may do
   * @return the region, owned by the caller, writable here whatever the access
   * @throws ResourceException if memory or descriptors can't be had, or the platform lacks memfd
   */
  public static SharedRegion create(String name, long byteSize, Access access) {
    if (byteSize <= 0) {
      throw new IllegalArgumentException("a region of " + byteSize + " bytes can't be created");
    }
    AvailableMemory.require(name, byteSize);
    Fd fd = Fd.owning(MemoryCalls.memfdCreate(kernelName(name)));
    try {
      MemoryCalls.ftruncate(fd.number(), byteSize);
      MemoryCalls.fallocate(fd.number(), byteSize);
      return new SharedRegion(mapAndSeal(name, fd, byteSize, access), fd);
    } catch (RuntimeException | Error failure) {
      fd.close();
      throw failure;
    }
  }

  private static Region mapAndSeal(String name, Fd fd, long byteSize, Access access) {
    MapResult result = Mapping.map(name, fd.number(), byteSize, access, true, Backing.SEALED);
    Region region =
        switch (result) {
          case MapResult.Mapped mapped -> mapped.region();
          case MapResult.Refused refused ->
              throw Errno.failure("mapping of the new region " + name, refused.errno());
        };
    try {
      MemoryCalls.addSeals(fd.number(), sealsFor(access));
      return region;
    } catch (RuntimeException | Error failure) {
      region.close();
      throw failure;
    }
  }

  private static int sealsFor(Access access) {
    return switch (access) {
      case READ -> SIZE_SEALS | MemoryCalls.F_SEAL_FUTURE_WRITE | MemoryCalls.F_SEAL_SEAL;
      case READWRITE -> SIZE_SEALS | MemoryCalls.F_SEAL_SEAL;
    };
  }

  private static String kernelName(String name) {
    return name.length() <= KERNEL_NAME_LIMIT ? name : name.substring(0, KERNEL_NAME_LIMIT);
  }

  /**
   * Maps memory that a peer created, after checking that the peer can't take it away.
   *
   * <p>Checked in this order: the seals (SHRINK, GROW and SEAL always; for {@link Access#READ} also
   * FUTURE_WRITE or WRITE), the size, and that every byte is allocated. A sparse file is refused
   * rather than filled up, because filling it is just what would charge the peer's memory to this
   * process. For {@link Access#READ} the check lasts, since the same seals forbid to punch holes;
   * a writable region can lose pages later, and what this process then pays for is bounded by
   * {@code byteSize}, which counts in full against the peer's quota.
   *
   * @param name a few words for diagnosis
   * @param fd the peer's descriptor; still the caller's, who may close it afterwards
   * @param access what this process wants; {@link Access#READ} maps read-only
   * @param byteSize the size that the peer announced
   * @return the mapped region, owned by the caller
   * @throws ProtocolException {@link ErrorCode#UNSEALED_REGION} if a seal is missing or the
   *     descriptor is no sealable memory, {@link ErrorCode#REGION_SIZE_MISMATCH} if it is smaller
   *     or larger than announced or not fully allocated, {@link ErrorCode#REGION_NOT_WRITABLE} if
   *     it is to be written but sealed or opened against that
   * @throws ResourceException if this process can't map more
   */
  public static Region adopt(String name, Fd fd, Access access, long byteSize) {
    int number = fd.begin();
    try {
      requireSeals(name, access, MemoryCalls.getSeals(number));
      AllocationCheck.require(name, number, byteSize);
      boolean writable = access == Access.READWRITE;
      return switch (Mapping.map(name, number, byteSize, access, writable, Backing.SEALED)) {
        case MapResult.Mapped mapped -> mapped.region();
        case MapResult.Refused refused -> throw notMappable(name, access, refused.errno());
      };
    } finally {
      fd.end();
    }
  }

  private static void requireSeals(String name, Access access, int seals) {
    if (seals < 0) {
      throw new ProtocolException(
          ErrorCode.UNSEALED_REGION,
          "region " + name + " is no sealable memory (" + Errno.describe(-seals)
              + "); create it with memfd_create and MFD_ALLOW_SEALING");
    }
    int required = SIZE_SEALS | MemoryCalls.F_SEAL_SEAL;
    int againstWriting = MemoryCalls.F_SEAL_FUTURE_WRITE | MemoryCalls.F_SEAL_WRITE;
    boolean sealed = (seals & required) == required;
    if (!sealed || (access == Access.READ && (seals & againstWriting) == 0)) {
      throw new ProtocolException(
          ErrorCode.UNSEALED_REGION,
          String.format(
              "region %s has the seals 0x%x, but %s needs 0x%x%s; add them before sending it",
              name,
              seals,
              access,
              required,
              access == Access.READ ? " and 0x10 or 0x8" : ""));
    }
    if (access == Access.READWRITE && (seals & againstWriting) != 0) {
      throw new ProtocolException(
          ErrorCode.REGION_NOT_WRITABLE,
          "region " + name + " is sealed against writing; announce it as READ");
    }
  }

  private static ProtocolException notMappable(String name, Access access, int errno) {
    ErrorCode code =
        access == Access.READWRITE ? ErrorCode.REGION_NOT_WRITABLE : ErrorCode.UNSEALED_REGION;
    return new ProtocolException(
        code,
        "region " + name + " can't be mapped for " + access + ": " + Errno.describe(errno)
            + "; open its descriptor with that permission");
  }

  /**
   * The mapped memory.
   *
   * @return the region; {@link #close()} closes it
   */
  public Region region() {
    return region;
  }

  /**
   * The descriptor to pass to a peer.
   *
   * @return the descriptor; {@link #close()} closes it
   */
  public Fd fd() {
    return fd;
  }

  /**
   * What peers may do with the memory.
   *
   * @return the access given at creation
   */
  public Access access() {
    return region.access();
  }

  /**
   * The size of the memory.
   *
   * @return bytes
   */
  public long byteSize() {
    return region.byteSize();
  }

  /**
   * How many bytes this process has mapped by this package, for tests that must leave none.
   *
   * @return bytes of all mapped regions and named segments
   */
  public static long mappedBytes() {
    return Mapping.mappedBytes();
  }

  /**
   * Closes the descriptor and the region, which unmaps after its last lease. Peers keep what they
   * mapped.
   */
  @Override
  public void close() {
    fd.close();
    region.close();
  }

  @Override
  public String toString() {
    return region.toString();
  }
}
