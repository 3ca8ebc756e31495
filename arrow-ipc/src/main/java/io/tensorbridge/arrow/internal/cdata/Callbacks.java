package io.tensorbridge.arrow.internal.cdata;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.function.IntSupplier;

/**
 * The functions that C calls: six for all exports, made on first use and kept, since a stub that is
 * freed while somebody may still call it ends the process. None of them throws.
 *
 * <p>Any thread may call them; the JVM attaches those that it doesn't know.
 */
final class Callbacks {
  private static final System.Logger LOG =
      System.getLogger("io.tensorbridge.arrow.cdata");

  private Callbacks() {}

  /** The stubs of arrays and schemas. */
  private static final class Trees {
    static final FunctionDescriptor RELEASE = FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG);
    static final long SCHEMA = stub("releaseSchema", RELEASE);
    static final long ARRAY = stub("releaseArray", RELEASE);

    private Trees() {}
  }

  /** The stubs of streams. */
  private static final class Streams {
    static final FunctionDescriptor FILL =
        FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);
    static final long GET_SCHEMA = stub("getSchema", FILL);
    static final long GET_NEXT = stub("getNext", FILL);
    static final long GET_LAST_ERROR =
        stub(
            "getLastError", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    static final long RELEASE = stub("releaseStream", Trees.RELEASE);

    private Streams() {}
  }

  @SuppressWarnings("restricted")
  private static long stub(String method, FunctionDescriptor signature) {
    try {
      MethodHandle target =
          MethodHandles.lookup()
              .findStatic(Callbacks.class, method, signature.toMethodType());
      return Linker.nativeLinker().upcallStub(target, signature, Arena.global()).address();
    } catch (ReflectiveOperationException impossible) {
      throw new LinkageError("a private method is missing", impossible);
    }
  }

  /** The address of the release callback of schemas or arrays. */
  static long release(StructKind kind) {
    return switch (kind) {
      case SCHEMA -> Trees.SCHEMA;
      case ARRAY -> Trees.ARRAY;
      case STREAM -> Streams.RELEASE;
    };
  }

  /** Writes all callbacks into the struct of a stream. */
  static void fillStream(long struct) {
    Memory.setWord(struct + StructKind.GET_SCHEMA, Streams.GET_SCHEMA);
    Memory.setWord(struct + StructKind.GET_NEXT, Streams.GET_NEXT);
    Memory.setWord(struct + StructKind.GET_LAST_ERROR, Streams.GET_LAST_ERROR);
    Memory.setWord(struct + StructKind.STREAM.release(), Streams.RELEASE);
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static void releaseSchema(long struct) {
    ending(() -> ExportedTree.release(StructKind.SCHEMA, struct));
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static void releaseArray(long struct) {
    ending(() -> ExportedTree.release(StructKind.ARRAY, struct));
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static void releaseStream(long struct) {
    ending(() -> ExportedStream.release(struct));
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static int getSchema(long struct, long target) {
    return filling(() -> ExportedStream.getSchema(struct, target));
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static int getNext(long struct, long target) {
    return filling(() -> ExportedStream.getNext(struct, target));
  }

  @SuppressWarnings("UnusedMethod") // called by C
  private static long getLastError(long struct) {
    try {
      return ExportedStream.getLastError(struct);
    } catch (Throwable thrown) { // an escape would end the process
      log(thrown);
      return 0;
    }
  }

  private static int filling(IntSupplier work) {
    try {
      return work.getAsInt();
    } catch (Throwable thrown) { // an escape would end the process
      log(thrown);
      return ExportedStream.EIO;
    }
  }

  /** A release can't tell its caller that something failed. */
  private static void ending(Runnable work) {
    try {
      work.run();
    } catch (Throwable thrown) { // an escape would end the process
      log(thrown);
    }
  }

  private static void log(Throwable thrown) {
    try {
      LOG.log(System.Logger.Level.ERROR, "a callback of exported Arrow data failed", thrown);
    } catch (Throwable again) {
      // nobody is left to be told
    }
  }
}
