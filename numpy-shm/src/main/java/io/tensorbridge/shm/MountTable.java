package io.tensorbridge.shm;

import io.tensorbridge.shm.internal.posix.OpenFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The mounts that this process sees, by {@code /proc/self/mountinfo}: of what type is the file system
 * of a file? {@code fstatfs} would tell as well, but FUSE asks its process for the answer.
 *
 * <pre>
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
 *   id    device                                 type
 * </pre>
 */
final class MountTable {
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final int ID = 0;
  private static final int DEVICE = 2;

  private final List<String> lines;

  MountTable(List<String> lines) {
    this.lines = lines;
  }

  /** The mounts now; none if they can't be read. */
  static MountTable now() {
    try {
      return new MountTable(Files.readAllLines(MOUNTS, StandardCharsets.ISO_8859_1));
    } catch (IOException hidden) {
      return new MountTable(List.of());
    }
  }

  /**
   * The type of the file system in which a file lies.
   *
   * <p>By the mount, else by the device: the file may have been opened by a mount that only another
   * process sees.
   *
   * @return {@code ext4}, {@code fuse.sshfs} and the like; empty if this process sees no mount of it
   */
  Optional<String> typeOf(OpenFile file) {
    Optional<String> byMount =
        file.mountId() == OpenFile.NO_MOUNT_ID
            ? Optional.empty()
            : typeWhere(ID, Long.toUnsignedString(file.mountId()));
    return byMount.or(() -> typeWhere(DEVICE, file.deviceMajor() + ":" + file.deviceMinor()));
  }

  private Optional<String> typeWhere(int field, String value) {
    for (String line : lines) {
      int end = line.indexOf(" - ");
      String[] fields = line.split(" ", DEVICE + 2);
      if (end > 0 && fields.length > DEVICE && fields[field].equals(value)) {
        return Optional.of(line.substring(end + 3).split(" ", 2)[0]);
      }
    }
    return Optional.empty();
  }

  /** Whether a process serves the pages of a file system, and may refuse to. */
  static boolean isServedByProcess(String type) {
    return type.equals("fuse") || type.equals("fuseblk") || type.startsWith("fuse.");
  }
}
