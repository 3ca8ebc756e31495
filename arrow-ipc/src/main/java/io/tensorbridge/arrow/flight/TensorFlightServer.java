package io.tensorbridge.arrow.flight;

import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.WorkerPool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLException;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.jspecify.annotations.Nullable;

/**
 * A Flight server of this process: tables by name, and operations; thread-safe.
 *
 * <p>Tables live in shared regions as long as the server does, within {@link
 * FlightOptions#maxBytes()}. Closing ends the calls and unmaps what they held.
 */
public final class TensorFlightServer implements AutoCloseable {
  private static final int WINDOW_BYTES = 16 << 20;
  /** Netty's own limit of 64 KiB costs a table of 400 MB some thousand calls more. */
  private static final int MOST_READ_BYTES = 1 << 20;
  private static final int FIRST_READ_BYTES = 1 << 16;
  private static final int LEAST_READ_BYTES = 1 << 10;
  /**
   * What may lie in a channel before it takes no more. A frame is no longer than that, and each
   * flush fills it: Netty's own 64 KiB make 6,000 writes of a table of 400 MB, which then takes
   * 1.3 times as long.
   */
  private static final WriteBufferWaterMark UNSENT =
      new WriteBufferWaterMark(1 << 20, 2 << 20);
  private static final int PATIENCE_SECONDS = 2;
  private static final String REUSE_CONNECTION = "arrow-flight-reuse-connection://?";

  /** Tells of each client that goes away, with a stack trace; kept, or its level would be lost. */
  private final Logger transportLog = Logger.getLogger("io.grpc.netty.NettyServerHandler");
  private final FlightOptions options;
  private final SlabPool pool;
  private final TableStore tables;
  private final WorkerPool workers;
  private final ExecutorService exchanges;
  private final Server server;

  private TensorFlightServer(FlightOptions options, OpRegistry operations) {
    transportLog.setLevel(Level.SEVERE);
    this.options = options;
    this.pool = new SlabPool(options.maxBytes());
    this.tables = new TableStore(pool);
    this.workers = new WorkerPool(options.threads(), "flight-worker");
    this.exchanges = Executors.newCachedThreadPool(
        Thread.ofPlatform().daemon().name("flight-exchange-", 0).factory());
    FlightService service =
        new FlightService(tables, pool, operations, workers, this::locations);
    NettyServerBuilder builder = NettyServerBuilder
        .forAddress(new InetSocketAddress(options.host(), options.port()))
        .maxInboundMessageSize(Integer.MAX_VALUE)
        .flowControlWindow(WINDOW_BYTES)
        .withChildOption(ChannelOption.RECVBUF_ALLOCATOR,
            new AdaptiveRecvByteBufAllocator(LEAST_READ_BYTES, FIRST_READ_BYTES, MOST_READ_BYTES))
        .withChildOption(ChannelOption.WRITE_BUFFER_WATER_MARK, UNSENT)
        .directExecutor()
        .callExecutor(new Exchanges(exchanges))
        .addService(service.define());
    try {
      options.tokenFile().ifPresent(file -> builder.intercept(TokenCheck.of(file)));
      encrypt(builder);
      this.server = builder.build().start();
    } catch (IOException taken) {
      endThreads();
      throw new ResourceException(ErrorCode.SYSTEM_CALL, "can't listen on " + options.host() + ":"
          + options.port() + ": " + taken, taken);
    } catch (RuntimeException | Error failure) {
      endThreads();
      throw failure;
    }
  }

  /**
   * Calls run where their messages arrive, which saves each message two changes of threads; but
   * those that run operations, for however long, do so in threads of their own.
   */
  private record Exchanges(Executor threads) implements ServerCallExecutorSupplier {
    @Override
    public <Q, S> @Nullable Executor getExecutor(ServerCall<Q, S> call, Metadata headers) {
      return call.getMethodDescriptor().getFullMethodName()
          .equals(FlightServiceGrpc.getDoExchangeMethod().getFullMethodName()) ? threads : null;
    }
  }

  private void encrypt(NettyServerBuilder builder) {
    if (options.certificate().isEmpty() || options.privateKey().isEmpty()) {
      return;
    }
    Path certificate = options.certificate().get();
    Path key = options.privateKey().get();
    try {
      SslContextBuilder context = GrpcSslContexts.configure(
          SslContextBuilder.forServer(certificate.toFile(), key.toFile()), SslProvider.JDK);
      options.clientAuthority().ifPresent(authority -> context.trustManager(authority.toFile())
          .clientAuth(ClientAuth.REQUIRE));
      builder.sslContext(context.build());
    } catch (SSLException | IllegalArgumentException unreadable) {
      throw new OptionException(ErrorCode.BAD_OPTION, "flight-cert", "the certificate "
          + certificate + ", its key " + key + " (PKCS #8 in PEM) or the authority of clients can't"
          + " be used: " + unreadable);
    }
  }

  /**
   * Begins to listen.
   *
   * @param options where, and for whom
   * @param operations what {@code DoExchange} runs
   * @return the server, owned by the caller
   * @throws OptionException if a certificate, key or token can't be used
   * @throws io.tensorbridge.FormatException if the token can't be read
   * @throws ResourceException if the address can't be had
   */
  public static TensorFlightServer start(FlightOptions options, OpRegistry operations) {
    return new TensorFlightServer(options, operations);
  }

  /**
   * The port that clients connect to.
   *
   * @return the one asked for, or the free one that was found
   */
  public int port() {
    return server.getPort();
  }

  /**
   * The location that clients connect to.
   *
   * @return for example {@code grpc+tcp://127.0.0.1:31337}
   */
  public String location() {
    String scheme = options.certificate().isPresent() ? "grpc+tls" : "grpc+tcp";
    return scheme + "://" + options.host() + ":" + port();
  }

  private List<String> locations() {
    List<String> locations = new ArrayList<>();
    InetAddress bound = new InetSocketAddress(options.host(), 0).getAddress();
    locations.add(
        bound != null && bound.isAnyLocalAddress() ? REUSE_CONNECTION : location());
    options.socket().ifPresent(path -> locations.add("unix:" + path.toAbsolutePath()));
    return locations;
  }

  /**
   * The memory of tables and batches.
   *
   * @return bytes mapped, at most {@link FlightOptions#maxBytes()}
   */
  public long mappedBytes() {
    return pool.bytes();
  }

  /**
   * Waits until the server is closed.
   *
   * @throws InterruptedException if the waiting thread is interrupted
   */
  public void awaitEnd() throws InterruptedException {
    server.awaitTermination();
  }

  /** Ends the calls and gives everything back. Closing twice does nothing. */
  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        server.shutdownNow().awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException interrupted) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    tables.close();
    pool.close();
    endThreads();
  }

  private void endThreads() {
    exchanges.shutdown();
    workers.close();
  }
}
