package io.tensorbridge;

/**
 * What stands behind the bytes of a tensor, and so who else may change or remove them.
 *
 * <table>
 *   <caption>Which memory a kernel may touch</caption>
 *   <tr><th>backing</th><th>can its size change?</th><th>can its bytes change?</th><th>kernels</th></tr>
 *   <tr><td>{@link #PRIVATE}</td><td>no</td><td>by this process only</td><td>read in place</td></tr>
 *   <tr><td>{@link #SEALED}</td><td>no, the kernel refuses</td><td>by the peer</td><td>read in place</td></tr>
 *   <tr><td>{@link #FILE}</td><td>yes, by anyone</td><td>by anyone</td><td>copied in chunks first</td></tr>
 * </table>
 *
 * <p>A vector load from a file mapping that somebody has truncated ends the JVM, while a bulk copy
 * fails with an error that can be caught: that is why {@link #FILE} bytes are copied first.
 */
public enum Backing {
  /** Memory of this process: heap, native, or anonymous. */
  PRIVATE,
  /** Shared memory whose size is sealed. */
  SEALED,
  /** A mapped file on disk. */
  FILE
}
