package io.tensorbridge.batch;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What else a peer says is read, or refused by a code of the format: messages and submissions of a
 * client, and the messages, plans and statuses of a server that is hostile to its clients. The first
 * byte chooses the reader.
 */
@Tag("fuzz")
final class PeerWordsFuzzTest {
  private static final int OF_CLIENT = 0;
  private static final int SUBMISSION = 1;
  private static final int OF_SERVER = 2;
  private static final int PLAN = 3;
  private static final int STATUS = 4;
  private static final int READERS = 5;
  private static final LocalSocket.Pair PAIR = LocalSocket.pair();
  private static final MemorySegment BUFFER =
      MemorySegment.ofArray(new long[MessageHeader.MAX_MESSAGE_BYTES / Long.BYTES]);

  static Stream<Arguments> seeds() throws IOException {
    return Stream.of(
        FuzzSeeds.of(OF_CLIENT, "hello", "register", "release", "goodbye", "observe"),
        FuzzSeeds.of(SUBMISSION, "submission"),
        FuzzSeeds.of(OF_SERVER, "welcome", "ok", "operation-list", "error.", "error-",
            "observation"),
        FuzzSeeds.of(PLAN, "plan-"),
        FuzzSeeds.of(STATUS, "status"))
        .flatMap(seeds -> seeds)
        .map(bytes -> Arguments.of((Object) bytes));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void readsOrRefuses(byte[] bytes) {
    if (bytes == null || bytes.length == 0) {
      return;
    }
    byte[] data = Arrays.copyOfRange(bytes, 1, bytes.length);
    try {
      read(Math.floorMod(bytes[0], READERS), data);
    } catch (BridgeException refused) {
      if (refused.code() == ErrorCode.INTERNAL || String.valueOf(refused.getMessage()).isBlank()) {
        throw new AssertionError("a defect", refused);
      }
    }
  }

  private static void read(int reader, byte[] data) {
    MemorySegment memory = MemorySegment.ofArray(data);
    switch (reader) {
      case OF_CLIENT -> messageOfClient(data);
      case SUBMISSION -> submission(data);
      case OF_SERVER -> messageOfServer(memory);
      case PLAN -> PlanRecord.read(memory);
      default -> status(memory);
    }
  }

  private static void messageOfClient(byte[] data) {
    if (data.length == 0 || data.length > MessageHeader.MAX_MESSAGE_BYTES) {
      return;
    }
    PAIR.first().send(MemorySegment.ofArray(data));
    IncomingMessage message = IncomingMessage.receive(PAIR.second(), BUFFER, Fd::close);
    if (message == null) {
      throw new AssertionError("a message was lost");
    }
    for (boolean greeted : new boolean[]{false, true}) {
      try {
        MessageType type = message.requireType(greeted);
        message.requireNoReserved();
        if (type == MessageType.HELLO) {
          Hello.controlLength(message.bytes(), 0);
        } else if (type == MessageType.REGISTER) {
          RegionAccess.ofCode(Register.access(message.bytes(), 0));
        }
      } catch (IncomingMessage.FramingException broken) {
        requireProtocol(broken.refusal());
      } catch (ProtocolException refused) {
        requireProtocol(refused);
      }
    }
    message.closeFds();
  }

  private static void requireProtocol(BridgeException refused) {
    if (!(refused instanceof ProtocolException)) {
      throw new AssertionError("not of the format", refused);
    }
  }

  private static void submission(byte[] data) {
    MemorySegment entry = MemorySegment.ofArray(Arrays.copyOf(data, SubmissionEntry.BYTES));
    Submission submission = new Submission();
    submission.read(entry);
    for (SpanRef span : new SpanRef[]{submission.block(), submission.status(),
        submission.output()}) {
      try {
        span.requireWithin(4096);
        if (span.byteOffset() < 0 || span.byteOffset() + span.byteLength() > 4096) {
          throw new AssertionError("a span that was accepted leaves 4096 bytes");
        }
      } catch (ProtocolException refused) {
        requireProtocol(refused);
      }
    }
    submission.requireKind();
  }

  private static void messageOfServer(MemorySegment memory) {
    ServerMessage message = ServerMessage.copyOf(memory);
    switch (message.type()) {
      case WELCOME -> message.requireWelcome();
      case OPERATION_LIST -> message.operations();
      case ERROR -> message.error();
      case OBSERVATION -> Observation.read(message.bytes(), 0);
      default -> message.requestId();
    }
  }

  private static void status(MemorySegment memory) {
    int items = (int) ((memory.byteSize() - StatusLayout.HEADER_BYTES) / 64);
    if (memory.byteSize() < StatusLayout.HEADER_BYTES) {
      return;
    }
    // Aligned, as the client lays it out.
    long[] longs = new long[(int) (memory.byteSize() / Long.BYTES)];
    MemorySegment area = MemorySegment.ofArray(longs);
    area.copyFrom(memory.asSlice(0, area.byteSize()));
    StatusReader status = new StatusReader(area);
    if (!(status.progress() >= 0 && status.progress() <= 1)) {
      throw new AssertionError("progress " + status.progress());
    }
    attempt(() -> status.refusal(ErrorCode.BAD_COUNT));
    for (int item = 0; item < items; item++) {
      int at = item;
      attempt(() -> status.code(at));
      attempt(() -> status.plan(at));
      attempt(() -> status.failure(at, ErrorCode.NON_FINITE, "a"));
      attempt(() -> status.value(at));
    }
  }

  private static void attempt(Runnable read) {
    try {
      read.run();
    } catch (BridgeException refused) {
      if (refused.code() == ErrorCode.INTERNAL) {
        throw new AssertionError("a defect", refused);
      }
    }
  }
}
