package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.ItemRecord;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Release;
import io.tensorbridge.batch.wire.Span;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.batch.wire.TensorDescriptor;
import io.tensorbridge.batch.wire.Utf8;
import io.tensorbridge.batch.wire.Welcome;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.ProcessFd;
import io.tensorbridge.shm.Received;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A client that does nothing of its own accord, so that a test can do anything. Region 1 is for
 * blocks (at 0), the status area (at {@link #STATUS}) and outputs (at {@link #OUTPUT}); region 2 for
 * inputs.
 */
final class WireClient implements AutoCloseable {
  static final int WORK = 1;
  static final int INPUT = 2;
  static final int GENERATION = 7;
  static final long STATUS = 1 << 18;
  static final long STATUS_BYTES = 1 << 18;
  static final long OUTPUT = 1 << 19;
  static final long OUTPUT_BYTES = 1 << 20;
  private static final long WORK_BYTES = OUTPUT + OUTPUT_BYTES;
  private static final long PATIENCE_NANOS = 10_000_000_000L;

  record Completion(long batchId, ErrorCode code, int failedItems, int waitingItems) {}

  record Item(int optionSet, int itemIndex, List<Place> inputs, List<Place> outputs) {
    static Item of(Place... inputs) {
      return new Item(0, 0, List.of(inputs), List.of());
    }
  }

  record Place(int region, int generation, TensorLayout layout) {
    static Place input(TensorLayout layout) {
      return new Place(INPUT, GENERATION, layout);
    }

    static Place relative(TensorLayout layout) {
      return new Place(TensorDescriptor.RELATIVE, 0, layout);
    }
  }

  final LocalSocket socket;
  final SharedRegion control;
  final SharedRegion work;
  final SharedRegion input;
  final Doorbell serverDoorbell = Doorbell.create();
  final Doorbell clientDoorbell = Doorbell.create();
  final int ringEntries;
  private final MemorySegment message = Arena.ofAuto().allocate(1 << 16, 8);
  private final Map<Long, Completion> early = new HashMap<>();
  private int tail;
  private int head;
  private int nextRequest = 1;
  Welcome.Limits limits;

  WireClient(LocalSocket socket) {
    this(socket, 64, 1 << 20, 0);
  }

  /** Connects; ring indices begin at {@code firstIndex}. */
  WireClient(LocalSocket socket, int ringEntries, long inputBytes, int firstIndex) {
    this.socket = socket;
    this.ringEntries = ringEntries;
    this.tail = firstIndex;
    this.head = firstIndex;
    control =
        SharedRegion.create("control", ControlLayout.byteLength(ringEntries), Access.READWRITE);
    work = SharedRegion.create("work", WORK_BYTES, Access.READWRITE);
    input = SharedRegion.create("input", inputBytes, Access.READ);
    MemorySegment words = control.region().segment();
    ControlLayout.initialize(words, ringEntries);
    ControlLayout.storeSubmissionTail(words, firstIndex);
    ControlLayout.storeSubmissionHead(words, firstIndex);
    ControlLayout.storeCompletionTail(words, firstIndex);
    ControlLayout.storeCompletionHead(words, firstIndex);
    hello();
    register(WORK, work);
    register(INPUT, input);
  }

  private void hello() {
    try (ProcessFd self = ProcessFd.open((int) ProcessHandle.current().pid())) {
      int request = nextRequest++;
      Hello.write(message, 0, request, ringEntries, control.byteSize(), self.pid());
      socket.send(
          message.asSlice(0, Hello.BYTES),
          control.fd(),
          serverDoorbell.fd(),
          clientDoorbell.fd(),
          self.fd());
      expect(MessageType.WELCOME, request);
      limits = Welcome.limits(message, 0);
    }
  }

  void register(int id, SharedRegion region) {
    int sent = register(id, RegionAccess.of(region.access()), region.byteSize(), region.fd());
    expect(MessageType.OK, sent);
  }

  /** Asks for a registration and gives the number of the request. */
  int register(int id, RegionAccess access, long announced, Fd fd) {
    int request = nextRequest++;
    Register.write(message, 0, request, id, GENERATION, access, announced);
    socket.send(message.asSlice(0, Register.BYTES), fd);
    return request;
  }

  /** Asks for a release and gives the number of the request. */
  int release(int id) {
    int request = nextRequest++;
    Release.write(message, 0, request, id, GENERATION);
    socket.send(message.asSlice(0, Release.BYTES));
    return request;
  }

  void send(MessageType type) {
    MessageHeader.write(message, 0, type, nextRequest++, MessageHeader.BYTES);
    socket.send(message.asSlice(0, MessageHeader.BYTES));
  }

  MemorySegment expect(MessageType type, int request) {
    Received received = socket.receive(message, 0);
    if (received.length() == 0) {
      throw new AssertionError("the server has closed the connection instead of " + type);
    }
    int found = MessageHeader.type(message, 0);
    if (found != type.code() || MessageHeader.requestId(message, 0) != request) {
      String text = found == MessageType.ERROR.code() ? ErrorMessage.text(message, 0) : "";
      throw new AssertionError("expected " + type + " " + request + ", got " + found + " " + text);
    }
    return message.asSlice(0, received.length());
  }

  ErrorCode expectError(int request) {
    return ErrorCode.ofNumber(ErrorMessage.code(expect(MessageType.ERROR, request), 0));
  }

  void expectEnd() {
    if (socket.receive(message, 0).length() != 0) {
      throw new AssertionError("the server has not closed the connection");
    }
  }

  MemorySegment memory() {
    return work.region().segment();
  }

  MemorySegment inputs() {
    return input.region().segment();
  }

  /** Writes a block at the start of the work region and gives its length. */
  long block(String operation, int flags, int threads, String options, List<Item> items) {
    MemorySegment block = memory();
    byte[] name = operation.getBytes(StandardCharsets.UTF_8);
    byte[] text = options.getBytes(StandardCharsets.UTF_8);
    long operationAt = BatchBlock.BYTES;
    long tableAt = pad(operationAt + name.length);
    long textAt = tableAt + BatchBlock.OPTION_SET_BYTES;
    long itemsAt = pad(textAt + text.length);
    long end = itemsAt;
    for (Item item : items) {
      end = writeItem(block, end, item);
    }
    BatchBlock.write(
        block,
        0,
        new BatchBlock.Head(
            end, items.size(), flags, threads, 1, operationAt, name.length, tableAt, itemsAt,
            end - itemsAt, 0, 0));
    BatchBlock.writeOptionSet(block, 0, 0, textAt, text.length);
    Utf8.write(block, operationAt, name);
    Utf8.write(block, textAt, text);
    return end;
  }

  private static long writeItem(MemorySegment block, long at, Item item) {
    List<Place> places = new ArrayList<>(item.inputs());
    places.addAll(item.outputs());
    long next = at + ItemRecord.BYTES;
    for (Place place : places) {
      next +=
          TensorDescriptor.write(block, next, place.region, place.generation, place.layout);
    }
    ItemRecord.write(
        block, at, next - at, item.inputs.size(), item.outputs.size(), item.optionSet,
        item.itemIndex);
    return next;
  }

  private static long pad(long length) {
    return (length + 7) & -8;
  }

  void submit(SubmissionKind kind, long batchId, long target, long timeout, long blockLength) {
    submit(kind, batchId, target, timeout, blockLength, true);
  }

  void submit(
      SubmissionKind kind,
      long batchId,
      long target,
      long timeout,
      long blockLength,
      boolean output) {
    MemorySegment words = control.region().segment();
    long at = ControlLayout.submissionOffset(ringEntries, tail);
    SubmissionEntry.write(words, at, batchId, kind, target, timeout);
    if (blockLength > 0) {
      Span.write(words, SubmissionEntry.blockOffset(at), WORK, GENERATION, 0, blockLength);
    }
    if (kind != SubmissionKind.CANCEL && kind != SubmissionKind.FORGET) {
      Span.write(
          words, SubmissionEntry.statusOffset(at), WORK, GENERATION, STATUS, STATUS_BYTES);
      if (output && kind != SubmissionKind.PLAN && kind != SubmissionKind.PREPARE) {
        Span.write(
            words, SubmissionEntry.outputOffset(at), WORK, GENERATION, OUTPUT, OUTPUT_BYTES);
      }
    }
    publish();
  }

  void publish() {
    MemorySegment words = control.region().segment();
    ControlLayout.storeSubmissionTail(words, ++tail);
    VarHandle.fullFence();
    if (ControlLayout.serverSleeping(words)) {
      serverDoorbell.ring();
    }
  }

  /** The entry that the next {@link #publish()} publishes. */
  MemorySegment nextEntry() {
    return control
        .region()
        .segment()
        .asSlice(ControlLayout.submissionOffset(ringEntries, tail), SubmissionEntry.BYTES);
  }

  Completion await(long batchId) {
    Completion known = early.remove(batchId);
    while (known == null) {
      Completion next = next();
      if (next.batchId == batchId) {
        known = next;
      } else {
        early.put(next.batchId, next);
      }
    }
    return known;
  }

  /** Takes the next completion: spins a little, then sleeps as the spec says. */
  Completion next() {
    MemorySegment words = control.region().segment();
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    int spins = 0;
    while (ControlLayout.completionTail(words) == head) {
      if (++spins < 20_000) {
        Thread.onSpinWait();
        continue;
      }
      ControlLayout.storeClientSleeping(words, true);
      VarHandle.fullFence();
      if (ControlLayout.completionTail(words) == head
          && !clientDoorbell.await(deadline - System.nanoTime())) {
        throw new AssertionError("no completion after " + PATIENCE_NANOS + " ns");
      }
      ControlLayout.storeClientSleeping(words, false);
      clientDoorbell.clear();
    }
    long at = ControlLayout.completionOffset(ringEntries, head);
    Completion completion =
        new Completion(
            CompletionEntry.batchId(words, at),
            ErrorCode.ofNumber(CompletionEntry.code(words, at)),
            (int) CompletionEntry.failedItems(words, at),
            (int) CompletionEntry.waitingItems(words, at));
    ControlLayout.storeCompletionHead(words, ++head);
    return completion;
  }

  ErrorCode itemCode(int item) {
    return ErrorCode.ofNumber(StatusLayout.code(memory(), StatusLayout.itemOffset(STATUS, item)));
  }

  String itemText(int item) {
    long at = StatusLayout.itemOffset(STATUS, item);
    return Utf8.decode(
        memory(),
        STATUS + StatusLayout.itemTextOffset(memory(), at),
        StatusLayout.itemTextLength(memory(), at));
  }

  PlanRecord plan(int item) {
    long at = StatusLayout.itemOffset(STATUS, item);
    return PlanRecord.read(
        memory()
            .asSlice(
                STATUS + StatusLayout.itemTextOffset(memory(), at),
                StatusLayout.itemTextLength(memory(), at)));
  }

  String refusal() {
    return Utf8.decode(
        memory(),
        STATUS + StatusLayout.textOffset(memory(), STATUS),
        StatusLayout.textLength(memory(), STATUS));
  }

  float value(int item, int index) {
    return memory()
        .get(
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            StatusLayout.valueOffset(STATUS, item) + 4L * index);
  }

  /** Closes this side without a word. */
  @Override
  public void close() {
    socket.close();
    control.close();
    work.close();
    input.close();
    serverDoorbell.close();
    clientDoorbell.close();
  }
}
