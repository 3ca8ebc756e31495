package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Region;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import io.tensorbridge.shm.internal.posix.OpenFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NothingLeft.class)
class SharedFileTest {
  private static final int SIZE = 10_000;
  private static final int O_WRONLY = 1;
  private static final int O_PATH = 0x200000;

  private @TempDir Path folder;
  private Path path;

  @BeforeEach
  void writeFile() throws IOException {
    path = folder.resolve("weights");
    byte[] bytes = new byte[SIZE];
    bytes[SIZE - 1] = 42;
    Files.write(path, bytes);
  }

  private static Fd open(Path path, int flags) {
    return Fd.owning(DescriptorCalls.open(path.toString(), flags));
  }

  @Test
  void thePeerReadsWhatIsInTheFile() {
    try (SharedFile file = SharedFile.open(path);
        Region adopted = SharedFile.adopt("copy", file.fd(), SIZE)) {
      assertThat(file.byteSize()).isEqualTo(SIZE);
      assertThat(file.region().segment().get(JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 42);
      assertThat(adopted.segment().get(JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 42);
      assertThat(adopted.backing()).isEqualTo(Backing.FILE);
      assertThat(adopted.access()).isEqualTo(Access.READ);
      assertThat(adopted.segment().isReadOnly()).isTrue();
    }
  }

  @Test
  void linksAreFollowedByWhoOpens() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), path);
    try (SharedFile file = SharedFile.open(link)) {
      assertThat(file.byteSize()).isEqualTo(SIZE);
    }
  }

  @Test
  void whatCanNotBeReadIsNotOpened() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty"));
    for (Path each : new Path[]{empty, folder, folder.resolve("missing"), Path.of("/dev/null")}) {
      assertThatThrownBy(() -> SharedFile.open(each))
          .isInstanceOfSatisfying(
              FormatException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.FILE_IO))
          .hasMessageContaining(each.toString());
    }
  }

  @Test
  void aFileWithHolesOnDiskIsTaken() throws IOException {
    Path sparse = folder.resolve("sparse");
    try (FileChannel channel =
        FileChannel.open(sparse, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      channel.write(java.nio.ByteBuffer.wrap(new byte[]{7}), 1 << 20);
    }
    try (Fd fd = open(sparse, DescriptorCalls.O_RDONLY);
        Region region = SharedFile.adopt("sparse", fd, (1 << 20) + 1)) {
      assertThat(region.segment().get(JAVA_BYTE, 1 << 20)).isEqualTo((byte) 7);
    }
  }

  @Test
  void aDescriptorThatIsWritableTooIsMappedReadOnly() {
    try (Fd fd = open(path, DescriptorCalls.O_RDWR);
        Region region = SharedFile.adopt("both", fd, SIZE)) {
      assertThat(region.segment().isReadOnly()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {O_WRONLY, O_PATH})
  void aDescriptorThatCanNotReadIsRefused(int flags) {
    refused(open(path, flags), SIZE, ErrorCode.UNSEALED_REGION, "open it with O_RDONLY");
  }

  @Test
  void directoriesDevicesPipesAndSocketsAreRefused() throws Exception {
    String remedy = "send a regular file";
    Path fifo = folder.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    refused(open(fifo, DescriptorCalls.O_RDWR), SIZE, ErrorCode.UNSEALED_REGION, remedy);
    refused(open(folder, DescriptorCalls.O_RDONLY), SIZE, ErrorCode.UNSEALED_REGION, remedy);
    refused(
        open(Path.of("/dev/zero"), DescriptorCalls.O_RDONLY),
        SIZE,
        ErrorCode.UNSEALED_REGION,
        remedy);
    try (LocalSocket.Pair pair = LocalSocket.pair()) {
      refused(pair.first().fd().duplicate(), SIZE, ErrorCode.UNSEALED_REGION, remedy);
    }
    try (Doorbell bell = Doorbell.create()) {
      refused(bell.fd().duplicate(), SIZE, ErrorCode.UNSEALED_REGION, remedy);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 0, 1, SIZE - 1, SIZE + 1, Long.MAX_VALUE})
  void anotherSizeThanAnnouncedIsRefused(long announced) {
    refused(
        open(path, DescriptorCalls.O_RDONLY), announced, ErrorCode.REGION_SIZE_MISMATCH, "10000");
  }

  @Test
  void aFileOfTheKernelIsRefused() {
    refused(
        open(Path.of("/proc/self/mountinfo"), DescriptorCalls.O_RDONLY),
        SIZE,
        ErrorCode.REGION_SIZE_MISMATCH,
        "but has 0");
  }

  @Test
  void memoryIsTakenIfItHasNoHoles() {
    try (Fd fd = HostileFd.memory(SIZE, 0);
        Region region = SharedFile.adopt("memory", fd, SIZE)) {
      assertThat(region.backing()).isEqualTo(Backing.FILE);
      assertThat(SharedFile.isMemory(fd)).isTrue();
    }
    refused(
        HostileFd.sparse(SIZE, 0), SIZE, ErrorCode.REGION_SIZE_MISMATCH, "call posix_fallocate");
  }

  @Test
  void aFileOnDiskIsNoMemory() {
    try (Fd fd = open(path, DescriptorCalls.O_RDONLY)) {
      assertThat(SharedFile.isMemory(fd)).isFalse();
    }
  }

  @Test
  void aCopyFromATruncatedFileFailsInAWayThatCanBeCaught() throws IOException {
    try (Fd fd = open(path, DescriptorCalls.O_RDWR);
        Region region = SharedFile.adopt("cut", fd, SIZE)) {
      MemoryCalls.ftruncate(fd.number(), 0);
      byte[] target = new byte[SIZE];
      assertThatThrownBy(
          () -> MemorySegment.copy(region.segment(), 0, MemorySegment.ofArray(target), 0, SIZE))
          .isInstanceOf(InternalError.class);
    }
  }

  @Test
  void theKernelKnowsTheFileAsItsFileSystemDoes() {
    try (Fd fd = open(path, DescriptorCalls.O_RDONLY)) {
      OpenFile file = DescriptorCalls.openFile(fd.number());
      assertThat(file.isRegular()).isTrue();
      assertThat(file.isReadable()).isTrue();
      assertThat(file.byteSize()).isEqualTo(SIZE);
      assertThat(file.allocatedBytes())
          .isEqualTo(DescriptorCalls.fstat(fd.number()).allocatedBytes());
      assertThat(MountTable.now().typeOf(file)).isPresent();
    }
  }

  private static void refused(Fd hostile, long announced, ErrorCode code, String text) {
    try (hostile) {
      assertThat(hostile.number()).isNotNegative();
      assertThatThrownBy(() -> SharedFile.adopt("hostile", hostile, announced))
          .isInstanceOfSatisfying(
              BridgeException.class, e -> assertThat(e.code()).isEqualTo(code))
          .hasMessageContaining("hostile")
          .hasMessageContaining(text);
    }
  }
}
