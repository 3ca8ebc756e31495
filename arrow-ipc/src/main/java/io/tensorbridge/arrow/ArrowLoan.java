package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An Arrow file in a region whose columns are written in place; thread-safe.
 *
 * <p>The layout is final when the loan begins. Kernels fill the reserved buffers, in any order and
 * from any thread; until then these hold what the region held before. {@link #publish} writes the
 * file's first bytes, without which nobody reads it.
 *
 * <pre>{@code
 * List<BatchPlan> plans = List.of(BatchPlan.reserved(schema, rows));
 * try (ArrowLoan loan = ArrowLoan.in(region, 0, schema, plans)) {
 *   kernel.fill(loan.batches().getFirst().columns().get(0).buffer(BufferKind.VALUES));
 *   loan.publish();
 * }
 * }</pre>
 */
public final class ArrowLoan implements AutoCloseable {
  private final ArrowSink sink;
  private final List<MessageBytes.Place> places;
  private final MemorySegment target;
  private final List<ArrowBatch> batches;
  private final long byteLength;

  private ArrowLoan(
      ArrowSink sink,
      List<MessageBytes.Place> places,
      MemorySegment target,
      Backing backing,
      long byteLength) {
    this.sink = sink;
    this.places = places;
    this.target = target;
    this.byteLength = byteLength;
    ByteSource source = new ByteSource("a loan", 0, target.asSlice(0, byteLength));
    this.batches = FileFraming.read(source, new OwnMemory(0, backing)).batches();
  }

  /**
   * How long the file becomes.
   *
   * @param schema the columns
   * @param plans the rows
   * @return bytes
   */
  public static long byteLength(ArrowSchema schema, List<BatchPlan> plans) {
    return lay(ArrowSink.nowhere(), schema, plans, new ArrayList<>());
  }

  /**
   * Lays out a file in a region.
   *
   * @param region that can be written here; leased until the end
   * @param byteOffset where the file begins, a multiple of 64 so that its buffers are aligned
   * @param schema the columns
   * @param plans the rows, each with nodes and buffers for all fields of the schema
   * @return the loan, owned by the caller
   * @throws io.tensorbridge.ResourceException if the region is too small
   * @throws io.tensorbridge.FormatException if a plan is not one of the schema
   */
  public static ArrowLoan in(
      Region region, long byteOffset, ArrowSchema schema, List<BatchPlan> plans) {
    Lease lease = region.lease("an Arrow loan");
    try {
      MemorySegment target = region.segment().asSlice(byteOffset);
      ArrowSink sink = ArrowSink.memory(target, lease::close);
      List<MessageBytes.Place> places = new ArrayList<>();
      long byteLength = lay(sink, schema, plans, places);
      return new ArrowLoan(sink, places, target, region.backing(), byteLength);
    } catch (RuntimeException | Error failure) {
      lease.close();
      throw failure;
    }
  }

  private static long lay(
      ArrowSink sink,
      ArrowSchema schema,
      List<BatchPlan> plans,
      List<MessageBytes.Place> places) {
    byte[] head = MessageBytes.schema(schema, FileFraming.HEAD_BYTES);
    sink.write(0, MemorySegment.ofArray(ArrowFile.MAGIC));
    sink.write(FileFraming.HEAD_BYTES, MemorySegment.ofArray(head));
    long end = (long) FileFraming.HEAD_BYTES + head.length;
    for (BatchPlan plan : plans) {
      byte[] metadata = MessageBytes.framed(plan.metadata(), end);
      MessageBytes.Place place =
          new MessageBytes.Place(end, metadata.length, plan.bodyLength());
      sink.write(end, MemorySegment.ofArray(metadata));
      for (BatchPlan.Piece piece : plan.pieces()) {
        MemorySegment content = piece.content();
        long at = place.bodyOffset() + piece.offset();
        if (content == null) {
          sink.skip(at, piece.byteLength());
        } else {
          sink.write(at, content);
        }
      }
      places.add(place);
      end = place.end();
    }
    byte[] tail = MessageBytes.end(schema, List.of(), places, Map.of());
    sink.write(end, MemorySegment.ofArray(tail));
    return end + tail.length;
  }

  /**
   * The rows, whose buffers can be written.
   *
   * @return columns in place
   */
  public List<ArrowBatch> batches() {
    return batches;
  }

  /**
   * A reserved buffer that was planned by itself.
   *
   * @param batch the index of its batch
   * @param bodyOffset from {@link BatchPlan#reserve}
   * @param length its bytes
   * @return the memory, to be written
   * @throws IndexOutOfBoundsException if the body has fewer bytes
   */
  public MemorySegment reserved(int batch, long bodyOffset, long length) {
    MessageBytes.Place place = places.get(batch);
    return target.asSlice(place.bodyOffset(), place.bodyLength()).asSlice(bodyOffset, length);
  }

  /**
   * The bytes of the file.
   *
   * @return bytes behind the offset in the region
   */
  public long byteLength() {
    return byteLength;
  }

  /** Lets readers find the file, and ends the lease. */
  public void publish() {
    sink.publish(byteLength);
  }

  /** Ends the lease; what was not published can't be read. */
  @Override
  public void close() {
    sink.close();
  }
}
