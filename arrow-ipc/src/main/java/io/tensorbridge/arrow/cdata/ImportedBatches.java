package io.tensorbridge.arrow.cdata;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.internal.cdata.CCalls;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.MovedStruct;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;

/** A stream of another library. */
final class ImportedBatches implements BatchStream {
  private static final int ENOMEM = 12;
  private static final int EINVAL = 22;
  private static final int ECANCELED = 125;
  private static final int MAX_MESSAGE_BYTES = 1 << 16;

  private final MovedStruct moved;
  private final ArrowSchema schema;
  private final ReentrantLock lock = new ReentrantLock();
  private boolean ended;
  private boolean closed;

  private ImportedBatches(MovedStruct moved, ArrowSchema schema) {
    this.moved = moved;
    this.schema = schema;
  }

  static BatchStream take(long address) {
    CStruct.STREAM.requireLive(address, Place.ROOT);
    MovedStruct moved = MovedStruct.take(StructKind.STREAM, address);
    try {
      ArrowSchema schema =
          filled(moved, StructKind.GET_SCHEMA, CStruct.SCHEMA, ArrowImport::schema);
      return new ImportedBatches(moved, schema);
    } catch (RuntimeException | Error failure) {
      moved.release();
      throw failure;
    }
  }

  @Override
  public ArrowSchema schema() {
    return schema;
  }

  @Override
  public Optional<Owned<ArrowBatch>> next() {
    lock.lock();
    try {
      if (closed) {
        throw new BridgeClosedException("this stream of record batches is closed");
      }
      return ended
          ? Optional.empty()
          : filled(moved, StructKind.GET_NEXT, CStruct.ARRAY, this::batch);
    } finally {
      lock.unlock();
    }
  }

  private Optional<Owned<ArrowBatch>> batch(long address) {
    if (CStruct.ARRAY.isReleased(address)) {
      ended = true;
      return Optional.empty();
    }
    return Optional.of(ArrowImport.batch(schema, address));
  }

  /** Has the producer fill a struct, and takes that over. */
  private static <T> T filled(
      MovedStruct stream, int callback, CStruct kind, LongFunction<T> takeOver) {
    long function = Memory.word(stream.address() + callback);
    if (function == 0) {
      throw Place.ROOT.broken("callbacks of a stream", "one of them is null");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = kind.allocate(arena);
      int number = CCalls.fill(function, stream.address(), target.address());
      if (number != 0) {
        throw failure(stream, number);
      }
      return takeOver.apply(target.address());
    }
  }

  private static BridgeException failure(MovedStruct stream, int number) {
    String text =
        "the producer of the stream failed with error " + number + ": " + message(stream);
    return switch (number) {
      case EINVAL -> new FormatException(text);
      case ECANCELED -> new CancelledException(ErrorCode.CANCELLED, text);
      case ENOMEM -> new ResourceException(ErrorCode.OUT_OF_MEMORY, text);
      default -> new ResourceException(ErrorCode.SYSTEM_CALL, text);
    };
  }

  private static String message(MovedStruct stream) {
    long function = Memory.word(stream.address() + StructKind.GET_LAST_ERROR);
    long text = function == 0 ? 0 : CCalls.lastError(function, stream.address());
    if (text == 0) {
      return "it says no more";
    }
    int length = Memory.stringLength(text, MAX_MESSAGE_BYTES);
    byte[] bytes = Memory.read(text, length < 0 ? MAX_MESSAGE_BYTES : length);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        moved.release();
      }
    } finally {
      lock.unlock();
    }
  }
}
