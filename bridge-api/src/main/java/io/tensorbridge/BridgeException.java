package io.tensorbridge;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A failure of Tensorbridge, one subclass per cause.
 *
 * <p>The message names the tensor, byte or option and the remedy; {@link #code()} is the same on
 * both sides of the wire.
 */
public abstract sealed class BridgeException extends RuntimeException
    permits ProtocolException,
    TensorException,
    OptionException,
    QuotaException,
    CancelledException,
    BridgeTimeoutException,
    BridgeClosedException,
    ServerDiedException,
    ResourceException,
    FormatException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  BridgeException(ErrorCode code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /**
   * The cause as a number of the wire format.
   *
   * @return never {@link ErrorCode#OK}
   */
  public ErrorCode code() {
    return code;
  }

  /**
   * What is wrong, where, and the remedy.
   *
   * @return never null
   */
  @Override
  public String getMessage() {
    return Objects.requireNonNullElse(super.getMessage(), "");
  }

  /**
   * The exception that stands for a code received from a peer.
   *
   * @param code the received code, not {@link ErrorCode#OK}
   * @param message the received text
   * @return an exception of the subclass for that code
   */
  public static BridgeException of(ErrorCode code, String message) {
    int number = code.number();
    return switch (code) {
      case CANCELLED, SKIPPED -> new CancelledException(code, message);
      case TIMEOUT -> new BridgeTimeoutException(message);
      case CLOSED -> new BridgeClosedException(message);
      case SERVER_DIED -> new ServerDiedException(message);
      case UNKNOWN_OPERATION, UNKNOWN_OPTION, BAD_OPTION, UNKNOWN_SCHEME ->
          new OptionException(code, message);
      default ->
          switch (number / 100) {
            case 1 -> new ProtocolException(code, message);
            case 2 -> new TensorException(code, message);
            case 3 -> new QuotaException(code, message);
            case 6 -> new FormatException(code, message, -1, "", null);
            default -> new ResourceException(code, message);
          };
    };
  }

  /**
   * The exception that stands for anything that an operation throws.
   *
   * @param thrown an exception or error, itself returned if it is of this class
   * @return what was thrown, as a failure of one tensor
   */
  public static BridgeException ofThrown(Throwable thrown) {
    return switch (thrown) {
      case BridgeException known -> known;
      case OutOfMemoryError memory ->
          new ResourceException(
              ErrorCode.OUT_OF_MEMORY, "the Java heap is full: " + memory, memory);
      default ->
          new TensorException(
              ErrorCode.TENSOR_FAILED, "", -1, "the operation failed: " + thrown, thrown);
    };
  }
}
