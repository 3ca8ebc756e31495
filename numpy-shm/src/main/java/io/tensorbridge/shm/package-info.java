/**
 * Memory shared with NumPy and native processes: regions over sealed memory descriptors, their
 * passing between processes, and named POSIX shared memory.
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
 * <p>Which memory to choose:
 *
 * <table>
 *   <caption>Ways to share bytes with Python</caption>
 *   <tr><th>class</th><th>found by</th><th>sealed</th><th>kernels</th><th>left behind after a crash</th></tr>
 *   <tr><td>{@link io.tensorbridge.shm.SharedRegion}</td><td>a passed descriptor</td><td>yes</td>
 *       <td>in place</td><td>nothing</td></tr>
 *   <tr><td>{@link io.tensorbridge.shm.SharedFile}</td><td>a passed descriptor</td><td>no</td>
 *       <td>copy first</td><td>the file</td></tr>
 *   <tr><td>{@link io.tensorbridge.shm.NamedSharedMemory}</td><td>a name</td><td>no</td>
 *       <td>copy first</td><td>the segment, until unlinked</td></tr>
 *   <tr><td>{@link io.tensorbridge.shm.npy}</td>
 *       <td>a path</td><td>no</td><td>copy first</td><td>the file</td></tr>
 * </table>
 *
 * <p>Linux on x86-64 or aarch64; elsewhere the first call throws {@link
 * io.tensorbridge.ResourceException} with {@code UNSUPPORTED_PLATFORM}. Java must run with {@code
 * --enable-native-access}. Calls that wait pin a virtual thread to its carrier and do not end by
 * {@link Thread#interrupt()}; closing the object, or its peer's act, ends them.
 */
@NullMarked
package io.tensorbridge.shm;

import org.jspecify.annotations.NullMarked;
