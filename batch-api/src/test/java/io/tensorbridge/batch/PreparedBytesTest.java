package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.util.Collections;
import org.junit.jupiter.api.Test;

/** What prepared batches may take of a server's heap. */
class PreparedBytesTest extends ServerFixture {
  private static final int BLOCK_BYTES = 4096;

  @Override
  ServerOptions options() {
    return ServerOptions.builder().diagnostics(true).maxBlockBytes(BLOCK_BYTES).build();
  }

  private ErrorCode prepare(int id) {
    Item item = Item.of(Place.input(floats(0, 4)));
    long block = client.block("noop", 0, 0, "", Collections.nCopies(60, item));
    assertThat(block).isBetween(BLOCK_BYTES / 2L, (long) BLOCK_BYTES);
    client.submit(SubmissionKind.PREPARE, id, 0, 0, block);
    return client.await(id).code();
  }

  @Test
  void theBlocksOfPreparedBatchesAreLimitedTogether() {
    int id = 1;
    while (prepare(id) == ErrorCode.OK) {
      id++;
      assertThat(id).isLessThan(10);
    }
    assertThat(id).isGreaterThan(4);
    assertThat(prepare(id)).isEqualTo(ErrorCode.QUOTA_BATCHES);
    assertThat(client.refusal()).contains("at most " + 4 * BLOCK_BYTES + " bytes", "forget some");
    client.submit(SubmissionKind.FORGET, 100, 1, 0, 0);
    assertThat(client.await(100).code()).isEqualTo(ErrorCode.OK);
    assertThat(prepare(id)).isEqualTo(ErrorCode.OK);
  }
}
