package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Received;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who comes in, and who must go again without having been a client. */
class AdmissionTest {
  private static final int SOMEBODY = 4711;
  private final MemorySegment buffer =
      MemorySegment.ofArray(new long[MessageHeader.MAX_MESSAGE_BYTES / Long.BYTES]);

  private BatchServer listen(Path path, Admission admission) {
    return BatchServer.listen(
        path, ServerOptions.builder().threads(1).admission(admission).build());
  }

  private ErrorCode lastWord(LocalSocket socket) {
    Received received = socket.receive(buffer, 0);
    assertThat(MessageType.ofCode(MessageHeader.type(buffer, 0))).isEqualTo(MessageType.ERROR);
    assertThat(received.length()).isGreaterThan(ErrorMessage.BYTES);
    ErrorCode code = ErrorCode.ofNumber(ErrorMessage.code(buffer, 0));
    assertThat(socket.receive(buffer, 0).length()).isZero();
    return code;
  }

  @Test
  void aConnectionThatSaysNothingIsEnded(@TempDir Path folder) {
    Path path = folder.resolve("own/s");
    Admission hasty =
        new Admission(Set.of(), Set.of(), Integer.MAX_VALUE, Duration.ofMillis(20));
    try (BatchServer server = listen(path, hasty);
        BatchClient client = BatchClient.connect(path);
        LocalSocket silent = LocalSocket.connect(path)) {
      assertThat(lastWord(silent)).isEqualTo(ErrorCode.HANDSHAKE_REQUIRED);
      assertThat(client.operations()).isNotEmpty();
      assertThat(server.usage().clients()).isOne();
    }
  }

  @Test
  void oneUserHasOnlySoManyConnections(@TempDir Path folder) {
    Path path = folder.resolve("own/s");
    Admission one = new Admission(Set.of(), Set.of(), 1, Duration.ofMinutes(1));
    try (BatchServer _ = listen(path, one);
        BatchClient client = BatchClient.connect(path)) {
      assertThatThrownBy(() -> BatchClient.connect(path))
          .isInstanceOfSatisfying(
              BridgeException.class,
              refused -> assertThat(refused.code()).isEqualTo(ErrorCode.QUOTA_CLIENTS));
      assertThat(client.operations()).isNotEmpty();
    }
  }

  @Test
  void othersReachTheSocketOnlyIfSomeAreAdmitted(@TempDir Path folder) throws IOException {
    Path own = folder.resolve("own/s");
    Path shared = folder.resolve("shared/s");
    Admission others =
        new Admission(Set.of(SOMEBODY), Set.of(SOMEBODY), 4, Duration.ofMinutes(1));
    try (BatchServer _ = listen(own, Admission.OWN_USER);
        BatchServer _ = listen(shared, others);
        BatchClient client = BatchClient.connect(shared)) {
      assertThat(mode(own)).isEqualTo("rw-------");
      assertThat(mode(own.getParent())).isEqualTo("rwx------");
      assertThat(mode(shared)).isEqualTo("rw-rw-rw-");
      assertThat(mode(shared.getParent())).isEqualTo("rwx--x--x");
      assertThat(client.operations()).isNotEmpty();
    }
  }

  @Test
  void aDirectoryThatOthersCannotPassIsRefusedIfTheyAreToCome(@TempDir Path folder)
      throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    Admission others = new Admission(Set.of(SOMEBODY), Set.of(), 4, Duration.ofMinutes(1));
    assertThatThrownBy(() -> listen(folder.resolve("s"), others))
        .hasMessageContaining("chmod 711");
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
