package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Lease;
import io.tensorbridge.OptionException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NothingLeft.class)
class NamedSharedMemoryTest {
  private final NamedSharedMemory memory = NamedSharedMemory.create(10_000);

  @AfterEach
  void close() {
    memory.unlink();
    memory.close();
  }

  @Test
  void allWhoOpenItSeeTheSameBytes() {
    try (NamedSharedMemory opened = NamedSharedMemory.open(memory.name());
        NamedSharedMemory readOnly = NamedSharedMemory.openReadOnly("/" + memory.name())) {
      opened.region().segment().set(JAVA_BYTE, 9_999, (byte) 5);
      assertThat(memory.region().segment().get(JAVA_BYTE, 9_999)).isEqualTo((byte) 5);
      assertThat(readOnly.region().segment().get(JAVA_BYTE, 9_999)).isEqualTo((byte) 5);
      assertThat(readOnly.region().segment().isReadOnly()).isTrue();
      assertThat(opened.byteSize()).isEqualTo(10_000);
    }
  }

  @Test
  void itsTensorsAreNotTrustedToKeepTheirSize() {
    assertThat(memory.tensor(DType.F32, Shape.of(50, 50)).backing()).isEqualTo(Backing.FILE);
    assertThatThrownBy(() -> memory.tensor(DType.F32, Shape.of(50, 51)))
        .isInstanceOf(ProtocolException.class);
  }

  @Test
  void closingLeavesTheName() {
    memory.close();
    NamedSharedMemory.open(memory.name()).close();
  }

  @Test
  void mappingsOutliveTheName() {
    Lease lease = memory.region().lease("test");
    assertThat(memory.unlink()).isTrue();
    assertThat(memory.unlink()).isFalse();
    memory.close();
    assertThat(lease.region().segment().get(JAVA_BYTE, 0)).isZero();
    lease.close();
    assertThat(memory.region().isUnmapped()).isTrue();
  }

  @Test
  void aNameInUseIsRefusedAndLeftAlone() {
    assertThatThrownBy(() -> NamedSharedMemory.create(memory.name(), 1))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("exists");
    assertThat(NamedSharedMemory.unlink(memory.name())).isTrue();
  }

  @Test
  void aMissingNameSaysWhoMayHaveRemovedIt() {
    memory.unlink();
    assertThatThrownBy(() -> NamedSharedMemory.open(memory.name()))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("resource tracker");
  }

  @Test
  void aSegmentWithoutSizeIsRefused() throws IOException {
    Path empty = Path.of("/dev/shm", memory.name() + "-empty");
    Files.createFile(empty);
    try {
      assertThatThrownBy(() -> NamedSharedMemory.open(empty.getFileName().toString()))
          .isInstanceOf(ResourceException.class)
          .hasMessageContaining("sized");
    } finally {
      Files.delete(empty);
    }
  }

  @Test
  void moreThanThereIsLeavesNoName() {
    String name = memory.name() + "-huge";
    assertThatThrownBy(() -> NamedSharedMemory.create(name, Long.MAX_VALUE))
        .isInstanceOf(ResourceException.class);
    assertThat(NamedSharedMemory.unlink(name)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", ".", "..", "a/b", "/a/b", "//a", "../x", "a\0b"})
  void aNameThatIsNoFileNameIsRefused(String name) {
    assertThatThrownBy(() -> NamedSharedMemory.create(name, 1)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> NamedSharedMemory.open(name)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> NamedSharedMemory.unlink(name)).isInstanceOf(OptionException.class);
  }

  @Test
  void aNameOfMoreThan255BytesIsRefused() {
    assertThatThrownBy(() -> NamedSharedMemory.create("é".repeat(128), 1))
        .isInstanceOf(OptionException.class);
  }
}
