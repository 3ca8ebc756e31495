package io.tensorbridge.arrow.internal.cdata;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Calls into C. Addresses are passed as words, so that three signatures serve all functions: linking
 * one takes tens of milliseconds.
 */
public final class CCalls {
  private CCalls() {}

  /** {@code void f(pointer)}: the release callbacks and {@code free}. */
  private static final class Ending {
    static final MethodHandle HANDLE =
        link(FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
    static final MemorySegment FREE = function("free");

    private Ending() {}
  }

  /** {@code pointer f(word)}: {@code malloc} and {@code get_last_error}. */
  private static final class Giving {
    static final MethodHandle HANDLE =
        link(FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    static final MemorySegment MALLOC = function("malloc");

    private Giving() {}
  }

  /** {@code int f(pointer, pointer)}: {@code get_schema} and {@code get_next}. */
  private static final class Filling {
    static final MethodHandle HANDLE =
        link(
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    private Filling() {}
  }

  @SuppressWarnings("restricted")
  private static MethodHandle link(FunctionDescriptor signature) {
    return Linker.nativeLinker().downcallHandle(signature);
  }

  private static MemorySegment function(String name) {
    return Linker.nativeLinker().defaultLookup().findOrThrow(name);
  }

  /**
   * Allocates memory that any thread may free.
   *
   * @param byteSize how many bytes, not 0
   * @return its address, a multiple of 16; the bytes are undefined
   * @throws ResourceException if there is none
   */
  public static long allocate(long byteSize) {
    long address = give(Giving.MALLOC, byteSize);
    if (address == 0) {
      throw new ResourceException(
          ErrorCode.OUT_OF_MEMORY, "malloc has no " + byteSize + " bytes for structs of C");
    }
    return address;
  }

  /**
   * Frees memory.
   *
   * @param address of {@link #allocate}, or 0
   */
  public static void free(long address) {
    end(Ending.FREE, address);
  }

  /**
   * Calls a release callback.
   *
   * @param function its address
   * @param struct what it gets
   */
  public static void release(long function, long struct) {
    end(MemorySegment.ofAddress(function), struct);
  }

  /**
   * Calls {@code get_schema} or {@code get_next}.
   *
   * @param function its address
   * @param stream the stream
   * @param target what the callback fills
   * @return 0 or an error number
   */
  public static int fill(long function, long stream, long target) {
    try {
      return (int) Filling.HANDLE.invokeExact(MemorySegment.ofAddress(function), stream, target);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /**
   * Calls {@code get_last_error}.
   *
   * @param function its address
   * @param stream the stream
   * @return the address of a string, or 0
   */
  public static long lastError(long function, long stream) {
    return give(MemorySegment.ofAddress(function), stream);
  }

  private static void end(MemorySegment function, long argument) {
    try {
      Ending.HANDLE.invokeExact(function, argument);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  private static long give(MemorySegment function, long argument) {
    try {
      return (long) Giving.HANDLE.invokeExact(function, argument);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  private static RuntimeException unchecked(Throwable thrown) {
    switch (thrown) {
      case RuntimeException failure -> throw failure;
      case Error failure -> throw failure;
      default -> throw new AssertionError("a downcall throws nothing checked", thrown);
    }
  }
}
