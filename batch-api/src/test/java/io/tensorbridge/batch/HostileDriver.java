package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Poller;
import io.tensorbridge.shm.ProcessFd;
import io.tensorbridge.shm.Received;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Plays the steps of {@code spec/hostile} over one connection, by raw messages and memory; see the
 * README there.
 */
final class HostileDriver implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int ENTRIES = 8;
  private static final long REGION_BYTES = 65_536;
  private static final long STATUS_AT = 16_384;
  private static final long PROBE_ID = 0xF00D;
  private static final int O_WRONLY = 1;
  private static final int READ_SEALS = 23;
  private static final int READWRITE_SEALS = 7;

  private final SpecFile bases;
  private final LocalSocket socket;
  private final Process other;
  private final Path folder;
  private final Map<String, Memory> regions = new HashMap<>();
  private final Deque<Runnable> opened = new ArrayDeque<>();
  private final MemorySegment incoming = Arena.ofAuto().allocate(MessageHeader.MAX_MESSAGE_BYTES);
  private final List<Doorbell> doorbells = new ArrayList<>();
  private int submitted;
  private int taken;

  /** A memfd and its mapping. */
  private record Memory(Fd fd, MemorySegment mapping) {}

  /**
   * Connects; the stage {@code raw}.
   *
   * @param other any other living process
   * @param folder holds {@code file}, 65536 bytes on disk, and {@code pipe}, a named pipe
   */
  HostileDriver(SpecFile bases, Path server, Process other, Path folder) {
    this.bases = bases;
    this.other = other;
    this.folder = folder;
    this.socket = LocalSocket.connect(server);
    opened.push(socket::close);
    Memory control = create("control", 4096, READWRITE_SEALS);
    control.mapping().copyFrom(bases.bytes("control"));
  }

  /** Shakes hands and registers both regions; the stage {@code ready}. */
  void makeReady() {
    send(bases.bytes("hello"), List.of("control", "eventfd", "eventfd", "pidfd-self"));
    expectMessage(MessageType.WELCOME, 1);
    create("work", REGION_BYTES, READWRITE_SEALS);
    send(bases.bytes("register-work"), List.of("work"));
    expectMessage(MessageType.OK, 2);
    Memory input = create("input", REGION_BYTES, READ_SEALS);
    for (int i = 0; i < REGION_BYTES / Float.BYTES; i++) {
      input.mapping().setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
    send(bases.bytes("register-input"), List.of("input"));
    expectMessage(MessageType.OK, 3);
  }

  void play(SpecFile step) throws IOException {
    switch (step.text("do")) {
      case "create" -> create(step.text("region"), step.number("length"), step.integer("seals"));
      case "truncate" ->
          MemoryCalls.ftruncate(
              regions.get(step.text("region")).fd().number(), step.number("length"));
      case "send" ->
          send(bytes(step), step.has("descriptors") ? step.texts("descriptors") : List.of());
      case "write" -> write(step.text("region"), step.number("at"), bytes(step));
      case "submit" -> submit(bytes(step));
      case "block-doorbell" -> blockDoorbell(doorbells.get(1).fd().number());
      case "ring" -> doorbells.getFirst().ring();
      case "expect-message" -> expectMessage(type(step), step.integer("request_id"));
      case "expect-error" -> {
        MemorySegment message = expectMessage(MessageType.ERROR, step.integer("request_id"));
        assertThat(ErrorCode.ofNumber(ErrorMessage.code(message, 0)))
            .as(ErrorMessage.text(message, 0))
            .isEqualTo(ErrorCode.valueOf(step.text("code")));
        assertThat(ErrorMessage.text(message, 0)).isNotEmpty();
      }
      case "expect-completion" -> expectCompletion(step);
      case "expect-item" -> expectItem(step);
      case "expect-end" -> assertThat(receive()).as("end of the connection").isNull();
      default -> throw new IllegalArgumentException("unknown step " + step);
    }
  }

  /** Fills the counter and lets writes wait. */
  private static void blockDoorbell(int eventfd) {
    MemorySegment most = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, -2L);
    assertThat(DescriptorCalls.write(eventfd, most)).isEqualTo(Long.BYTES);
    DescriptorCalls.setBlocking(eventfd, true);
  }

  private static MessageType type(SpecFile step) {
    return MessageType.ofCode(step.integer("type"));
  }

  /** Checks that this connection is served, and that nothing unexpected came. */
  void probe() {
    write("work", 0, bases.bytes("block-noop"));
    submit(bases.bytes("probe"));
    MemorySegment completion = awaitCompletion(PROBE_ID);
    MemorySegment status = regions.get("work").mapping().asSlice(STATUS_AT);
    assertThat(CompletionEntry.code(completion, 0)).isZero();
    assertThat(CompletionEntry.failedItems(completion, 0)).isZero();
    assertThat(StatusLayout.code(status, StatusLayout.itemOffset(0, 0))).isZero();
    long value = StatusLayout.valueOffset(0, 0);
    assertThat(status.get(ValueLayout.JAVA_FLOAT, value)).isZero();
    assertThat(status.get(ValueLayout.JAVA_FLOAT, value + 4)).isEqualTo(31);
    assertThat(isReadable(0)).as("an unexpected message").isFalse();
  }

  private MemorySegment bytes(SpecFile step) {
    if (!step.has("base")) {
      return step.bytes("hex");
    }
    MemorySegment bytes = bases.bytes(step.text("base"));
    if (step.has("patches")) {
      for (SpecFile patch : step.objects("patches")) {
        MemorySegment value = patch.bytes("hex");
        MemorySegment.copy(value, 0, bytes, patch.number("at"), value.byteSize());
      }
    }
    if (step.has("length")) {
      MemorySegment cut = MemorySegment.ofArray(new byte[step.integer("length")]);
      long kept = Math.min(cut.byteSize(), bytes.byteSize());
      MemorySegment.copy(bytes, 0, cut, 0, kept);
      return cut;
    }
    return bytes;
  }

  private Memory create(String name, long length, int seals) {
    Fd fd = Fd.ofInherited(MemoryCalls.memfdCreate("hostile-" + name));
    opened.push(fd::close);
    MemorySegment mapping = MemorySegment.NULL;
    if (length > 0) {
      MemoryCalls.ftruncate(fd.number(), length);
      MemoryCalls.fallocate(fd.number(), length);
      mapping = MemoryCalls.segmentOf(MemoryCalls.mmap(fd.number(), length, true), length);
      MemorySegment mapped = mapping;
      opened.push(() -> MemoryCalls.munmap(mapped));
    }
    if (seals != 0) {
      MemoryCalls.addSeals(fd.number(), seals);
    }
    Memory memory = new Memory(fd, mapping);
    regions.put(name, memory);
    return memory;
  }

  private void send(MemorySegment message, List<String> descriptors) {
    Fd[] fds = descriptors.stream().map(this::descriptor).toArray(Fd[]::new);
    socket.send(message, fds);
  }

  private Fd descriptor(String kind) {
    return switch (kind) {
      case "eventfd" -> {
        Doorbell bell = Doorbell.create();
        doorbells.add(bell);
        opened.push(bell::close);
        yield bell.fd();
      }
      case "pidfd-self" -> pidfd(ProcessHandle.current().pid());
      case "pidfd-other" -> pidfd(other.pid());
      case "pipe" -> open(folder.resolve("pipe").toString(), DescriptorCalls.O_RDWR);
      case "file" -> open(folder.resolve("file").toString(), DescriptorCalls.O_RDWR);
      case "file-write-only" -> open(folder.resolve("file").toString(), O_WRONLY);
      case "directory" -> open(folder.toString(), DescriptorCalls.O_RDONLY);
      case "null" -> open("/dev/null", DescriptorCalls.O_RDWR);
      default -> regions.get(kind).fd();
    };
  }

  private Fd pidfd(long pid) {
    ProcessFd process = ProcessFd.open((int) pid);
    opened.push(process::close);
    return process.fd();
  }

  private Fd open(String path, int flags) {
    int number = DescriptorCalls.open(path, flags);
    assertThat(number).as(path).isNotNegative();
    Fd fd = Fd.ofInherited(number);
    opened.push(fd::close);
    return fd;
  }

  private void write(String region, long at, MemorySegment bytes) {
    MemorySegment.copy(bytes, 0, regions.get(region).mapping(), at, bytes.byteSize());
  }

  private void submit(MemorySegment entry) {
    MemorySegment control = regions.get("control").mapping();
    long at = ControlLayout.submissionOffset(ENTRIES, submitted);
    MemorySegment.copy(entry, 0, control, at, entry.byteSize());
    ControlLayout.storeSubmissionTail(control, ++submitted);
    doorbells.getFirst().ring();
  }

  private void expectCompletion(SpecFile step) {
    MemorySegment completion = awaitCompletion(step.number("batch_id"));
    ErrorCode code = ErrorCode.ofNumber(CompletionEntry.code(completion, 0));
    assertThat(code).isEqualTo(ErrorCode.valueOf(step.text("code")));
    if (step.has("failed_items")) {
      assertThat(CompletionEntry.failedItems(completion, 0)).isEqualTo(step.number("failed_items"));
    }
    if (step.has("waiting_items")) {
      assertThat(CompletionEntry.waitingItems(completion, 0))
          .isEqualTo(step.number("waiting_items"));
    }
  }

  private MemorySegment awaitCompletion(long batchId) {
    MemorySegment control = regions.get("control").mapping();
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < PATIENCE_NANOS) {
      if (ControlLayout.completionTail(control) == taken) {
        requireOpen();
        Thread.onSpinWait();
        continue;
      }
      MemorySegment entry = MemorySegment.ofArray(new byte[CompletionEntry.BYTES]);
      long at = ControlLayout.completionOffset(ENTRIES, taken);
      MemorySegment.copy(control, at, entry, 0, entry.byteSize());
      ControlLayout.storeCompletionHead(control, ++taken);
      if (CompletionEntry.batchId(entry, 0) == batchId) {
        return entry;
      }
    }
    throw new AssertionError("no completion of batch " + batchId);
  }

  private void requireOpen() {
    if (isReadable(0)) {
      MemorySegment message = receive();
      throw new AssertionError(
          message == null
              ? "the server closed the connection"
              : "unexpected message "
                  + HexFormat.of().formatHex(message.toArray(ValueLayout.JAVA_BYTE)));
    }
  }

  private void expectItem(SpecFile step) {
    MemorySegment status = regions.get("work").mapping().asSlice(STATUS_AT);
    long item = StatusLayout.itemOffset(0, step.number("item"));
    assertThat(ErrorCode.ofNumber(StatusLayout.code(status, item)))
        .isEqualTo(ErrorCode.valueOf(step.text("code")));
  }

  private MemorySegment expectMessage(MessageType type, int requestId) {
    MemorySegment message = receive();
    assertThat(message).as("a message rather than the end").isNotNull();
    assertThat(MessageType.ofCode(MessageHeader.type(message, 0))).isEqualTo(type);
    assertThat(MessageHeader.requestId(message, 0)).isEqualTo(requestId);
    return message;
  }

  /** The next message, or null at the end of the connection. */
  private MemorySegment receive() {
    assertThat(isReadable(PATIENCE_NANOS)).as("a message within ten seconds").isTrue();
    Received received = socket.receive(incoming, 0);
    if (received.length() == 0) {
      return null;
    }
    return MemorySegment.ofArray(
        incoming.asSlice(0, received.length()).toArray(ValueLayout.JAVA_BYTE));
  }

  private boolean isReadable(long nanos) {
    try (Poller poller = new Poller()) {
      poller.add(socket.fd(), 0);
      return poller.await(nanos, new long[1]) > 0;
    }
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
  }
}
