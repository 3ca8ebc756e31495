/**
 * Arrow Java's vectors over the same memory as our columns, and the other way round; nothing is
 * copied.
 *
 * <table>
 *   <caption>Ways between the two</caption>
 *   <tr><th>from</th><th>to</th><th>by</th><th>the memory is freed</th></tr>
 *   <tr><td>{@link io.tensorbridge.arrow.ArrowBatch}</td><td>{@code VectorSchemaRoot}</td>
 *       <td>{@link io.tensorbridge.arrow.vector.ArrowVectors}</td>
 *       <td>with the last {@code ArrowBuf}</td></tr>
 *   <tr><td>{@code VectorSchemaRoot}</td><td>{@link io.tensorbridge.arrow.ArrowBatch}</td>
 *       <td>{@link io.tensorbridge.arrow.vector.VectorBatch}</td>
 *       <td>not before it is closed</td></tr>
 *   <tr><td>a {@link io.tensorbridge.Region}</td><td>new vectors</td>
 *       <td>{@link io.tensorbridge.arrow.vector.RegionAllocations}</td>
 *       <td>with the region, after the last {@code ArrowBuf}</td></tr>
 * </table>
 *
 * <p>Needs {@code arrow-vector} on the class path, and {@code
 * --add-opens=java.base/java.nio=ALL-UNNAMED}, which Arrow Java needs itself; no other package of
 * Tensorbridge does.
 */
@NullMarked
package io.tensorbridge.arrow.vector;

import org.jspecify.annotations.NullMarked;
