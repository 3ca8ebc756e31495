package io.tensorbridge.arrow.leaks;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Checks that each test class leaves no region, lease, mapped file or descriptor of ours behind; JUnit
 * finds it for all of this module, as {@code junit-platform.properties} tells. A region with a lease
 * stays mapped, so that a lease that was not ended shows as well.
 */
public final class NothingMapped
    implements
      BeforeAllCallback,
      AfterAllCallback,
      ParameterResolver {
  private static final ExtensionContext.Namespace SPACE =
      ExtensionContext.Namespace.create(NothingMapped.class);
  private static final int TRIES = 40;
  private static final long PAUSE_MILLIS = 50;

  /**
   * What is there.
   *
   * @param regionBytes of shared regions that are mapped
   * @param fileBytes of files that tests map, and of memory without a name
   * @param descriptors of ours that are open
   */
  record Count(long regionBytes, long fileBytes, int descriptors) {
    static Count now() {
      try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
        long fileBytes = lines.mapToLong(Count::bytesOfTests).sum();
        return new Count(SharedRegion.mappedBytes(), fileBytes, Fd.openCount());
      } catch (IOException unreadable) {
        throw new UncheckedIOException(unreadable);
      }
    }

    /** A line: {@code begin-end flags offset device inode path}. */
    private static long bytesOfTests(String line) {
      String[] words = line.split(" +", 6);
      if (words.length < 6 || !words[5].matches(
          "/memfd:tensorbridge.*|.*\\.(arrow|ours|tensor|npy|safetensors|npz)( \\(deleted\\))?")) {
        return 0;
      }
      String[] range = words[0].split("-");
      return Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16);
    }

    boolean isNoMoreThan(Count other) {
      return regionBytes <= other.regionBytes && fileBytes <= other.fileBytes
          && descriptors <= other.descriptors;
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    context.getStore(SPACE).put(Count.class, Count.now());
  }

  @Override
  public void afterAll(ExtensionContext context) {
    Count before = context.getStore(SPACE).get(Count.class, Count.class);
    if (before != null) {
      requireNoMoreThan(before, TRIES);
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType().equals(Count.class);
  }

  /** What was there before the test class. */
  @Override
  public Count resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context.getStore(SPACE).get(Count.class, Count.class);
  }

  /** Waits for threads that end, and for what the garbage collector frees. */
  static void requireNoMoreThan(Count before, int tries) {
    Count now = Count.now();
    for (int i = 0; i < tries && !now.isNoMoreThan(before); i++) {
      System.gc();
      try {
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
      now = Count.now();
    }
    assertThat(now.isNoMoreThan(before)).as("%s is left where %s was", now, before).isTrue();
  }
}
