package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.SocketCalls;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NothingLeft.class)
@Timeout(60)
class LocalServerSocketTest {
  @TempDir
  private Path directory;
  private Path path;

  @BeforeEach
  void choosePath() {
    path = directory.resolve("sock");
  }

  @Test
  void clientsConnectAndTalk() {
    try (LocalServerSocket server = LocalServerSocket.bind(path);
        LocalSocket client = LocalSocket.connect(path);
        LocalSocket accepted = server.accept()) {
      client.send(MemorySegment.ofArray(new byte[]{1, 2, 3}));
      assertThat(accepted.receive(MemorySegment.ofArray(new byte[8]), 0).length()).isEqualTo(3);
      assertThat(accepted.peerCredentials().pid()).isEqualTo((int) ProcessHandle.current().pid());
    }
  }

  @Test
  void missingDirectoriesAreCreatedForTheUserAlone() throws IOException {
    Path deep = directory.resolve("a/b/sock");
    try (LocalServerSocket server = LocalServerSocket.bind(deep)) {
      assertThat(server.path()).isEqualTo(deep);
      assertThat(permissions(directory.resolve("a"))).isEqualTo("rwx------");
      assertThat(permissions(directory.resolve("a/b"))).isEqualTo("rwx------");
      assertThat(permissions(deep)).isEqualTo("rw-------");
    }
  }

  @Test
  void aDirectoryThatOthersCanWriteIsRefused() throws IOException {
    Path open = Files.createDirectory(directory.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwx---"));
    assertThatThrownBy(() -> LocalServerSocket.bind(open.resolve("sock")))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("writable by others");
  }

  @Test
  void theSocketOfADeadServerIsReplaced() {
    try (Fd dead = Fd.owning(SocketCalls.socket())) {
      SocketCalls.bind(dead.number(), path.toString().getBytes(StandardCharsets.UTF_8));
    }
    assertThat(path).exists();
    try (LocalServerSocket server = LocalServerSocket.bind(path);
        LocalSocket client = LocalSocket.connect(path)) {
      assertThat(server.path()).isEqualTo(path);
      assertThat(client.peerCredentials().pid()).isPositive();
    }
  }

  @Test
  void aLivingServerIsNotReplaced() {
    try (LocalServerSocket server = LocalServerSocket.bind(path)) {
      assertThatThrownBy(() -> LocalServerSocket.bind(path))
          .isInstanceOf(ResourceException.class)
          .hasMessageContaining("already listens");
      assertThat(server.path()).exists();
    }
  }

  @Test
  void aPlainFileIsNotReplaced() throws IOException {
    Files.writeString(path, "precious");
    assertThatThrownBy(() -> LocalServerSocket.bind(path))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("no socket");
    assertThat(path).hasContent("precious");
  }

  @Test
  void aLinkIsNotFollowed() throws IOException {
    Files.createSymbolicLink(path, directory.resolve("elsewhere"));
    assertThatThrownBy(() -> LocalServerSocket.bind(path)).isInstanceOf(ResourceException.class);
  }

  @Test
  void closingRemovesThePath() {
    LocalServerSocket server = LocalServerSocket.bind(path);
    server.close();
    server.close();
    assertThat(path).doesNotExist();
  }

  @Test
  void closingLeavesThePathOfAnother() throws IOException {
    LocalServerSocket server = LocalServerSocket.bind(path);
    Files.move(path, directory.resolve("moved"));
    Files.writeString(path, "another");
    server.close();
    assertThat(path).hasContent("another");
  }

  @Test
  void closingWakesTheAcceptor() throws InterruptedException {
    LocalServerSocket server = LocalServerSocket.bind(path);
    Thread acceptor =
        Thread.ofPlatform()
            .start(
                () -> assertThatThrownBy(server::accept)
                    .isInstanceOf(BridgeClosedException.class));
    server.close();
    acceptor.join();
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
