package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.SocketCalls;
import java.nio.charset.Charset;
import java.nio.file.Path;

/** The path of a Unix socket as the kernel takes it: bytes of limited length. */
final class SocketPath {
  private SocketPath() {}

  static byte[] bytesOf(Path path) {
    Charset encoding = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    byte[] bytes = path.toString().getBytes(encoding);
    if (bytes.length == 0 || bytes.length > SocketCalls.MAX_PATH_BYTES) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL,
          "the socket path " + path + " is " + bytes.length + " bytes long, but the kernel takes 1"
              + " to " + SocketCalls.MAX_PATH_BYTES + "; choose a shorter one");
    }
    return bytes;
  }

  static ResourceException notConnected(Path path, int errno) {
    String action = "connecting to " + path;
    return switch (errno) {
      case Errno.ENOENT, Errno.ECONNREFUSED ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              action + " failed: no server listens there; start it first, or check the path");
      case Errno.EPROTOTYPE ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              action + " failed: the server there does not speak whole messages"
                  + " (SOCK_SEQPACKET); it is another program's socket");
      case Errno.EACCES, Errno.EPERM ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              action + " failed: it belongs to another user; run as that user");
      default -> Errno.failure(action, errno);
    };
  }
}
