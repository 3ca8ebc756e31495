package io.tensorbridge.batch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/** One line for each event of a server; a private child is quiet about what is usual. */
final class ServerLog {
  private final Level usual;

  /**
   * A log.
   *
   * @param shared whether several clients come and go
   */
  ServerLog(boolean shared) {
    usual = shared ? Level.INFO : Level.DEBUG;
  }

  private static Logger logger() {
    return System.getLogger(BatchServer.class.getName());
  }

  void connected(ClientSession session) {
    logger().log(usual, "{0} has connected", session);
  }

  void disconnected(ClientSession session, String why) {
    logger().log(usual, "{0} {1}", session, why);
  }

  void refused(String what) {
    logger().log(Level.WARNING, what);
  }

  void defect(Object where, Throwable defect) {
    logger().log(Level.ERROR, where + " met a defect of the server", defect);
  }
}
