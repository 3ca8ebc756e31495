package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;

/**
 * What a submission leads to; called once, by whichever thread takes the completion.
 *
 * <p>Implementations are brief, never wait for the server, and call nobody's code.
 */
interface Flight {
  /**
   * The submission has got its id and is about to be published.
   *
   * @param batchId its id
   */
  default void launched(long batchId) {}

  /**
   * The server has let go of everything that the submission named.
   *
   * @param code {@link ErrorCode#OK} if the items have ended, otherwise why it was refused
   * @param failedItems items that did not end well
   * @param waitingItems items that need space
   */
  void landed(ErrorCode code, long failedItems, long waitingItems);

  /**
   * The connection is over; the server touches nothing any more.
   *
   * @param reason why
   */
  void lost(BridgeException reason);
}
