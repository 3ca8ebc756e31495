package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.SocketCalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/**
 * The path of a listening socket in the file system: its directory, a dead predecessor, its end.
 *
 * @param path where the socket is bound
 * @param identity device and inode of the socket, by which it knows its own
 */
record BoundPath(Path path, String identity) {
  private static final int S_IFMT = 0170000;
  private static final int S_IFSOCK = 0140000;
  private static final Set<PosixFilePermission> DIRECTORY_MODE =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> OPEN_DIRECTORY_MODE =
      PosixFilePermissions.fromString("rwx--x--x");
  private static final Set<PosixFilePermission> SOCKET_MODE =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> OPEN_SOCKET_MODE =
      PosixFilePermissions.fromString("rw-rw-rw-");

  /** Makes the path ready to be bound. */
  static void prepare(Path path, boolean forOthers) {
    try {
      Path directory = directoryOf(path);
      boolean missing = !Files.exists(directory);
      Set<PosixFilePermission> mode = forOthers ? OPEN_DIRECTORY_MODE : DIRECTORY_MODE;
      Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(mode));
      if (missing) {
        Files.setPosixFilePermissions(directory, mode); // whatever the process masks
      }
      requirePrivate(directory);
      if (forOthers) {
        requireReachable(directory);
      }
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        requireSocket(path);
        requireDead(path);
        Files.deleteIfExists(path);
      }
    } catch (IOException failure) {
      throw failed(path, failure);
    }
  }

  /** Keeps others from connecting; nobody can connect before the socket listens. */
  static BoundPath protect(Path path, boolean forOthers) {
    try {
      Files.setPosixFilePermissions(path, forOthers ? OPEN_SOCKET_MODE : SOCKET_MODE);
      return new BoundPath(path, identityOf(path));
    } catch (IOException failure) {
      throw failed(path, failure);
    }
  }

  /** Removes the path if it is still this socket's. */
  void remove() {
    try {
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && identityOf(path).equals(identity)) {
        Files.deleteIfExists(path);
      }
    } catch (IOException failure) {
      throw failed(path, failure);
    }
  }

  private static Path directoryOf(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    if (parent == null) {
      throw new ResourceException(ErrorCode.SYSTEM_CALL, path + " is no path for a socket");
    }
    return parent;
  }

  private static void requirePrivate(Path directory) throws IOException {
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(directory);
    if (mode.contains(PosixFilePermission.GROUP_WRITE)
        || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL,
          "the directory " + directory + " is writable by others, who could replace the socket;"
              + " choose a subdirectory (it is created), or chmod 700 it");
    }
  }

  private static void requireReachable(Path directory) throws IOException {
    if (!Files.getPosixFilePermissions(directory).contains(PosixFilePermission.OTHERS_EXECUTE)) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL,
          "other users are to connect, but can't pass the directory " + directory
              + "; chmod 711 it, or choose a subdirectory (it is created)");
    }
  }

  private static void requireSocket(Path path) throws IOException {
    Object mode = attributesOf(path, "unix:mode").get("mode");
    if (!(mode instanceof Integer bits) || (bits & S_IFMT) != S_IFSOCK) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL, path + " exists and is no socket; choose another path");
    }
  }

  private static void requireDead(Path path) {
    try (Fd probe = Fd.owning(SocketCalls.socket())) {
      if (SocketCalls.wouldAnswer(probe.number(), SocketPath.bytesOf(path))) {
        throw new ResourceException(
            ErrorCode.SYSTEM_CALL,
            "a server already listens on " + path + "; stop it or choose another path");
      }
    }
  }

  private static String identityOf(Path path) throws IOException {
    Map<String, Object> attributes = attributesOf(path, "unix:dev,ino");
    return attributes.get("dev") + ":" + attributes.get("ino");
  }

  private static Map<String, Object> attributesOf(Path path, String names) throws IOException {
    return Files.readAttributes(path, names, LinkOption.NOFOLLOW_LINKS);
  }

  private static ResourceException failed(Path path, IOException failure) {
    return new ResourceException(
        ErrorCode.SYSTEM_CALL, "the socket path " + path + " can't be used: " + failure, failure);
  }
}
