package io.tensorbridge;

import org.jspecify.annotations.Nullable;

/** The system refused something: memory, descriptors, a system call, or the platform lacks it. */
public final class ResourceException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param code the cause
   * @param message what was refused and the remedy
   */
  public ResourceException(ErrorCode code, String message) {
    this(code, message, null);
  }

  /**
   * A failure with its facts and its origin.
   *
   * @param code the cause
   * @param message what was refused and the remedy
   * @param cause the original failure, or null
   */
  public ResourceException(ErrorCode code, String message, @Nullable Throwable cause) {
    super(code, message, cause);
  }
}
