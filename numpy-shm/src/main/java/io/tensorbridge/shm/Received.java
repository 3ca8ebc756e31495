package io.tensorbridge.shm;

import java.util.List;

/**
 * One message of a {@link LocalSocket}.
 *
 * @param length bytes stored, or 0 if the peer closed the connection
 * @param fds the descriptors that came with it, owned by the receiver, who closes each of them
 * @param truncated whether bytes or descriptors did not fit and are lost
 */
public record Received(int length, List<Fd> fds, boolean truncated) {
  /** Keeps an unmodifiable list. */
  public Received {
    fds = List.copyOf(fds);
  }

  /** Closes all descriptors, for a message that is refused. */
  public void closeFds() {
    Fd.closeAll(fds);
  }
}
