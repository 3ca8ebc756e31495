/**
 * The system calls of shared memory, bound through {@link java.lang.foreign.Linker}. The only package of
 * this module that may use it.
 */
@NullMarked
package io.tensorbridge.shm.internal.posix;

import org.jspecify.annotations.NullMarked;
