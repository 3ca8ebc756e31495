/**
 * Memory shared with NumPy and native processes: regions over sealed memory descriptors, their
 * passing between processes, named POSIX shared memory, and {@code .npy} and {@code .npz} files.
 *
 * <p>Terms, beside those of {@link io.tensorbridge}:
 *
 * <dl>
 *   <dt>{@linkplain io.tensorbridge.shm.Fd descriptor}
 *   <dd>a number by which this process knows an open kernel object; one object has one owner
 *   <dt>{@linkplain io.tensorbridge.shm.SharedRegion seal}
 *   <dd>a promise of the kernel that a memory file keeps its size, or its bytes
 *   <dt>{@linkplain io.tensorbridge.shm.Doorbell doorbell}
 *   <dd>what wakes a sleeping peer
 * </dl>
 *
 * <p>Linux on x86-64 or aarch64; elsewhere the first call throws {@link
 * io.tensorbridge.ResourceException} with {@code UNSUPPORTED_PLATFORM}. Java must run with {@code
 * --enable-native-access}. Calls that wait pin a virtual thread to its carrier and do not end by
 * {@link Thread#interrupt()}; closing the object, or its peer's act, ends them.
 */
@NullMarked
package io.tensorbridge.shm;

import org.jspecify.annotations.NullMarked;
