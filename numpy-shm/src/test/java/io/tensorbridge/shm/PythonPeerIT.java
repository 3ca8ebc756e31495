package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The other side of every test is a Python process with nothing but its standard library. */
@ExtendWith(NothingLeft.class)
@Timeout(60)
class PythonPeerIT {
  private static final String CONNECT =
      """
          import array, fcntl, mmap, os, signal, socket, struct, sys
          F_ADD_SEALS, SEAL, SHRINK, GROW, FUTURE_WRITE = 1033, 1, 2, 4, 16
          sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
          sock.connect(sys.argv[1])
          def memory(size, seals):
              fd = os.memfd_create("python", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
              os.posix_fallocate(fd, 0, size)
              mapping = mmap.mmap(fd, size)
              if seals: fcntl.fcntl(fd, F_ADD_SEALS, seals)
              return fd, mapping
          """;
  private static final long SIZE = 1 << 20;

  @TempDir
  private Path directory;
  private LocalServerSocket server;
  private final MemorySegment buffer = MemorySegment.ofArray(new byte[64]);

  @BeforeEach
  void listen() {
    server = LocalServerSocket.bind(directory.resolve("sock"));
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void javaReadsWhatPythonSealedForReading() {
    try (Python.Running python =
        python(
            """
                fd, m = memory(1 << 20, SEAL | SHRINK | GROW | FUTURE_WRITE)
                m[0:4] = struct.pack("f", 1.5)
                socket.send_fds(sock, [b"region"], [fd])
                assert sock.recv(64) == b"seen"
                m[0:4] = struct.pack("f", 2.5)      # its own mapping stays writable
                sock.send(b"changed")
                assert sock.recv(64) == b""
                """);
        LocalSocket socket = server.accept()) {
      Received received = socket.receive(buffer, 1);
      Region region =
          SharedRegion.adopt("python", received.fds().getFirst(), Access.READ, SIZE);
      received.closeFds();
      assertThat(region.segment().get(JAVA_FLOAT, 0)).isEqualTo(1.5f);
      socket.send(MemorySegment.ofArray("seen".getBytes(US_ASCII)));
      socket.receive(buffer, 0);
      assertThat(region.segment().get(JAVA_FLOAT, 0)).isEqualTo(2.5f);
      region.close();
      socket.shutdown();
      python.finish();
    }
  }

  @Test
  void pythonReadsWhatJavaSealedForReadingAndCanNotWriteIt() {
    try (Python.Running python =
        python(
            """
                data, fds, flags, _ = socket.recv_fds(sock, 64, 1)
                m = mmap.mmap(fds[0], 1 << 20, prot=mmap.PROT_READ)
                assert struct.unpack("f", m[4:8])[0] == 0.25
                try: mmap.mmap(fds[0], 1 << 20)
                except PermissionError: pass
                else: sys.exit("a writable mapping was allowed")
                try: os.ftruncate(fds[0], 1)
                except PermissionError: pass
                else: sys.exit("shrinking was allowed")
                """);
        LocalSocket socket = server.accept();
        SharedRegion region = SharedRegion.create("java", SIZE, Access.READ)) {
      region.region().segment().set(JAVA_FLOAT, 4, 0.25f);
      socket.send(MemorySegment.ofArray(new byte[]{1}), region.fd());
      python.finish();
    }
  }

  @Test
  void bothWriteToAWritableRegionAndRingEachOthersDoorbell() {
    try (Python.Running python =
        python(
            """
                data, (memory_fd, mine, yours), flags, _ = socket.recv_fds(sock, 64, 3)
                m = mmap.mmap(memory_fd, 1 << 20)
                m[100] = 7
                os.write(yours, struct.pack("Q", 1))
                import select
                select.select([mine], [], [])
                assert m[101] == 8
                """);
        LocalSocket socket = server.accept();
        Doorbell theirs = Doorbell.create();
        Doorbell mine = Doorbell.create();
        SharedRegion region = SharedRegion.create("java", SIZE, Access.READWRITE)) {
      socket.send(MemorySegment.ofArray(new byte[]{1}), region.fd(), theirs.fd(), mine.fd());
      assertThat(mine.await(-1)).isTrue();
      assertThat(region.region().segment().get(JAVA_BYTE, 100)).isEqualTo((byte) 7);
      region.region().segment().set(JAVA_BYTE, 101, (byte) 8);
      theirs.ring();
      python.finish();
    }
  }

  @Test
  void unsealedMemoryOfAPeerIsRefused() {
    try (Python.Running python =
        python(
            """
                fd, m = memory(1 << 20, 0)
                socket.send_fds(sock, [b"region"], [fd])
                sock.recv(64)
                """);
        LocalSocket socket = server.accept()) {
      Received received = socket.receive(buffer, 1);
      assertThatThrownBy(
          () -> SharedRegion.adopt("python", received.fds().getFirst(), Access.READWRITE, SIZE))
          .isInstanceOfSatisfying(
              ProtocolException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.UNSEALED_REGION));
      received.closeFds();
      socket.shutdown();
      python.finish();
    }
  }

  @Test
  void aKilledPeerIsNoticedThoughItsForkHoldsTheSocket() {
    try (Python.Running python =
        python(
            """
                child = os.fork()
                if child:
                    socket.send_fds(sock, [struct.pack("i", child)], [os.pidfd_open(os.getpid())])
                signal.pause()
                """);
        LocalSocket socket = server.accept();
        Poller poller = new Poller()) {
      Received received = socket.receive(buffer, 1);
      int child = buffer.get(JAVA_INT_UNALIGNED, 0);
      try (ProcessFd process = ProcessFd.adopt(received.fds().getFirst());
          ProcessFd fork = ProcessFd.open(child)) {
        assertThat(process.pid()).isEqualTo(socket.peerCredentials().pid());
        poller.add(socket.fd(), 1);
        poller.add(process.fd(), 2);
        python.process().destroyForcibly();
        long[] ready = new long[2];
        assertThat(poller.await(-1, ready)).isEqualTo(1);
        assertThat(ready[0]).isEqualTo(2);
        assertThat(process.hasExited()).isTrue();
        assertThat(fork.hasExited()).isFalse();
      } finally {
        ProcessHandle.of(child).ifPresent(ProcessHandle::destroyForcibly);
      }
    }
  }

  private Python.Running python(String program) {
    return Python.start(CONNECT + program, server.path());
  }
}
