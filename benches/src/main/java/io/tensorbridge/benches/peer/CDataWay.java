package io.tensorbridge.benches.peer;

/** A way to pass a batch of float32 columns through the structs of the C Data interface. */
interface CDataWay extends AutoCloseable {
  /**
   * Exports the batch, imports it, reads the first element of every column, and releases it.
   *
   * @throws IllegalStateException if something else came back
   */
  void passOnce();

  @Override
  void close();

  /**
   * Prepares a way.
   *
   * @param name {@code shared} or {@code confined} (ours), or {@code jni} (Arrow Java's)
   * @param withSchema whether the schema is passed each time, too
   * @param columns how many
   * @param rows of each
   */
  static CDataWay of(String name, boolean withSchema, int columns, int rows) {
    return switch (name) {
      case "shared" -> new CDataByFfm(withSchema, false, columns, rows);
      case "confined" -> new CDataByFfm(withSchema, true, columns, rows);
      case "jni" -> new CDataByJni(withSchema, columns, rows);
      default -> throw new IllegalArgumentException("no way is called " + name);
    };
  }

  /** Checks the sum of the first elements, which are 0, 1, ... */
  static void requireSum(double sum, int columns) {
    if (sum != columns * (columns - 1) / 2.0) {
      throw new IllegalStateException(sum + " is not the sum of the columns' first elements");
    }
  }
}
