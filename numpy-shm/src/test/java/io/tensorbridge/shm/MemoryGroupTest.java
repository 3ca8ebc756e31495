package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryGroupTest {
  @TempDir
  private Path folder;

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  @Test
  void filePagesOfVersion2AreAvailable() throws IOException {
    write("memory.max", "1000000\n");
    write("memory.current", "700000\n");
    write("memory.stat", "anon 300000\nfile 400000\ninactive_file 250000\nactive_file 50000\n");
    assertThat(MemoryGroup.at(folder, true).available()).isEqualTo(600_000);
  }

  @Test
  void filePagesOfVersion1AreThoseOfTheWholeTree() throws IOException {
    write("memory.limit_in_bytes", "1000000\n");
    write("memory.usage_in_bytes", "700000\n");
    write("memory.stat", "inactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 1000\n");
    assertThat(MemoryGroup.at(folder, false).available()).isEqualTo(401_000);
  }

  @Test
  void noLimitIsNone() throws IOException {
    write("memory.max", "max\n");
    write("memory.current", "700000\n");
    assertThat(MemoryGroup.at(folder, true).available()).isEqualTo(Long.MAX_VALUE);
    write("memory.limit_in_bytes", "9223372036854771712\n");
    write("memory.usage_in_bytes", "700000\n");
    assertThat(MemoryGroup.at(folder, false).available()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void theSmallestOfAllGroupsCounts() throws IOException {
    Path inner = Files.createDirectory(folder.resolve("inner"));
    write("memory.max", "1000\n");
    write("memory.current", "400\n");
    Files.writeString(inner.resolve("memory.max"), "500\n");
    Files.writeString(inner.resolve("memory.current"), "400\n");
    List<MemoryGroup> groups =
        List.of(MemoryGroup.at(inner, true), MemoryGroup.at(folder, true));
    assertThat(MemoryGroup.availableToAll(groups)).isEqualTo(100);
    assertThat(MemoryGroup.availableToAll(List.of())).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void thisProcessIsInTheRootGroupAtLeast() {
    assertThat(MemoryGroup.ofThisProcess())
        .anyMatch(group -> group.folder().startsWith("/sys/fs/cgroup"));
  }
}
