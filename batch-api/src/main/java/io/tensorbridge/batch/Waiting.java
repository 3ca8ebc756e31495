package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** Waits for futures and throws what failed in another thread as if it had failed here. */
final class Waiting {
  private Waiting() {}

  /**
   * Waits for a result.
   *
   * @param timeoutNanos how long
   * @param late what to throw after that
   * @throws BridgeException the failure, with this thread's stack
   */
  static <T> T forResult(
      CompletableFuture<T> future, long timeoutNanos, Supplier<? extends BridgeException> late) {
    try {
      return future.get(timeoutNanos, TimeUnit.NANOSECONDS);
    } catch (TimeoutException elapsed) {
      throw late.get();
    } catch (InterruptedException interrupted) {
      throw interrupted();
    } catch (ExecutionException failed) {
      throw rethrown(failed);
    }
  }

  /** The result of a future that has ended. */
  static <T> T resultOf(CompletableFuture<T> ended) {
    return switch (ended.state()) {
      case SUCCESS -> ended.resultNow();
      case FAILED -> throw rethrown(ended.exceptionNow());
      case CANCELLED, RUNNING -> throw new IllegalStateException("the future has not ended");
    };
  }

  static CancelledException interrupted() {
    Thread.currentThread().interrupt();
    return new CancelledException(ErrorCode.CANCELLED, "interrupted while waiting for the server");
  }

  private static RuntimeException rethrown(Throwable failure) {
    Throwable cause = failure.getCause();
    return switch (failure instanceof ExecutionException && cause != null ? cause : failure) {
      case BridgeException known -> again(known);
      case RuntimeException other -> other;
      case Error error -> throw error;
      default -> new IllegalStateException(failure);
    };
  }

  /** A failure of another thread as one of this thread: the same facts, the original as suppressed. */
  static BridgeException again(BridgeException failure) {
    String message = String.valueOf(failure.getMessage());
    BridgeException copy =
        switch (failure) {
          case TensorException tensor ->
              new TensorException(
                  tensor.code(), tensor.tensorName(), tensor.elementIndex(), tensor.reason(), null);
          default -> BridgeException.of(failure.code(), message);
        };
    copy.addSuppressed(failure);
    return copy;
  }
}
