package io.tensorbridge.batch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Where a server writes its log. One thread at a time calls {@link #write}; it may take its time,
 * since lines that find no room are dropped and counted.
 */
public interface LogSink {
  /**
   * Whether entries of a level are wanted; any thread may ask.
   *
   * @param level of an entry
   * @return whether to make it
   */
  boolean isLoggable(Level level);

  /**
   * Writes an entry.
   *
   * @param entry of a level that is wanted
   */
  void write(LogEntry entry);

  /**
   * The JDK's log, under the name of {@link BatchServer}.
   *
   * @return a sink, which looks for the logger when it is first used
   */
  static LogSink ofSystem() {
    return new LogSink() {
      private Logger logger() {
        return System.getLogger(BatchServer.class.getName());
      }

      @Override
      public boolean isLoggable(Level level) {
        return logger().isLoggable(level);
      }

      @Override
      public void write(LogEntry entry) {
        logger().log(entry.level(), entry.message(), entry.thrown().orElse(null));
      }
    };
  }
}
