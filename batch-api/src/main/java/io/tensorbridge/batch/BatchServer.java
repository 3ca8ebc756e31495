package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.batch.ops.DiagnosticOperations;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.TensorOpProvider;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.shm.LocalServerSocket;
import io.tensorbridge.shm.LocalSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs batches of tensor operations for other processes of this machine, on their memory;
 * thread-safe.
 *
 * <p>Clients speak the wire format of {@code spec/}: they register sealed shared memory and submit
 * batches through rings in it. When a client ends, however it ends, all that it held is released;
 * other clients notice nothing. What a client writes is copied before it is checked and checked
 * before it is used.
 *
 * <table>
 *   <caption>Two ways to serve</caption>
 *   <tr><th></th><th>clients</th><th>ends</th></tr>
 *   <tr><td>{@link #listen}</td><td>any process of this user, or root, and of whom {@link Admission} names</td><td>by {@link #close()}</td></tr>
 *   <tr><td>{@link #serve}</td><td>the process at the other end</td><td>with that process, too</td></tr>
 * </table>
 */
public final class BatchServer implements AutoCloseable {
  private static final long PLAN_BYTES = 16 << 20;
  private static final Duration OBSERVE_PATIENCE = Duration.ofSeconds(5);
  /** What is known of items takes about 80 MiB at most. */
  private static final long KNOWN_ITEM_WORDS = 1 << 20;

  private final Engine engine;
  private final ExecutorService unmapper;
  private final Dispatcher dispatcher;
  private final Thread thread;
  private final @Nullable Path path;

  /**
   * What a server holds for its clients.
   *
   * @param clients connections, those included that are just ending
   * @param regions mapped regions
   * @param regionBytes their bytes
   * @param leases leases of batches on regions
   * @param batches batches in flight, waiting or prepared
   */
  public record Usage(int clients, int regions, long regionBytes, int leases, int batches) {}

  private BatchServer(
      ServerOptions options, @Nullable LocalServerSocket server, @Nullable LocalSocket only) {
    OpRegistry operations = new OpRegistry(providers(options));
    unmapper = unmapper();
    engine =
        new Engine(
            options,
            operations,
            new PlanCache(operations, PLAN_BYTES),
            new WorkerPool(options.threads(), "tensorbridge-worker"),
            new DeadlineQueue(),
            unmapper,
            BellWatch.start(),
            new DescriptorCloser(),
            new ServerCounters(),
            new ServerEvents(),
            new ItemBudget(KNOWN_ITEM_WORDS),
            new BlockMemory());
    ServerLog log = new ServerLog(server != null, options.log());
    ClientListener listener =
        server == null ? null : new ClientListener(server, options, engine.closer(), log);
    path = server == null ? null : server.path();
    dispatcher = new Dispatcher(engine, log, listener);
    if (only != null) {
      dispatcher.connect(only);
    }
    thread = Thread.ofPlatform().name("tensorbridge-dispatcher").daemon().unstarted(this::run);
  }

  /** Its thread is there from the start: later there might be none to be had. */
  private static ExecutorService unmapper() {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            BatchServer::unmapperThread);
    executor.prestartCoreThread();
    return executor;
  }

  private static Thread unmapperThread(Runnable task) {
    return Thread.ofPlatform().name("tensorbridge-unmapper").daemon().unstarted(task);
  }

  private static List<TensorOpProvider> providers(ServerOptions options) {
    List<TensorOpProvider> providers = new ArrayList<>(options.operations());
    ServiceLoader.load(TensorOpProvider.class, BatchServer.class.getClassLoader())
        .forEach(providers::add);
    if (options.diagnostics()) {
      providers.addAll(DiagnosticOperations.providers());
    }
    return providers;
  }

  /**
   * Serves any number of clients at a path. The directory is made for this user only, or, where
   * {@link ServerOptions#admission()} names others, such that they reach the socket; all who may not
   * be clients are refused.
   *
   * @param socket where to listen
   * @param options limits and habits
   * @return the running server, owned by the caller
   * @throws BridgeException if nobody can listen there
   */
  public static BatchServer listen(Path socket, ServerOptions options) {
    LocalServerSocket server = LocalServerSocket.bind(socket, options.admission().admitsOthers());
    try {
      return start(new BatchServer(options, server, null));
    } catch (RuntimeException | Error failure) {
      server.close();
      throw failure;
    }
  }

  /**
   * Serves the one client at the other end of a connection, and ends with it.
   *
   * @param inherited the connection; from now on the server's
   * @param options limits and habits
   * @return the running server, owned by the caller
   */
  public static BatchServer serve(LocalSocket inherited, ServerOptions options) {
    return start(new BatchServer(options, null, inherited));
  }

  private static BatchServer start(BatchServer server) {
    server.thread.start();
    return server;
  }

  private void run() {
    try {
      dispatcher.run();
    } finally {
      engine.pool().close();
      engine.bells().close();
      unmapper.close();
      dispatcher.dispose();
      engine.events().close();
    }
  }

  /**
   * Where clients connect.
   *
   * @return the path given to {@link #listen}, or empty
   */
  public Optional<Path> path() {
    return Optional.ofNullable(path);
  }

  /**
   * What the server holds for its clients now.
   *
   * @return a snapshot; all zero when no client is left
   */
  public Usage usage() {
    return engine.counters().usage();
  }

  /**
   * What the server does, and each of its clients: what {@code tensorbridge top} shows.
   *
   * @return a snapshot
   * @throws BridgeClosedException if the server has ended
   * @throws io.tensorbridge.BridgeTimeoutException if it has no time to answer
   */
  public Observation observe() {
    CompletableFuture<Observation> answer = new CompletableFuture<>();
    dispatcher.execute(() -> answer.complete(dispatcher.observe(ProcessUser.own(), 0)));
    return Waiting.forResult(
        answer,
        OBSERVE_PATIENCE.toNanos(),
        () -> thread.isAlive()
            ? new BridgeTimeoutException("the server had no time to be observed")
            : new BridgeClosedException("the server has ended"));
  }

  /**
   * Waits until the server has ended: after {@link #close()}, or with its only client.
   *
   * @throws InterruptedException if the waiting thread is interrupted
   */
  public void awaitEnd() throws InterruptedException {
    thread.join();
  }

  /**
   * Refuses new clients, cancels all batches, releases everything, and waits for that: no longer
   * than the chunks in work take.
   */
  @Override
  public void close() {
    try {
      dispatcher.close();
    } catch (BridgeClosedException ended) {
      // with its only client
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException wakeup) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
