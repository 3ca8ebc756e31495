package io.tensorbridge.arrow.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ResourceLeakDetector;
import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.DType;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Leases and reference counts end together. */
class TensorBuffersTest {
  private static final TensorType FOUR_FLOATS = new TensorType(DType.F32, Shape.of(2, 2));
  private static ResourceLeakDetector.Level before;

  private SharedRegion shared;
  private Region region;
  private long mappedBefore;

  @BeforeAll
  static void beParanoid() {
    before = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
  }

  @AfterAll
  static void beAsBefore() {
    ResourceLeakDetector.setLevel(Objects.requireNonNull(before));
  }

  @BeforeEach
  void create() {
    mappedBefore = SharedRegion.mappedBytes();
    shared = SharedRegion.create("buffers", 4096, Access.READWRITE);
    region = shared.region();
    for (int i = 0; i < 1024; i++) {
      region.segment().setAtIndex(ValueLayout.JAVA_INT, i, i);
    }
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(region.holders()).isEmpty();
    shared.close();
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  @Test
  void aBufferSharesTheRegionAndItsReleaseEndsTheLease() {
    ByteBuf buffer = TensorBuffers.of(region);
    assertThat(region.leaseCount()).isOne();
    assertThat(buffer.readableBytes()).isEqualTo(4096);
    assertThat(buffer.getIntLE(40)).isEqualTo(10);
    buffer.setIntLE(40, -10);
    assertThat(region.segment().getAtIndex(ValueLayout.JAVA_INT, 10)).isEqualTo(-10);
    buffer.retain();
    assertThat(buffer.release()).isFalse();
    assertThat(region.leaseCount()).isOne();
    assertThat(buffer.release()).isTrue();
    assertThat(region.leaseCount()).isZero();
    assertThatThrownBy(() -> buffer.getInt(0)).isInstanceOf(IllegalReferenceCountException.class);
  }

  @Test
  void slicesAndCompositesHoldTheLease() {
    ByteBuf buffer = TensorBuffers.of(region, 4, 400);
    ByteBuf slice = buffer.retainedSlice(4, 8);
    ByteBuf duplicate = slice.retainedDuplicate();
    CompositeByteBuf composite = Unpooled.compositeBuffer()
        .addComponents(true, buffer, TensorBuffers.of(region, 2048, 4));
    assertThat(region.leaseCount()).isEqualTo(2);
    assertThat(slice.getIntLE(0)).isEqualTo(2);
    assertThat(composite.getIntLE(400)).isEqualTo(512);
    composite.release();
    assertThat(region.leaseCount()).isOne();
    slice.release();
    assertThat(duplicate.getIntLE(4)).isEqualTo(3);
    duplicate.release();
    assertThat(region.leaseCount()).isZero();
  }

  @Test
  void aClosedRegionIsUnmappedByTheLastRelease() {
    ByteBuf buffer = TensorBuffers.of(region);
    shared.close();
    assertThatThrownBy(() -> TensorBuffers.of(region)).isInstanceOf(BridgeClosedException.class);
    assertThat(buffer.getIntLE(4)).isOne();
    buffer.release();
    assertThat(region.isUnmapped()).isTrue();
  }

  @Test
  void readOnlyMemoryGivesReadOnlyBuffers() {
    ByteBuf buffer =
        TensorBuffers.of(region.segment().asReadOnly(), region.lease("test"));
    assertThat(buffer.isReadOnly()).isTrue();
    assertThat(buffer.getIntLE(8)).isEqualTo(2);
    buffer.release();
  }

  @Test
  void channelsWriteBuffersWithoutAnArray(@TempDir Path folder) throws IOException {
    ByteBuf buffer = TensorBuffers.of(region);
    Path path = folder.resolve("bytes");
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      assertThat(buffer.hasArray()).isFalse();
      assertThat(buffer.readBytes(channel, 0, 4096)).isEqualTo(4096);
    }
    assertThat(MemorySegment.ofArray(Files.readAllBytes(path)).mismatch(region.segment()))
        .isEqualTo(-1);
    buffer.release();
  }

  @Test
  void whatIsTooLargeIsRefusedAndLeavesNoLease() {
    @SuppressWarnings("restricted") // never touched
    MemorySegment large = MemorySegment.NULL.reinterpret(1L << 31);
    assertThatThrownBy(() -> TensorBuffers.of(large, region.lease("test")))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("take several");
    assertThatThrownBy(() -> TensorBuffers.of(region, 4000, 100))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aBufferIsATensorAndARegion() {
    ByteBuf buffer = PooledByteBufAllocator.DEFAULT.directBuffer(64);
    buffer.writeZero(3);
    buffer.skipBytes(3);
    for (int i = 0; i < 4; i++) {
      buffer.writeFloatLE(i);
    }
    Tensor tensor = TensorBuffers.tensor(buffer, FOUR_FLOATS);
    assertThat(tensor.backing()).isEqualTo(Backing.PRIVATE);
    assertThat(tensor.getDouble(1, 0)).isEqualTo(2);
    tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, 7);
    assertThat(buffer.getFloatLE(3)).isEqualTo(7);
    assertThatThrownBy(
        () -> TensorBuffers.tensor(buffer, new TensorType(DType.F32, Shape.of(5))))
        .isInstanceOf(ProtocolException.class);

    Region ours = TensorBuffers.region("a buffer", buffer);
    assertThat(buffer.release()).isFalse();
    try (var lease = ours.lease("test")) {
      ours.close();
      assertThat(lease.region().segment().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0)).isEqualTo(7);
      assertThat(buffer.refCnt()).isOne();
    }
    assertThat(buffer.refCnt()).isZero();
  }

  @Test
  void heapBuffersAreTensorsAndSeveralPiecesAreNot() {
    ByteBuf heap = Unpooled.wrappedBuffer(new byte[16]);
    assertThat(TensorBuffers.tensor(heap, FOUR_FLOATS).getDouble(0, 0)).isZero();
    ByteBuf pieces = Unpooled.wrappedBuffer(ByteBuffer.allocate(8), ByteBuffer.allocate(8));
    assertThatThrownBy(() -> TensorBuffers.tensor(pieces, FOUR_FLOATS))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("copy it");
    heap.release();
    pieces.release();
  }
}
