package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Span;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.SharedFile;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client can't get from a server, and that it can go on after asking. */
class ServerLimitsTest extends ServerFixture {
  @Override
  ServerOptions options() {
    return ServerOptions.builder()
        .diagnostics(true)
        .maxBatches(2)
        .maxItems(4)
        .maxRegions(3)
        .maxBytesPerClient(8 << 20)
        .maxBlockBytes(4096)
        .operations(List.of(new BrokenProvider()))
        .build();
  }

  private long noop(int items) {
    Item item = Item.of(Place.input(floats(0, 4)));
    return client.block("noop", 0, 0, "", Collections.nCopies(items, item));
  }

  private void assertServes() {
    client.submit(SubmissionKind.RUN, 0xF00D, 0, 0, noop(1));
    assertThat(client.await(0xF00D).code()).isEqualTo(ErrorCode.OK);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.OK);
  }

  private ErrorCode register(int id, long announced, SharedRegion region) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(Register.BYTES, 8);
      Register.write(message, 0, 99, id, 1, RegionAccess.of(region.access()), announced);
      client.socket.send(message, region.fd());
    }
    return client.expectError(99);
  }

  @Test
  void batchesInFlightAreLimited() {
    long delay = client.block("delay", 0, 0, "millis=60000\n", List.of(Item.of()));
    client.submit(SubmissionKind.RUN, 1, 0, 0, delay);
    client.submit(SubmissionKind.RUN, 2, 0, 0, delay);
    client.submit(SubmissionKind.RUN, 3, 0, 0, delay);
    assertThat(client.await(3).code()).isEqualTo(ErrorCode.QUOTA_BATCHES);
    client.submit(SubmissionKind.RUN, 2, 0, 0, delay);
    assertThat(client.await(2).code()).isEqualTo(ErrorCode.DUPLICATE_BATCH);
    client.submit(SubmissionKind.CANCEL, 4, 1, 0, 0);
    client.submit(SubmissionKind.CANCEL, 5, 2, 0, 0);
    assertThat(client.await(1).failedItems()).isEqualTo(1);
    assertThat(client.await(2).failedItems()).isEqualTo(1);
    assertServes();
  }

  @Test
  void preparedBatchesAreLimited() {
    for (int i = 1; i <= 2; i++) {
      client.submit(SubmissionKind.PREPARE, i, 0, 0, noop(1));
      assertThat(client.await(i).code()).isEqualTo(ErrorCode.OK);
    }
    client.submit(SubmissionKind.PREPARE, 3, 0, 0, noop(1));
    assertThat(client.await(3).code()).isEqualTo(ErrorCode.QUOTA_BATCHES);
    assertServes();
  }

  @Test
  void itemsAndBlocksAreLimited() {
    client.submit(SubmissionKind.RUN, 1, 0, 0, noop(5));
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.QUOTA_ITEMS);
    client.submit(SubmissionKind.RUN, 2, 0, 0, 8192);
    assertThat(client.await(2).code()).isEqualTo(ErrorCode.BAD_LENGTH);
    assertThat(client.refusal()).isEqualTo("a block has 64 to 4096 bytes, not 8192");
    assertServes();
  }

  @Test
  void regionsAndBytesAreLimited() {
    try (SharedRegion small = SharedRegion.create("small", 4096, Access.READ);
        SharedRegion large = SharedRegion.create("large", 16 << 20, Access.READ)) {
      assertThat(register(9, 16 << 20, large)).isEqualTo(ErrorCode.QUOTA_BYTES);
      assertThat(register(9, 8192, small)).isEqualTo(ErrorCode.REGION_SIZE_MISMATCH);
      assertThat(register(WireClient.INPUT, 4096, small)).isEqualTo(ErrorCode.REGION_EXISTS);
      client.register(9, small);
      assertThat(register(10, 4096, small)).isEqualTo(ErrorCode.QUOTA_REGIONS);
      client.expect(MessageType.OK, client.release(9));
      client.register(10, small);
    }
    assertServes();
  }

  private int registerFile(int id, long byteSize, Path folder) throws IOException {
    Path path = folder.resolve("file" + id);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(byteSize);
    }
    try (SharedFile file = SharedFile.open(path)) {
      return client.register(id, RegionAccess.FILE, byteSize, file.fd());
    }
  }

  @Test
  void filesCountAsRegionsButNotWithTheirBytes(@TempDir Path folder) throws IOException {
    client.expect(MessageType.OK, registerFile(9, 16 << 20, folder));
    assertThat(client.expectError(registerFile(10, 4096, folder)))
        .isEqualTo(ErrorCode.QUOTA_REGIONS);
    client.expect(MessageType.OK, client.release(9));
    try (SharedRegion small = SharedRegion.create("small", 4096, Access.READ)) {
      client.register(10, small);
    }
    assertServes();
  }

  @Test
  void theAddressesForFilesAreLimited(@TempDir Path folder) throws IOException {
    assertThat(client.expectError(registerFile(9, (4L << 40) + 1, folder)))
        .isEqualTo(ErrorCode.QUOTA_BYTES);
    client.expect(MessageType.OK, registerFile(10, 4L << 40, folder));
    client.expect(MessageType.OK, client.release(10));
    client.expect(MessageType.OK, registerFile(11, 4L << 40, folder));
    assertServes();
  }

  @Test
  void anUnknownRegionIsRefused() {
    long block = client.block(
        "noop", 0, 0, "", List.of(Item.of(new Place(77, 1, floats(0, 4)))));
    client.submit(SubmissionKind.RUN, 1, 0, 0, block);
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.UNKNOWN_REGION);
    block = client.block(
        "noop", 0, 0, "", List.of(Item.of(new Place(WireClient.INPUT, 1, floats(0, 4)))));
    client.submit(SubmissionKind.RUN, 2, 0, 0, block);
    assertThat(client.await(2).code()).isEqualTo(ErrorCode.STALE_GENERATION);
    assertServes();
  }

  @Test
  void aTextThatDoesNotFitIsCutBetweenCharacters() {
    MemorySegment entry = client.nextEntry();
    SubmissionEntry.write(entry, 0, 1, SubmissionKind.RUN, 0, 0);
    long block = client.block("größe", 0, 0, "", List.of(Item.of()));
    Span.write(
        entry, SubmissionEntry.blockOffset(0), WireClient.WORK, WireClient.GENERATION, 0, block);
    Span.write(
        entry,
        SubmissionEntry.statusOffset(0),
        WireClient.WORK,
        WireClient.GENERATION,
        WireClient.STATUS,
        128);
    client.publish();
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.UNKNOWN_OPERATION);
    assertThat(client.refusal()).startsWith("operation \"größe\" is unknown").hasSizeLessThan(65);
  }

  @Test
  void anOperationThatThrowsFailsItsItemOnly() {
    Item item = Item.of();
    long block =
        client.block("broken", BatchBlock.CONTINUE_ON_ERROR, 0, "", List.of(item, item));
    client.submit(SubmissionKind.RUN, 1, 0, 0, block);
    assertThat(client.await(1).failedItems()).isEqualTo(2);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.TENSOR_FAILED);
    assertThat(client.itemText(1)).contains("broken on purpose");
    assertServes();
  }

  @Test
  void anOperationThatCannotBeLoadedFailsItsItemOnly() {
    long block = client.block("broken", 0, 0, "how=plan\n", List.of(Item.of()));
    client.submit(SubmissionKind.RUN, 1, 0, 0, block);
    assertThat(client.await(1).failedItems()).isEqualTo(1);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.TENSOR_FAILED);
    assertServes();
  }

  @Test
  void aJumpOfTheRingEndsTheConnection() {
    MemorySegment words = client.control.region().segment();
    ControlLayout.storeSubmissionTail(words, 1000);
    client.serverDoorbell.ring();
    assertThat(client.expectError(0)).isEqualTo(ErrorCode.RING_CORRUPT);
    client.expectEnd();
  }

  @Test
  void submissionsBeyondTheRingEndTheConnection() {
    for (int i = 0; i <= client.ringEntries; i++) {
      client.submit(SubmissionKind.FORGET, 100 + i, 999, 0, 0);
    }
    assertThat(client.expectError(0)).isEqualTo(ErrorCode.RING_CORRUPT);
    client.expectEnd();
  }

  @Test
  void aSecondHelloEndsTheConnection() {
    client.send(MessageType.HELLO);
    assertThat(client.expectError(0)).isEqualTo(ErrorCode.HANDSHAKE_REQUIRED);
    client.expectEnd();
  }

  @Test
  void aMessageOfTheServerEndsTheConnection() {
    client.send(MessageType.WELCOME);
    assertThat(client.expectError(0)).isEqualTo(ErrorCode.UNKNOWN_MESSAGE);
    client.expectEnd();
  }
}
