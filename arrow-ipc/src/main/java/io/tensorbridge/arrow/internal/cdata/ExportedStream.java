package io.tensorbridge.arrow.internal.cdata;

import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToIntFunction;

/** A stream that C pulls batches from; thread-safe. */
public final class ExportedStream implements Exported {
  static final int EIO = 5;
  private static final int ENOMEM = 12;
  private static final int EINVAL = 22;
  private static final int ECANCELED = 125;

  private final long id = Exports.newId();
  private final StreamSource source;
  private final ReentrantLock lock = new ReentrantLock();
  private boolean released;
  private long lastError;

  private ExportedStream(StreamSource source) {
    this.source = source;
  }

  /**
   * Hands a stream over: from now on only its release ends it.
   *
   * @param source what it gives
   * @param target the address of a struct
   */
  public static void publish(StreamSource source, long target) {
    ExportedStream stream = new ExportedStream(source);
    Callbacks.fillStream(target);
    Memory.setWord(target + StructKind.STREAM.privateData(), stream.id);
    Exports.add(stream.id, stream);
  }

  /** Asks the stream behind a struct; {@link #EINVAL} if there is none any more. */
  private static int with(long struct, ToIntFunction<ExportedStream> call) {
    long id = Memory.word(struct + StructKind.STREAM.privateData());
    return Exports.find(id) instanceof ExportedStream stream ? call.applyAsInt(stream) : EINVAL;
  }

  static int getSchema(long struct, long target) {
    return with(struct, stream -> stream.answer(() -> stream.source.exportSchema(target)));
  }

  static int getNext(long struct, long target) {
    return with(
        struct,
        stream -> stream.answer(
            () -> {
              if (!stream.source.exportNext(target)) {
                Memory.setWord(target + StructKind.ARRAY.release(), 0);
              }
            }));
  }

  static long getLastError(long struct) {
    long id = Memory.word(struct + StructKind.STREAM.privateData());
    return Exports.find(id) instanceof ExportedStream stream ? stream.lastError : 0;
  }

  static void release(long struct) {
    Memory.setWord(struct + StructKind.STREAM.release(), 0);
    with(struct, ExportedStream::end);
  }

  private int end() {
    lock.lock();
    try {
      if (!released) {
        released = true;
        Exports.remove(id);
        forget();
        source.close();
      }
      return 0;
    } finally {
      lock.unlock();
    }
  }

  /** Runs a callback's work; what it throws becomes a number and a text. */
  private int answer(Runnable work) {
    lock.lock();
    try {
      if (released) {
        return EINVAL;
      }
      forget();
      work.run();
      return 0;
    } catch (Throwable thrown) { // an escape would end the process
      lastError = text(thrown);
      return number(thrown);
    } finally {
      lock.unlock();
    }
  }

  private void forget() {
    CCalls.free(lastError);
    lastError = 0;
  }

  private static int number(Throwable thrown) {
    return switch (thrown) {
      case OutOfMemoryError _ -> ENOMEM;
      case CancelledException _ -> ECANCELED;
      case FormatException failure when failure.code() == ErrorCode.FILE_IO -> EIO;
      case FormatException _,IllegalArgumentException _,UnsupportedOperationException _ -> EINVAL;
      default -> EIO;
    };
  }

  /** A string of C, or 0 if there is no memory for it. */
  private static long text(Throwable thrown) {
    try {
      byte[] text =
          (String.valueOf(thrown.getMessage()).replace('\0', ' ') + " (" + thrown.getClass()
              .getName() + ")\0").getBytes(StandardCharsets.UTF_8);
      long address = CCalls.allocate(text.length);
      Memory.write(address, text);
      return address;
    } catch (Throwable again) {
      return 0;
    }
  }
}
