/**
 * The system calls of shared memory: the only package of this module that uses {@link
 * java.lang.foreign.Linker}.
 *
 * <p>Everything goes through one downcall handle, that of the C library's {@code syscall}: binding a
 * handle costs 150 to 200 ms for the first and 16 to 40 ms for each further signature, which a
 * command line tool would pay at each start. {@code Kernel} owns the handle, {@code Syscall} the
 * numbers, {@code ...Calls} the typed calls by theme, {@code ...Layout} the C structures.
 *
 * <p>Interrupted calls ({@code EINTR}) are repeated. A failed call throws a {@link
 * io.tensorbridge.ResourceException}, except where a method says that it returns the negated error
 * number. Blocking calls pin a virtual thread to its carrier and are not woken by {@link
 * Thread#interrupt()}.
 */
@NullMarked
package io.tensorbridge.shm.internal.posix;

import org.jspecify.annotations.NullMarked;
