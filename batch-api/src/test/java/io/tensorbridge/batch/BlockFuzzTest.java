package io.tensorbridge.batch;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.shm.PeerCredentials;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Blocks of any bytes are decoded and planned, or refused by a code of the format. */
@Tag("fuzz")
final class BlockFuzzTest {
  private static final int REGION_BYTES = 1 << 16;
  private static final ServerCounters COUNTERS = new ServerCounters();
  private static final RegionTable REGIONS = regions();
  private static final PlanCache PLANS = new PlanCache(operations(), 1 << 20);
  private static final BatchBinder BINDER =
      new BatchBinder(REGIONS, PLANS, new KnownItems(new ItemBudget(1 << 16)));
  private static final BlockDecoder DECODER = new BlockDecoder(1024, 1 << 16, new BlockMemory());

  private static OpRegistry operations() {
    return new OpRegistry(
        ServiceLoader.load(io.tensorbridge.op.TensorOpProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .toList());
  }

  /** The regions that the vectors and hostile inputs name. */
  private static RegionTable regions() {
    RegionTable table =
        new RegionTable(
            ServerOptions.defaults(),
            COUNTERS,
            new ClientWatch(1, new PeerCredentials(1, 0, 0), new ServerEvents()),
            Runnable::run,
            id -> {});
    add(table, 1, 7, Access.READWRITE, RegionAccess.READWRITE);
    add(table, 2, 9, Access.READ, RegionAccess.READ);
    return table;
  }

  private static void add(
      RegionTable table, int id, int generation, Access access, RegionAccess registered) {
    try (SharedRegion region = SharedRegion.create("fuzzed", REGION_BYTES, access)) {
      table.register(id, generation, registered, REGION_BYTES, region.fd());
    }
  }

  static Stream<Arguments> seeds() throws IOException {
    return FuzzSeeds.blocks().map(bytes -> Arguments.of((Object) bytes));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void plansOrRefuses(byte[] bytes) {
    byte[] block = bytes == null ? new byte[0] : bytes;
    try {
      DecodedBatch batch = DECODER.decode(MemorySegment.ofArray(block), 0, block.length);
      for (BoundItem item : BINDER.plan(batch)) {
        if (item instanceof BoundItem.Planned planned) {
          planned.inputs().forEach(BlockFuzzTest::requireWithin);
        } else if (item instanceof BoundItem.Refused refused) {
          requireOfFormat(refused.failure());
        }
      }
    } catch (BridgeException refused) {
      requireOfFormat(refused);
    } finally {
      DECODER.close();
    }
  }

  /** Touches the first and the last element, which lie at the ends or the layout is wrong. */
  private static void requireWithin(io.tensorbridge.Tensor tensor) {
    if (tensor.backing() == Backing.SEALED && tensor.shape().elementCount() > 0) {
      Extent extent = Extent.of(1, tensor.layout(), false);
      if (extent.begin() < 0 || extent.end() > REGION_BYTES) {
        throw new AssertionError("bytes " + extent.begin() + " to " + extent.end());
      }
    }
  }

  private static void requireOfFormat(BridgeException refused) {
    if (refused.code() == ErrorCode.INTERNAL || refused.code() == ErrorCode.TENSOR_FAILED) {
      throw new AssertionError("a defect", refused);
    }
    if (String.valueOf(refused.getMessage()).isBlank()) {
      throw new AssertionError("no message", refused);
    }
  }
}
