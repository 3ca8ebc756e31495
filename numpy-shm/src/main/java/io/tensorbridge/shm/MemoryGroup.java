package io.tensorbridge.shm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A group of processes whose memory the kernel limits together (cgroup, version 1 or 2).
 *
 * @param folder with its figures
 * @param limitFile name of the file with its limit
 * @param usageFile name of the file with its usage
 * @param droppable prefix of the statistics that tell file pages, which can be had back
 */
record MemoryGroup(Path folder, String limitFile, String usageFile, String droppable) {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final Path OWN = Path.of("/proc/self/cgroup");
  private static final int FIELDS = 3;

  /** Version 1 writes a number near the greatest for "none". */
  private static final long NO_LIMIT = 1L << 60;

  /**
   * The group of this process and all that it lies in, up to the root; in a container the root is
   * the container's own, whatever path the kernel tells.
   */
  static List<MemoryGroup> ofThisProcess() {
    List<MemoryGroup> groups = new ArrayList<>();
    for (String line : AvailableMemory.linesOf(OWN)) {
      String[] fields = line.split(":", FIELDS);
      if (fields.length == FIELDS) {
        addAll(groups, fields[1], Path.of("/").relativize(Path.of(fields[2])));
      }
    }
    return groups;
  }

  private static void addAll(List<MemoryGroup> groups, String controllers, Path relative) {
    boolean unified = controllers.isEmpty();
    if (!unified && !List.of(controllers.split(",")).contains("memory")) {
      return;
    }
    Path root = unified ? ROOT : ROOT.resolve("memory");
    for (Path part = relative; part != null; part = part.getParent()) {
      groups.add(at(root.resolve(part), unified));
    }
    groups.add(at(root, unified));
  }

  /** The group of a folder, in version 2 or in version 1. */
  static MemoryGroup at(Path folder, boolean unified) {
    return unified
        ? new MemoryGroup(folder, "memory.max", "memory.current", "")
        : new MemoryGroup(
            folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_");
  }

  /** Bytes that can be had in all of some groups; the greatest number if none has a limit. */
  static long availableToAll(List<MemoryGroup> groups) {
    return groups.stream().mapToLong(MemoryGroup::available).min().orElse(Long.MAX_VALUE);
  }

  /** Bytes that its processes can have yet; the greatest number if it has no limit. */
  long available() {
    long limit = number(limitFile);
    long usage = number(usageFile);
    if (limit < 0 || limit >= NO_LIMIT || usage < 0) {
      return Long.MAX_VALUE;
    }
    long pages = 0;
    for (String line : AvailableMemory.linesOf(folder.resolve("memory.stat"))) {
      if (line.startsWith(droppable + "active_file ")
          || line.startsWith(droppable + "inactive_file ")) {
        pages += Long.parseLong(line.substring(line.indexOf(' ') + 1));
      }
    }
    return Math.max(0, limit - usage + pages);
  }

  /** The number in a file, or -1 if it has none. */
  private long number(String file) {
    List<String> lines = AvailableMemory.linesOf(folder.resolve(file));
    return !lines.isEmpty() && lines.getFirst().matches("[0-9]{1,18}")
        ? Long.parseLong(lines.getFirst())
        : -1;
  }
}
