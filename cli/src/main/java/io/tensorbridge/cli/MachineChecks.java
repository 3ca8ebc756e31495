package io.tensorbridge.cli;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeException;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.ProcessFd;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** What Tensorbridge needs of the machine, tried out. */
final class MachineChecks {
  private static final int TESTED_JDK = 25;
  private static final long SMALL_SHM_BYTES = 64L << 20;
  /** The old kernel interface writes a huge number where there is no limit. */
  private static final long UNLIMITED = 1L << 60;

  private static final Path SHM = Path.of("/dev/shm");
  private static final List<Path> MEMORY_LIMITS =
      List.of(
          Path.of("/sys/fs/cgroup/memory.max"),
          Path.of("/sys/fs/cgroup/memory/memory.limit_in_bytes"));

  private MachineChecks() {}

  static List<Check> all() {
    return List.of(
        jdk(),
        vectors(),
        nativeAccess(),
        kernel(),
        tried("sealed memory", "memfd with F_SEAL_FUTURE_WRITE", MachineChecks::makeRegion,
            "Linux 5.1 or newer, and a container that allows memfd_create"),
        tried("doorbell", "eventfd", () -> Doorbell.create().close(),
            "a container that allows eventfd2"),
        tried("process descriptor", "pidfd", MachineChecks::openSelf,
            "Linux 5.3 or newer, and a container that allows pidfd_open"),
        memoryLimit(),
        sharedMemoryFolder(),
        processors(),
        watching(),
        classArchive());
  }

  private static Check jdk() {
    int feature = Runtime.version().feature();
    String found = Runtime.version() + " in " + System.getProperty("java.home");
    return feature == TESTED_JDK
        ? Check.ok("JDK", found)
        : Check.warn("JDK", found, "JDK " + TESTED_JDK + " is what the tests run on");
  }

  private static Check vectors() {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      return Check.ok("vector module", "jdk.incubator.vector is there");
    }
    return Check.warn(
        "vector module",
        "jdk.incubator.vector is not there; the slower scalar kernels serve",
        "start with --add-modules jdk.incubator.vector, on a JDK that has it");
  }

  private static Check nativeAccess() {
    return MachineChecks.class.getModule().isNativeAccessEnabled()
        ? Check.ok("native access", "enabled")
        : Check.warn(
            "native access",
            "not enabled: the JVM warns now and will refuse in the future",
            "start with --enable-native-access=ALL-UNNAMED");
  }

  private static Check kernel() {
    String name = System.getProperty("os.name", "");
    String found =
        name + " " + System.getProperty("os.version") + " on " + System.getProperty("os.arch");
    return name.equals("Linux")
        ? Check.ok("kernel", found)
        : Check.fail("kernel", found, "shared memory needs Linux; model files work anywhere");
  }

  private static Check tried(String subject, String what, Runnable attempt, String needed) {
    try {
      attempt.run();
      return Check.ok(subject, what + " works");
    } catch (BridgeException | LinkageError refused) {
      return Check.fail(subject, what + ": " + refused.getMessage(), "needs " + needed);
    }
  }

  private static void makeRegion() {
    SharedRegion.create("doctor", 1, Access.READ).close();
  }

  private static void openSelf() {
    ProcessFd.open(Math.toIntExact(ProcessHandle.current().pid())).close();
  }

  private static Check memoryLimit() {
    for (Path path : MEMORY_LIMITS) {
      try {
        long limit = Long.parseLong(Files.readString(path).strip());
        if (limit < UNLIMITED) {
          return Check.ok("memory limit", ByteSize.text(limit) + " for this container");
        }
      } catch (IOException | NumberFormatException unlimited) {
        // no such file, or "max"
      }
    }
    return Check.ok("memory limit", "none");
  }

  private static Check sharedMemoryFolder() {
    long usable = SHM.toFile().getUsableSpace();
    if (usable >= SMALL_SHM_BYTES) {
      return Check.ok("/dev/shm", ByteSize.text(usable) + " free");
    }
    return Check.warn(
        "/dev/shm",
        Files.isDirectory(SHM) ? ByteSize.text(usable) + " free" : "not there",
        "only named shared memory needs it; docker run --shm-size=1g");
  }

  private static Check processors() {
    return Check.ok(
        "processors", Runtime.getRuntime().availableProcessors() + " for this process");
  }

  private static Check watching() {
    List<String> missing =
        Stream.of("jdk.jfr", "jdk.httpserver", "jdk.management")
            .filter(module -> ModuleLayer.boot().findModule(module).isEmpty())
            .toList();
    return missing.isEmpty()
        ? Check.ok("watching", "flight recorder and metrics are there: docs/observability.md")
        : Check.warn(
            "watching",
            String.join(", ", missing) + " is not there: servers run, but can't be recorded, or"
                + " tell no metrics",
            "a JDK with all modules");
  }

  private static Check classArchive() {
    for (String argument : jvmArguments()) {
      if (argument.startsWith("-XX:SharedArchiveFile=")) {
        String file = argument.substring(argument.indexOf('=') + 1);
        return Files.exists(Path.of(file))
            ? Check.ok("class archive", file)
            : Check.ok("class archive", file + ", written at the end of this run");
      }
    }
    return Check.warn(
        "class archive",
        "none: each start parses all classes again",
        "a home or XDG_CACHE_HOME that can be written; ./tensorbridge then makes one, and Python"
            + " some seconds after its first start: else see what the .lock says in the folder"
            + " tensorbridge there");
  }

  private static List<String> jvmArguments() {
    return List.of(ProcessHandle.current().info().arguments().orElse(new String[0]));
  }
}
