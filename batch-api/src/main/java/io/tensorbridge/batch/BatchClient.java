package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.op.Options;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.SharedFile;
import java.nio.file.Path;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The client of a batch server: sends batches of tensors through shared memory; thread-safe.
 *
 * <pre>{@code
 * try (var client = BatchClient.connect(socketPath)) {
 *   Tensor weight = client.allocate(DType.F32, Shape.of(1280, 1280));
 *   try (BatchResult result =
 *       client.submit(Batch.of("quantize").option("scheme", "q8_0").add("a", weight)).get()) {
 *     result.output("a");
 *   }
 * }
 * }</pre>
 *
 * <table>
 *   <caption>Whose memory is it?</caption>
 *   <tr><th>memory</th><th>owner</th><th>given back by</th></tr>
 *   <tr><td>{@link #allocate}, {@link #share}</td><td>the caller</td>
 *       <td>{@link #release}, or closing the client</td></tr>
 *   <tr><td>{@link #file}</td><td>the {@link BatchFile}</td>
 *       <td>{@link BatchFile#close()}, or closing the client</td></tr>
 *   <tr><td>outputs</td><td>the {@link BatchResult}</td><td>{@link BatchResult#close()}</td></tr>
 *   <tr><td>copies of other tensors</td><td>the batch</td><td>the end of the batch</td></tr>
 * </table>
 *
 * <p>Memory that is given back serves the next tensor; {@link #trim()} returns what is idle to the
 * system.
 */
public final class BatchClient implements AutoCloseable {
  private final ClientCore core;
  private final ClientPlans plans;
  private final BatchResolver resolver;
  private final Set<Piece> tensors =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
  private final AtomicBoolean closed = new AtomicBoolean();

  private BatchClient(ClientCore core) {
    this.core = core;
    this.plans = new ClientPlans(core);
    this.resolver = new BatchResolver(core, plans);
  }

  /**
   * Joins the server that listens on a path.
   *
   * @param socketPath the server's socket
   * @return the client, owned by the caller
   * @throws BridgeException if nobody listens there or the server refuses
   */
  public static BatchClient connect(Path socketPath) {
    return over(LocalSocket.connect(socketPath), ClientOptions.defaults());
  }

  /**
   * Joins the server that listens on a path.
   *
   * @param socketPath the server's socket, with or without {@code unix:} before it
   * @return the client, owned by the caller
   * @throws BridgeException if nobody listens there or the server refuses
   */
  public static BatchClient connect(String socketPath) {
    return connect(Path.of(socketPath.startsWith("unix:") ? socketPath.substring(5) : socketPath));
  }

  /**
   * Joins a server over a connection.
   *
   * @param socket the client's end; the client's from now on, also if this fails
   * @return the client, owned by the caller
   * @throws BridgeException if the server refuses
   */
  public static BatchClient over(LocalSocket socket) {
    return over(socket, ClientOptions.defaults());
  }

  /**
   * Joins a server over a connection.
   *
   * @param socket the client's end; the client's from now on, also if this fails
   * @param options how to use memory and time
   * @return the client, owned by the caller
   * @throws BridgeException if the server refuses
   */
  public static BatchClient over(LocalSocket socket, ClientOptions options) {
    return new BatchClient(ClientCore.join(socket, options));
  }

  /**
   * A tensor in shared memory that the server may only read: for inputs.
   *
   * @param dtype the element encoding
   * @param shape the extents
   * @return a row-major tensor, not zeroed; until {@link #release} or {@link #close()}
   * @throws io.tensorbridge.QuotaException if the pool's bound or the server's quota is reached
   */
  public Tensor allocate(DType dtype, Shape shape) {
    return allocate(dtype, shape, Access.READ);
  }

  /**
   * A tensor in shared memory.
   *
   * @param dtype the element encoding
   * @param shape the extents
   * @param access what the server may do with it
   * @return a row-major tensor, not zeroed; until {@link #release} or {@link #close()}
   * @throws io.tensorbridge.QuotaException if the pool's bound or the server's quota is reached
   */
  public Tensor allocate(DType dtype, Shape shape, Access access) {
    TensorType type = new TensorType(dtype, shape);
    return own(core.pool().take(type.byteLength(), access), type);
  }

  /**
   * Copies a tensor into shared memory, once; batches then only describe it.
   *
   * @param source any tensor: heap, native or file, any strides
   * @return a row-major tensor of the same elements; until {@link #release} or {@link #close()}
   * @throws io.tensorbridge.QuotaException if the pool's bound or the server's quota is reached
   */
  public Tensor share(Tensor source) {
    return own(resolver.copyOf(source, Access.READ), source.type());
  }

  /**
   * Lets the server read a file; the client opens it and passes the descriptor.
   *
   * @param path a regular file that is not empty
   * @return the file, owned by the caller; closed with the client at the latest
   * @throws io.tensorbridge.FormatException if it can't be read
   * @throws io.tensorbridge.ProtocolException if the server can't read it safely, as one behind FUSE;
   *     {@link #share} its tensors then
   * @throws io.tensorbridge.QuotaException if the server's quota of regions is reached
   */
  public BatchFile file(Path path) {
    Piece piece = core.pool().addFile(SharedFile.open(path));
    tensors.add(piece);
    return new BatchFile(this, piece);
  }

  /** Gives back a file, unless that was done before. */
  void giveBack(Piece file) {
    if (tensors.remove(file)) {
      core.pool().drop(file);
    }
  }

  private Tensor own(Piece piece, TensorType type) {
    tensors.add(piece);
    return Tensor.of(piece.segment(), TensorLayout.rowMajor(type), Backing.SEALED);
  }

  /**
   * Gives back the memory of a tensor that was allocated or shared here; neither it nor a view of it
   * may be touched any more. Batches under way keep what they read.
   *
   * @param tensor the tensor, or any view of it
   * @throws IllegalArgumentException if it is not this client's, or was released before
   */
  public void release(Tensor tensor) {
    Piece piece = core.pool().find(tensor.segment());
    if (piece == null || !tensors.remove(piece)) {
      throw new IllegalArgumentException(
          tensor + " was not allocated by this client, or was released before");
    }
    core.pool().drop(piece);
  }

  /**
   * Sends a batch to the server.
   *
   * @param batch what to do; it may be changed afterwards
   * @return the batch under way
   * @throws BridgeException if the server can't be reached or memory can't be had; what is wrong
   *     with the batch itself is thrown by {@link BatchFuture#get()}
   */
  public BatchFuture submit(Batch batch) {
    return new BatchFuture(core, BatchFlight.run(core, resolver.resolve(batch)));
  }

  /**
   * Has the server validate a batch once, to run it many times.
   *
   * @param batch what to do; its tensors must not be released before the prepared batch is closed
   * @return the prepared batch, owned by the caller
   * @throws BridgeException if the server refuses the batch
   */
  public PreparedBatch prepare(Batch batch) {
    ResolvedBatch resolved = resolver.resolve(batch);
    long statusBytes = StatusReader.byteLength(batch.items().size(), 0);
    try {
      Piece frame =
          core.pool().take(statusBytes + resolved.block().byteLength(), Access.READWRITE);
      try {
        long id = core.call(SubmissionKind.PREPARE, resolved.block(), frame, statusBytes);
        return new PreparedBatch(core, resolved, id);
      } finally {
        core.pool().drop(frame);
      }
    } catch (RuntimeException | Error failure) {
      resolved.inputs().forEach(core.pool()::drop);
      throw failure;
    }
  }

  /**
   * What an operation will put out; asked once and remembered.
   *
   * @param operation one of {@link #operations()}
   * @param options its options
   * @param inputs the types of one item's inputs
   * @return label, weight, and name and type of each output
   * @throws BridgeException if the operation does not take these types or options
   */
  public PlanRecord plan(String operation, Options options, TensorType... inputs) {
    return plans.plan(new ClientPlans.Key(operation, options, List.of(inputs)));
  }

  /**
   * The operations that the server offers.
   *
   * @return a line for people by name, in the server's order
   * @throws BridgeException if the server can't be reached
   */
  public SequencedMap<String, String> operations() {
    SequencedMap<String, String> operations = new LinkedHashMap<>();
    for (OperationList.Operation operation : core.link().operations()) {
      operations.put(operation.name(), operation.summary());
    }
    return operations;
  }

  /**
   * Returns memory that is not in use to the system.
   *
   * @return bytes given back
   */
  public long trim() {
    return core.pool().trim();
  }

  /**
   * The shared memory of this client, in use or idle.
   *
   * @return bytes
   */
  public long poolBytes() {
    return core.pool().mappedBytes();
  }

  /**
   * The shared memory that tensors, results and batches under way hold now.
   *
   * @return bytes, padding included
   */
  public long usedBytes() {
    return core.pool().usedBytes();
  }

  /**
   * Ends the connection. Batches under way end in {@link io.tensorbridge.BridgeClosedException};
   * tensors of this client are released; results stay until they are closed.
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      core.close();
      synchronized (tensors) {
        tensors.forEach(core.pool()::drop);
        tensors.clear();
      }
    }
  }
}
