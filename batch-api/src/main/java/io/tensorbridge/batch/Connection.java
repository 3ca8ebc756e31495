package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.Region;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.WireVersion;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.PeerCredentials;
import io.tensorbridge.shm.ProcessFd;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a client brings with its HELLO, checked.
 *
 * @param control the mapped control region
 * @param ringEntries size of both rings
 * @param minor the lower minor version of both sides
 * @param serverDoorbell wakes the server
 * @param clientDoorbell wakes the client
 * @param process the client
 */
record Connection(
    Region control,
    int ringEntries,
    int minor,
    Doorbell serverDoorbell,
    Doorbell clientDoorbell,
    ProcessFd process) {
  /**
   * Accepts a handshake.
   *
   * @param hello a message of {@link Hello#BYTES} bytes, private memory
   * @param fds its descriptors; on success they are the connection's, else still the caller's
   * @param peer who is at the other end of the socket
   * @param maxBytes the most that a control region may have
   * @param discard closes a descriptor without waiting for the peer
   * @return the connection, owned by the caller
   * @throws io.tensorbridge.BridgeException if anything is not acceptable
   */
  static Connection accept(
      MemorySegment hello,
      List<Fd> fds,
      PeerCredentials peer,
      long maxBytes,
      Consumer<Fd> discard) {
    requireForm(hello, fds, maxBytes);
    Doorbell serverDoorbell = Doorbell.adopt(fds.get(1));
    Doorbell clientDoorbell = Doorbell.adopt(fds.get(2));
    ProcessFd process = ProcessFd.adopt(fds.get(3));
    requirePeer(process, peer);
    Region control =
        SharedRegion.adopt(
            "control", fds.getFirst(), Access.READWRITE, Hello.controlLength(hello, 0));
    int ringEntries;
    try {
      ringEntries = requireControl(control.segment(), Hello.ringEntries(hello, 0));
    } catch (ProtocolException refused) {
      control.close();
      throw refused;
    }
    // The mapping stays without its descriptor; what came beyond the four is of no use.
    fds.getFirst().close();
    fds.subList(Hello.DESCRIPTORS, fds.size()).forEach(discard);
    return new Connection(
        control,
        ringEntries,
        Math.min(Hello.minor(hello, 0), WireVersion.MINOR),
        serverDoorbell,
        clientDoorbell,
        process);
  }

  private static void requireForm(MemorySegment hello, List<Fd> fds, long maxBytes) {
    if (Hello.major(hello, 0) != WireVersion.MAJOR) {
      throw new ProtocolException(
          ErrorCode.UNSUPPORTED_VERSION,
          "version " + Hello.major(hello, 0) + " is not spoken here, but " + WireVersion.MAJOR
              + "; install the same release on both sides");
    }
    if (Hello.reserved(hello, 0) != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "a reserved field of HELLO is not 0");
    }
    long entries = Hello.ringEntries(hello, 0);
    if (!ControlLayout.isRingSize(entries)) {
      throw new ProtocolException(
          ErrorCode.BAD_COUNT,
          "rings have 8 to 4096 entries, a power of 2, not " + entries);
    }
    long length = Hello.controlLength(hello, 0);
    if (length >= 0 && length < ControlLayout.byteLength((int) entries)) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "a control region with " + entries + " entries has at least "
              + ControlLayout.byteLength((int) entries) + " bytes, not " + length);
    }
    if (length < 0 || length > maxBytes) {
      throw new QuotaException(
          ErrorCode.QUOTA_BYTES, "the control region is larger than the quota of " + maxBytes);
    }
    if (fds.size() < Hello.DESCRIPTORS) {
      throw new ProtocolException(
          ErrorCode.MISSING_DESCRIPTOR,
          "HELLO brings 4 descriptors (control region, two doorbells, pidfd), not " + fds.size());
    }
  }

  /** Where PID namespaces hide the peer, the socket's end is all that tells of its death. */
  private static void requirePeer(ProcessFd process, PeerCredentials peer) {
    if (peer.pid() != 0 && process.pid() != peer.pid()) {
      throw new ProtocolException(
          ErrorCode.MISSING_DESCRIPTOR,
          "the pidfd is of process " + process.pid() + ", but the socket's peer is "
              + peer.pid());
    }
  }

  private static int requireControl(MemorySegment control, long entries) {
    if (ControlLayout.magic(control) != ControlLayout.MAGIC) {
      throw new ProtocolException(
          ErrorCode.BAD_MAGIC, "the control region does not begin with \"TBRCTRL1\"");
    }
    long written = ControlLayout.ringEntries(control);
    if (written != entries) {
      throw new ProtocolException(
          ErrorCode.BAD_COUNT,
          "HELLO says " + entries + " ring entries, the control region " + written);
    }
    return (int) entries;
  }

  void close() {
    control.close();
    serverDoorbell.discard();
    clientDoorbell.discard();
    process.close();
  }
}
