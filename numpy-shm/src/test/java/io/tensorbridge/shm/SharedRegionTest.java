package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NothingLeft.class)
class SharedRegionTest {
  private static final long SIZE = 10_000;

  @ParameterizedTest
  @EnumSource(Access.class)
  void theAdopterSeesWhatTheCreatorWrites(Access access) {
    try (SharedRegion created = SharedRegion.create("test", SIZE, access);
        Region adopted = SharedRegion.adopt("copy", created.fd(), access, SIZE)) {
      created.region().segment().set(JAVA_INT, 96, 42);
      assertThat(adopted.segment().get(JAVA_INT, 96)).isEqualTo(42);
      assertThat(adopted.backing()).isEqualTo(Backing.SEALED);
      assertThat(adopted.access()).isEqualTo(access);
      assertThat(adopted.byteSize()).isEqualTo(SIZE);
    }
  }

  @Test
  void theCreatorSeesWhatTheAdopterWrites() {
    try (SharedRegion created = SharedRegion.create("test", SIZE, Access.READWRITE);
        Region adopted = SharedRegion.adopt("copy", created.fd(), Access.READWRITE, SIZE)) {
      adopted.segment().set(JAVA_BYTE, SIZE - 1, (byte) 7);
      assertThat(created.region().segment().get(JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 7);
    }
  }

  @Test
  void aReadRegionIsMappedReadOnly() {
    try (SharedRegion created = SharedRegion.create("test", SIZE, Access.READ);
        Region adopted = SharedRegion.adopt("copy", created.fd(), Access.READ, SIZE)) {
      assertThat(adopted.segment().isReadOnly()).isTrue();
      assertThat(MemoryCalls.mmap(created.fd().number(), SIZE, true)).isNegative();
    }
  }

  @ParameterizedTest
  @EnumSource(Access.class)
  void theSizeIsSealed(Access access) {
    try (SharedRegion created = SharedRegion.create("test", SIZE, access)) {
      assertThatThrownBy(() -> MemoryCalls.ftruncate(created.fd().number(), SIZE - 1))
          .isInstanceOf(ResourceException.class)
          .hasMessageContaining("EPERM");
      assertThatThrownBy(() -> MemoryCalls.ftruncate(created.fd().number(), SIZE + 1))
          .isInstanceOf(ResourceException.class);
    }
  }

  @Test
  void allMemoryIsAllocatedAtOnce() {
    try (SharedRegion created = SharedRegion.create("test", 1 << 20, Access.READ)) {
      assertThat(DescriptorCalls.fstat(created.fd().number()).allocatedBytes())
          .isGreaterThanOrEqualTo(1 << 20);
    }
  }

  @Test
  void theMappingOutlivesTheDescriptorAndTheRegionsOwner() {
    Lease lease;
    try (SharedRegion created = SharedRegion.create("test", SIZE, Access.READ)) {
      lease = created.region().lease("reader");
    }
    try (lease) {
      assertThat(lease.region().segment().get(JAVA_BYTE, 5)).isZero();
      assertThat(lease.region().isUnmapped()).isFalse();
    }
    assertThat(lease.region().isUnmapped()).isTrue();
  }

  @Test
  void aClosedDescriptorCanNotBeAdopted() {
    SharedRegion created = SharedRegion.create("test", SIZE, Access.READ);
    created.close();
    assertThatThrownBy(() -> SharedRegion.adopt("late", created.fd(), Access.READ, SIZE))
        .isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void aLongNameIsCutForTheKernelOnly() {
    String name = "n".repeat(1000);
    try (SharedRegion created = SharedRegion.create(name, 1, Access.READ)) {
      assertThat(created.region().name()).isEqualTo(name);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE})
  void aRegionWithoutBytesIsRefused(long byteSize) {
    assertThatThrownBy(() -> SharedRegion.create("test", byteSize, Access.READ))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void moreMemoryThanThereIsIsRefusedBeforeTheKernelTries() {
    assertThatThrownBy(() -> SharedRegion.create("huge", Long.MAX_VALUE, Access.READ))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("available");
  }

  @Test
  void unsealedMemoryIsRefused() {
    refused(HostileFd.memory(SIZE, 0), Access.READWRITE, ErrorCode.UNSEALED_REGION);
  }

  @ParameterizedTest
  @ValueSource(
      ints = {MemoryCalls.F_SEAL_SEAL, MemoryCalls.F_SEAL_SHRINK, MemoryCalls.F_SEAL_GROW})
  void eachOfTheSizeSealsIsRequired(int missing) {
    int seals = HostileFd.SIZE_SEALS & ~missing;
    refused(HostileFd.memory(SIZE, seals), Access.READWRITE, ErrorCode.UNSEALED_REGION);
  }

  @Test
  void writableMemoryIsRefusedForReading() {
    refused(
        HostileFd.memory(SIZE, HostileFd.SIZE_SEALS), Access.READ, ErrorCode.UNSEALED_REGION);
  }

  @ParameterizedTest
  @ValueSource(ints = {MemoryCalls.F_SEAL_WRITE, MemoryCalls.F_SEAL_FUTURE_WRITE})
  void eitherSealAgainstWritingServesForReading(int seal) {
    try (Fd fd = HostileFd.memory(SIZE, HostileFd.SIZE_SEALS | seal);
        Region region = SharedRegion.adopt("test", fd, Access.READ, SIZE)) {
      assertThat(region.segment().isReadOnly()).isTrue();
    }
  }

  @Test
  void memorySealedAgainstWritingIsRefusedForWriting() {
    int seals = HostileFd.SIZE_SEALS | MemoryCalls.F_SEAL_FUTURE_WRITE;
    refused(HostileFd.memory(SIZE, seals), Access.READWRITE, ErrorCode.REGION_NOT_WRITABLE);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, SIZE - 1, SIZE + 1, 4096, 1 << 20})
  void anotherSizeThanAnnouncedIsRefused(long byteSize) {
    refused(
        HostileFd.memory(byteSize, HostileFd.SIZE_SEALS),
        Access.READWRITE,
        ErrorCode.REGION_SIZE_MISMATCH);
  }

  @Test
  void anEmptyAnnouncementIsRefused() {
    try (Fd fd = HostileFd.memory(SIZE, HostileFd.SIZE_SEALS)) {
      assertThatThrownBy(() -> SharedRegion.adopt("hostile", fd, Access.READWRITE, -SIZE))
          .isInstanceOf(BridgeException.class);
    }
  }

  @Test
  void sparseMemoryIsRefused() {
    refused(
        HostileFd.sparse(SIZE, HostileFd.SIZE_SEALS),
        Access.READWRITE,
        ErrorCode.REGION_SIZE_MISMATCH);
    refused(
        HostileFd.sparse(SIZE, HostileFd.SIZE_SEALS | MemoryCalls.F_SEAL_FUTURE_WRITE),
        Access.READ,
        ErrorCode.REGION_SIZE_MISMATCH);
  }

  @Test
  void aFileOnDiskIsRefused(@TempDir Path directory) {
    Fd file = HostileFd.file(directory.resolve("file"), SIZE);
    refused(file, Access.READ, ErrorCode.UNSEALED_REGION);
  }

  @Test
  void aFileInDevShmIsRefused() throws IOException {
    Path path = Path.of("/dev/shm/tensorbridge-test-" + ProcessHandle.current().pid());
    try {
      refused(HostileFd.file(path, SIZE), Access.READ, ErrorCode.UNSEALED_REGION);
    } finally {
      Files.deleteIfExists(path);
    }
  }

  @Test
  void aSocketIsRefused() {
    try (LocalSocket.Pair pair = LocalSocket.pair()) {
      refused(pair.first().fd().duplicate(), Access.READ, ErrorCode.UNSEALED_REGION);
    }
  }

  @Test
  void adoptingLeavesTheDescriptorToTheCaller() {
    try (SharedRegion created = SharedRegion.create("test", SIZE, Access.READ)) {
      Fd fd = created.fd().duplicate();
      Region adopted = SharedRegion.adopt("copy", fd, Access.READ, SIZE);
      fd.close();
      created.region().segment().set(JAVA_BYTE, 1, (byte) 3);
      assertThat(adopted.segment().get(JAVA_BYTE, 1)).isEqualTo((byte) 3);
      adopted.close();
    }
  }

  private static void refused(Fd hostile, Access access, ErrorCode code) {
    try (hostile) {
      assertThatThrownBy(() -> SharedRegion.adopt("hostile", hostile, access, SIZE))
          .isInstanceOfSatisfying(
              BridgeException.class, e -> assertThat(e.code()).isEqualTo(code));
    }
  }
}
