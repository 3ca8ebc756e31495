package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Checks that a test class leaves no descriptor, mapping or named segment behind. */
final class NothingLeft implements BeforeAllCallback, AfterAllCallback {
  private static final ExtensionContext.Namespace SPACE =
      ExtensionContext.Namespace.create(NothingLeft.class);

  record Count(int fds, long mappedBytes, List<String> kernelObjects) {
    static Count now() throws IOException {
      return new Count(Fd.openCount(), SharedRegion.mappedBytes(), kernelObjectsOfThisProcess());
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    try (Doorbell warm = Doorbell.create()) {
      warm.ring();
    }
    context.getStore(SPACE).put(context.getUniqueId(), Count.now());
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    assertThat(Count.now()).isEqualTo(context.getStore(SPACE).get(context.getUniqueId()));
  }

  /** What stands behind the descriptors of this process, without files and pipes of the JVM. */
  private static List<String> kernelObjectsOfThisProcess() throws IOException {
    try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
      return links
          .map(NothingLeft::target)
          .filter(target -> target.matches("(/memfd:|socket:|anon_inode:|/dev/shm/).*"))
          .sorted()
          .toList();
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException closedMeanwhile) {
      return "";
    }
  }
}
