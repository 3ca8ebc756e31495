package io.tensorbridge.shm;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import io.tensorbridge.shm.internal.posix.OpenFile;
import java.nio.file.Path;

/**
 * A file to be read by a peer, and this process's read-only mapping of it; thread-safe.
 *
 * <p>Nothing seals a file: anyone who may write it can truncate it while it is read. So its memory is
 * of {@link Backing#FILE}, from which kernels copy before they compute. Who opens the file passes its
 * descriptor; the peer never opens a path.
 */
public final class SharedFile implements AutoCloseable {
  private final Region region;
  private final Fd fd;

  private SharedFile(Region region, Fd fd) {
    this.region = region;
    this.fd = fd;
  }

  /**
   * Opens and maps a file.
   *
   * @param path a regular file that is not empty
   * @return the file, owned by the caller
   * @throws FormatException {@link ErrorCode#FILE_IO} if it can't be read, is empty, or is no regular
   *     file
   */
  public static SharedFile open(Path path) {
    int result = DescriptorCalls.openToRead(path.toAbsolutePath().toString());
    if (result < 0) {
      throw unreadable(path, Errno.describe(-result));
    }
    Fd fd = Fd.owning(result);
    try {
      OpenFile file = DescriptorCalls.openFile(fd.number());
      if (!file.isRegular()) {
        throw unreadable(path, "it is no regular file");
      }
      long byteSize = DescriptorCalls.fstat(fd.number()).byteSize();
      if (byteSize == 0) {
        throw unreadable(path, "it is empty");
      }
      return new SharedFile(mapOwn(path, fd, byteSize), fd);
    } catch (RuntimeException | Error failure) {
      fd.close();
      throw failure;
    }
  }

  private static Region mapOwn(Path path, Fd fd, long byteSize) {
    return switch (Mapping.map(
        path.toString(), fd.number(), byteSize, Access.READ, false, Backing.FILE)) {
      case MapResult.Mapped mapped -> mapped.region();
      case MapResult.Refused refused -> throw unreadable(path, Errno.describe(refused.errno()));
    };
  }

  private static FormatException unreadable(Path path, String why) {
    return new FormatException(ErrorCode.FILE_IO, path + " can't be read: " + why, -1, "", null);
  }

  /**
   * Maps a file that a peer opened, read-only.
   *
   * <p>Checked in this order: that it is a regular file and open for reading; that it lies in memory,
   * or in a file system that this process has mounted and that no other process serves (FUSE: a page
   * of it may never come); and its size. A file that lies in memory must be allocated in full, as
   * reading its holes would charge this process. No check asks the file system, which might not
   * answer; a file system stacked over FUSE is therefore not recognized.
   *
   * @param name a few words for diagnosis
   * @param fd the peer's descriptor; still the caller's, who may close it afterwards
   * @param byteSize the size that the peer announced
   * @return the mapped region of {@link Backing#FILE}, owned by the caller
   * @throws ProtocolException {@link ErrorCode#UNSEALED_REGION} if it is no file that may be mapped,
   *     {@link ErrorCode#REGION_SIZE_MISMATCH} if it is smaller or larger than announced, or lies in
   *     memory and is not fully allocated
   * @throws io.tensorbridge.ResourceException if this process can't map more
   */
  public static Region adopt(String name, Fd fd, long byteSize) {
    int number = fd.begin();
    try {
      FileCheck.require(name, number, byteSize);
      return switch (Mapping.map(name, number, byteSize, Access.READ, false, Backing.FILE)) {
        case MapResult.Mapped mapped -> mapped.region();
        case MapResult.Refused refused ->
            throw new ProtocolException(
                ErrorCode.UNSEALED_REGION,
                name + " can't be mapped: " + Errno.describe(refused.errno()));
      };
    } finally {
      fd.end();
    }
  }

  /**
   * Whether a file lies in memory and nowhere else ({@code memfd}, {@code tmpfs}), so that its pages
   * can't be dropped.
   *
   * @param fd any descriptor
   * @return true if the file could have seals
   */
  public static boolean isMemory(Fd fd) {
    int number = fd.begin();
    try {
      return MemoryCalls.getSeals(number) >= 0;
    } finally {
      fd.end();
    }
  }

  /**
   * Whether closing a descriptor that a peer sent may wait: for the process that serves a file behind
   * FUSE, for a socket that lingers, for a device. Memory, files of this machine's own file systems,
   * pipes and what the kernel counts or tells by never wait.
   *
   * @param fd any descriptor
   * @return false also if it was closed already
   */
  public static boolean closingMayWait(Fd fd) {
    try {
      int number = fd.begin();
      try {
        return FileCheck.closingMayWait(number);
      } finally {
        fd.end();
      }
    } catch (BridgeClosedException closed) {
      return false;
    } catch (BridgeException unknown) {
      return true;
    }
  }

  /**
   * The mapped file, of {@link Backing#FILE}.
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
   * The size of the file when it was opened.
   *
   * @return bytes
   */
  public long byteSize() {
    return region.byteSize();
  }

  /** Closes the descriptor and the region, which unmaps after its last lease. */
  @Override
  public void close() {
    fd.close();
    region.close();
  }

  @Override
  public String toString() {
    return "file " + region.name() + " of " + byteSize() + " bytes";
  }
}
