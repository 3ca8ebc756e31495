package io.tensorbridge;

import org.jspecify.annotations.Nullable;

/**
 * One tensor is not acceptable, or work on it failed; other tensors of the batch are not affected.
 *
 * <p>An operation throws it without a name; whoever knows the tensor's name adds it with {@link
 * #named(String)}.
 */
public final class TensorException extends BridgeException {
  private static final long serialVersionUID = 1L;

  private final String tensorName;
  private final long elementIndex;
  private final String reason;

  /**
   * A failure of a tensor that is not named yet.
   *
   * @param code the cause
   * @param reason what is wrong with it and the remedy
   */
  public TensorException(ErrorCode code, String reason) {
    this(code, "", -1, reason, null);
  }

  /**
   * A failure with all its facts.
   *
   * @param code the cause
   * @param tensorName the tensor's name, empty if it is not known here
   * @param elementIndex flat index of the offending element in C order, or -1
   * @param reason what is wrong and the remedy
   * @param cause the original failure, or null
   */
  public TensorException(
      ErrorCode code,
      String tensorName,
      long elementIndex,
      String reason,
      @Nullable Throwable cause) {
    super(code, tensorName.isEmpty() ? reason : "tensor \"" + tensorName + "\": " + reason, cause);
    this.tensorName = tensorName;
    this.elementIndex = elementIndex;
    this.reason = reason;
  }

  /**
   * The same failure with the tensor's name in its message.
   *
   * @param name the tensor's name
   * @return a copy that keeps the cause and the stack of this one as its cause
   */
  public TensorException named(String name) {
    TensorException named = new TensorException(code(), name, elementIndex, reason, getCause());
    named.setStackTrace(getStackTrace());
    return named;
  }

  /**
   * The tensor's name.
   *
   * @return empty if it was not known where the failure arose
   */
  public String tensorName() {
    return tensorName;
  }

  /**
   * The flat index of the offending element in C order.
   *
   * @return -1 if the failure concerns no single element
   */
  public long elementIndex() {
    return elementIndex;
  }

  /**
   * What is wrong, without the name.
   *
   * @return the reason and the remedy
   */
  public String reason() {
    return reason;
  }
}
