package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalServerSocket;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.PeerCredentials;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/** Where clients of a shared server come from; used by the dispatcher only. */
final class ClientListener {
  private static final long PAUSE_NANOS = 100_000_000;
  private static final int ROOT = 0;
  private static final int MESSAGE_BYTES = 512;

  /** Connections beyond the limits that may only observe: one wants to look just when it is full. */
  static final int MOST_OBSERVERS = 4;

  private final LocalServerSocket socket;
  private final int maxClients;
  private final Admission admission;
  private final DescriptorCloser closer;
  private final ServerLog log;
  private final int ownUser;
  private boolean paused;
  private boolean closed;
  private long resumeNanos;
  /** A descriptor to be given up when no other is left. */
  private @Nullable Doorbell spare = spareOrNull();

  ClientListener(
      LocalServerSocket socket, ServerOptions options, DescriptorCloser closer, ServerLog log) {
    this.socket = socket;
    this.maxClients = options.maxClients();
    this.admission = options.admission();
    this.closer = closer;
    this.log = log;
    this.ownUser = ProcessUser.own();
  }

  Fd fd() {
    return socket.fd();
  }

  Path path() {
    return socket.path();
  }

  /**
   * A connection.
   *
   * @param socket owned by the caller
   * @param refusal null for a client; else what one is told, since this connection may only observe
   */
  record Accepted(LocalSocket socket, @Nullable QuotaException refusal) {}

  /**
   * Takes the next client.
   *
   * @param clients how many there are, those included that are just ending
   * @param observers how many connections there are beside that may only observe
   * @param clientsOf how many clients a user has
   * @return the connection; null if it was refused
   * @throws io.tensorbridge.BridgeException if the system can't have more connections now
   */
  @Nullable
  Accepted accept(int clients, int observers, IntUnaryOperator clientsOf) {
    LocalSocket client = socket.accept();
    PeerCredentials peer = client.peerCredentials();
    if (!admits(client, peer)) {
      log.refused(peer, ErrorCode.OK,
          "process " + peer.pid() + " of user " + peer.uid() + " is refused");
      client.close();
      return null;
    }
    if (closer.isFull(peer.uid())) {
      refuse(client, peer, DescriptorCloser.refusal());
      return null;
    }
    QuotaException refusal = refusal(clients, clientsOf.applyAsInt(peer.uid()));
    if (refusal != null && observers >= MOST_OBSERVERS) {
      refuse(client, peer, refusal);
      return null;
    }
    return new Accepted(client, refusal);
  }

  private @Nullable QuotaException refusal(int clients, int ofUser) {
    if (clients >= maxClients) {
      return new QuotaException(
          ErrorCode.QUOTA_CLIENTS,
          "the server has " + maxClients + " clients, its limit; try again later");
    }
    if (ofUser >= admission.maxClientsPerUser()) {
      return new QuotaException(
          ErrorCode.QUOTA_CLIENTS,
          "this user has " + ofUser + " connections to the server, the limit; close some");
    }
    return null;
  }

  private void refuse(LocalSocket client, PeerCredentials peer, QuotaException refusal) {
    String reason = String.valueOf(refusal.getMessage());
    log.refused(peer, refusal.code(), "client " + peer.pid() + " is refused: " + reason);
    refuse(client, refusal.code(), reason);
  }

  private boolean admits(LocalSocket client, PeerCredentials peer) {
    return peer.uid() == ownUser
        || peer.uid() == ROOT
        || admission.users().contains(peer.uid())
        || admission.groups().contains(peer.gid())
        || (!admission.groups().isEmpty()
            && client.peerGroups().stream().anyMatch(admission.groups()::contains));
  }

  /**
   * Tells the next client that no descriptor is left for it, by means of one kept for that.
   *
   * @return false if there is not even that one: the client still waits
   */
  boolean refuseForLackOfDescriptors() {
    Doorbell kept = spare;
    if (kept == null) {
      spare = spareOrNull();
      return false;
    }
    kept.close();
    try {
      refuse(
          socket.accept(),
          ErrorCode.OUT_OF_DESCRIPTORS,
          "the server has no descriptor left for another client; raise its limit (ulimit -n)");
      return true;
    } catch (BridgeException failure) {
      return false;
    } finally {
      spare = spareOrNull();
    }
  }

  private static @Nullable Doorbell spareOrNull() {
    try {
      return Doorbell.create();
    } catch (BridgeException exhausted) {
      return null;
    }
  }

  private static void refuse(LocalSocket client, ErrorCode code, String reason) {
    try (client;
        Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(MESSAGE_BYTES, Long.BYTES);
      int length = ErrorMessage.write(message, 0, 0, code, reason);
      client.trySend(message.asSlice(0, length));
    }
  }

  /** Stops accepting for a moment: the system would refuse again at once. */
  void pause(long now) {
    paused = true;
    resumeNanos = now + PAUSE_NANOS;
  }

  boolean isPaused() {
    return paused;
  }

  /** How long a pause lasts yet, or -1. */
  long nanosToRetry(long now) {
    return paused && !closed ? Math.max(0, resumeNanos - now) : -1;
  }

  /** Whether a pause is over; it then is. */
  boolean retry(long now) {
    if (nanosToRetry(now) != 0) {
      return false;
    }
    paused = false;
    return true;
  }

  boolean isClosed() {
    return closed;
  }

  void close() {
    closed = true;
    socket.close();
    if (spare != null) {
      spare.close();
      spare = null;
    }
  }
}
