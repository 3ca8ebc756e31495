package io.tensorbridge.shm.internal.posix;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The door to the kernel: {@code long syscall(long number, ...)}, bound once, on first use.
 *
 * <p>Results are as the kernel gives them: 0 or more, or the negated error number. Addresses are
 * passed as plain numbers, so the caller keeps the memory alive during the call.
 */
final class Kernel {
  private static final MethodHandle SYSCALL = bindOrExplain();
  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(PathElement.groupElement("errno"));

  /** Whether {@link Lean} is linked. */
  private static volatile boolean lean;

  /** The same function without {@code errno}, whose capture makes an object in each call. */
  private static final class Lean {
    static final MethodHandle SYSCALL = bindLean();
  }

  private Kernel() {}

  /** Links what {@link #callLean} calls: some milliseconds, for processes that call very often. */
  static void linkLean() {
    if (Machine.current() != Machine.UNSUPPORTED) {
      lean = Lean.SYSCALL != null;
    }
  }

  /**
   * Calls until the call is not interrupted, without making an object once {@link #linkLean()} has
   * ended.
   *
   * <p>A call that fails is made again to learn why: for calls that have no effect if they fail.
   */
  static long callLean(Syscall syscall, long a, long b, long c, long d, long e, long f) {
    if (lean) {
      long result;
      try {
        result = (long) Lean.SYSCALL.invokeExact(syscall.number(), a, b, c, d, e, f);
      } catch (RuntimeException | Error failure) {
        throw failure;
      } catch (Throwable impossible) {
        throw new AssertionError("a downcall throws nothing checked", impossible);
      }
      if (result != -1) {
        return result;
      }
    }
    return call(syscall, a, b, c, d, e, f);
  }

  static long call(Syscall syscall, long a, long b) {
    return call(syscall, a, b, 0, 0, 0, 0);
  }

  static long call(Syscall syscall, long a, long b, long c) {
    return call(syscall, a, b, c, 0, 0, 0);
  }

  static long call(Syscall syscall, long a, long b, long c, long d) {
    return call(syscall, a, b, c, d, 0, 0);
  }

  /** Calls until the call is not interrupted. */
  static long call(Syscall syscall, long a, long b, long c, long d, long e, long f) {
    long result;
    do {
      result = callOnce(syscall, a, b, c, d, e, f);
    } while (result == -Errno.EINTR);
    return result;
  }

  static long callOnce(Syscall syscall, long a, long b, long c, long d, long e, long f) {
    MemorySegment state = ThreadScratch.current();
    long result;
    try {
      result = (long) SYSCALL.invokeExact(state, syscall.number(), a, b, c, d, e, f);
    } catch (RuntimeException | Error failure) {
      throw failure;
    } catch (Throwable impossible) {
      throw new AssertionError("a downcall throws nothing checked", impossible);
    }
    return result == -1 ? -state.get(ValueLayout.JAVA_INT, ERRNO_OFFSET) : result;
  }

  /** The result of a call that must not fail. */
  static long require(Syscall syscall, long result, String subject) {
    if (result < 0 && result >= -Errno.MAX) {
      throw Errno.failure(syscall, (int) -result, subject);
    }
    return result;
  }

  /**
   * The handle, or one that says at each call what is missing: an error in a class initialiser
   * would be explained to the first caller only.
   */
  private static MethodHandle bindOrExplain() {
    if (Machine.current() == Machine.UNSUPPORTED) {
      return refusal(
          "shared memory needs Linux on x86-64 or aarch64, but this is " + Machine.describe());
    }
    try {
      // Loads what failures need: without free descriptors no class can be read from a directory.
      ResourceException _ = Errno.failure("", Errno.EMFILE);
      return bind();
    } catch (IllegalCallerException denied) {
      return refusal(
          "native access is denied; start java with --enable-native-access=ALL-UNNAMED"
              + " (or =io.tensorbridge.shm on the module path)");
    }
  }

  private static MethodHandle bind() {
    return link(Linker.Option.firstVariadicArg(1), Linker.Option.captureCallState("errno"));
  }

  private static MethodHandle bindLean() {
    return link(Linker.Option.firstVariadicArg(1));
  }

  @SuppressWarnings("restricted")
  private static MethodHandle link(Linker.Option... options) {
    ValueLayout.OfLong word = ValueLayout.JAVA_LONG;
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("syscall"),
        FunctionDescriptor.of(word, word, word, word, word, word, word, word),
        options);
  }

  private static MethodHandle refusal(String reason) {
    try {
      MethodHandle refuse =
          MethodHandles.lookup()
              .findStatic(
                  Kernel.class, "refuse", MethodType.methodType(long.class, String.class));
      Class<?> word = long.class;
      return MethodHandles.dropArguments(
          refuse.bindTo(reason), 0, MemorySegment.class, word, word, word, word, word, word, word);
    } catch (ReflectiveOperationException impossible) {
      throw new LinkageError("a private method is missing", impossible);
    }
  }

  @SuppressWarnings("UnusedMethod") // called through a method handle
  private static long refuse(String reason) {
    throw new ResourceException(ErrorCode.UNSUPPORTED_PLATFORM, reason);
  }
}
