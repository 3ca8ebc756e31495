package io.tensorbridge.arrow;

/** That compressed bytes don't follow their format; becomes a FormatException with the place. */
final class MalformedBodyException extends RuntimeException {
  private static final long serialVersionUID = 1;

  MalformedBodyException(String message) {
    super(message);
  }
}
