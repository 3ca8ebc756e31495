/**
 * NumPy's files: {@code .npy} with one array, {@code .npz} with many by name.
 *
 * <p>Reading maps the file and checks every rule of the format before it answers; what the header
 * says is read by a parser of exactly the Python literals that NumPy writes, and nothing is ever
 * unpickled. Which bytes are copied:
 *
 * <table>
 *   <caption>What {@code tensor()} returns</caption>
 *   <tr><th>stored</th><th>{@link io.tensorbridge.shm.npy.NpyFile}</th>
 *       <th>{@link io.tensorbridge.shm.npy.NpzFile}</th></tr>
 *   <tr><td>little-endian, C order</td><td>mapped</td><td>mapped</td></tr>
 *   <tr><td>little-endian, Fortran order</td><td>mapped, column-major</td>
 *       <td>copied to row-major</td></tr>
 *   <tr><td>big-endian</td><td colspan="2">copied to little-endian</td></tr>
 *   <tr><td>compressed ({@code np.savez_compressed})</td><td>-</td><td>copied</td></tr>
 * </table>
 *
 * <p>Mapped tensors are of {@link io.tensorbridge.Backing#FILE}, copies of {@link
 * io.tensorbridge.Backing#PRIVATE}; a copy is made at the first use and lives as long as the file
 * is open.
 *
 * <p>The format is that of <a
 * href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">numpy.lib.format</a>,
 * versions 1.0, 2.0 and 3.0.
 */
@NullMarked
package io.tensorbridge.shm.npy;

import org.jspecify.annotations.NullMarked;
