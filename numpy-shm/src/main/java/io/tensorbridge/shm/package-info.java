/**
 * Memory shared with NumPy and native processes: regions over sealed memory descriptors, their passing
 * between processes, named POSIX shared memory, and {@code .npy} files.
 */
@NullMarked
package io.tensorbridge.shm;

import org.jspecify.annotations.NullMarked;
