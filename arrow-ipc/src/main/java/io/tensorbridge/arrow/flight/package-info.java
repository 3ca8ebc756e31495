/**
 * Arrow Flight: tables and tensors by name, and every operation, for clients on any machine.
 *
 * <pre>{@code
 *   DoPut      a table ────────────────> slabs of shared memory, within a quota
 *   DoGet      a name  <──────────────── the same messages, from the slabs into the socket
 *   DoExchange batches of tensors ─────> operation ─────> batches of results
 * }</pre>
 *
 * <p>Terms, beside those of {@link io.tensorbridge.arrow}:
 *
 * <dl>
 *   <dt>slab
 *   <dd>a region that holds messages of one table, and is used again when that is gone
 * </dl>
 *
 * <p>The messages of a table are kept as they came: nothing is decoded to store or to send it, and no
 * vector of Arrow Java is made. Of Arrow's Flight only the generated messages are used. Only {@link
 * io.tensorbridge.arrow.flight.FlightOptions} and {@link
 * io.tensorbridge.arrow.flight.TensorFlightServer} are public; no class of gRPC or Netty loads before
 * the server starts.
 */
@NullMarked
package io.tensorbridge.arrow.flight;

import org.jspecify.annotations.NullMarked;
