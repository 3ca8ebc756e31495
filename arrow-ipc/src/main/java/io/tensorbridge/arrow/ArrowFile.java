package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * An open Arrow IPC file or stream; immutable and thread-safe until it is closed.
 *
 * <p>The file is mapped, and all columns are slices of the mapping ({@link
 * io.tensorbridge.Backing#FILE}). Which of the two formats it is, its first bytes tell, not its name.
 *
 * <p>Refused, with the remedy, are compressed bodies, big-endian data, and what was written before
 * Arrow 0.15. Dictionaries are passed over: a column that needs one can't be read.
 */
public final class ArrowFile implements AutoCloseable {
  static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  static final String KIND = "an Arrow IPC file or stream";

  private final MappedFile file;
  private final ArrowSchema schema;
  private final List<ArrowBatch> batches;

  private ArrowFile(MappedFile file, ArrowSchema schema, List<ArrowBatch> batches) {
    this.file = file;
    this.schema = schema;
    this.batches = batches;
  }

  /**
   * Opens a file or stream and checks the metadata of all its record batches.
   *
   * @param path the file
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one, or if it can't be read
   */
  public static ArrowFile open(Path path) {
    MappedFile file = MappedFile.open(path);
    try {
      return ByteSource.reading(path, () -> read(file));
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  private static ArrowFile read(MappedFile file) {
    ByteSource bytes = file.source();
    IpcContent content;
    if (beginsWith(bytes, MAGIC)) {
      content = FileFraming.read(bytes);
    } else if (bytes.size() >= Integer.BYTES
        && IpcMessage.intAt(bytes, 0) == IpcMessage.CONTINUATION) {
      content = StreamFraming.read(bytes);
    } else {
      throw bytes.broken(0, KIND, "it begins neither with ARROW1 (a file) nor with FFFFFFFF (a"
          + " stream); Feather version 1 and what was written before Arrow 0.15 must be written"
          + " again");
    }
    return new ArrowFile(file, content.schema(), List.copyOf(content.batches()));
  }

  private static boolean beginsWith(ByteSource bytes, byte[] magic) {
    return bytes.size() >= magic.length && Arrays.equals(bytes.copy(0, magic.length), magic);
  }

  /**
   * The columns.
   *
   * @return as the file tells them
   */
  public ArrowSchema schema() {
    return schema;
  }

  /**
   * All rows.
   *
   * @return in the order of the file
   */
  public List<ArrowBatch> batches() {
    return batches;
  }

  /**
   * The whole file.
   *
   * @return its bytes, mapped, valid until it is closed
   */
  public ByteSource source() {
    return file.source();
  }

  /**
   * The name of the file.
   *
   * @return as given when it was opened
   */
  public Path path() {
    return file.path();
  }

  /**
   * Checks that the file is still open.
   *
   * @throws io.tensorbridge.BridgeClosedException if it was closed
   */
  public void requireOpen() {
    file.requireOpen();
  }

  /** Unmaps the file; its columns must not be used any more. */
  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return file.path() + " with " + batches.size() + " record batches of " + schema;
  }
}
