package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that a server tells about its clients.
 *
 * @param time when it happened
 * @param level how bad it is
 * @param event what happened
 * @param client the client's number at this server, or 0 where there is none
 * @param pid the process that it concerns, or 0
 * @param uid the user of that process
 * @param code why, or {@link ErrorCode#OK}
 * @param message one line for people, with which client it concerns
 * @param thrown the defect, if there is one
 */
public record LogEntry(
    Instant time,
    Level level,
    Event event,
    long client,
    int pid,
    int uid,
    ErrorCode code,
    String message,
    Optional<Throwable> thrown) {
  /** What can happen. */
  public enum Event {
    /** A client has said HELLO. */
    CONNECTED,
    /** A client is gone, or was cut off: then the code says why. */
    LEFT,
    /** A connection was not taken. */
    REFUSED,
    /** This software failed. */
    DEFECT
  }
}
