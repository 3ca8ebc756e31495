package io.tensorbridge.quantize.model;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.file.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A weight as a session keeps it: the bytes that a file would hold, in native memory.
 *
 * <p>It belongs to the generations and to the cache that hold it. Its memory is valid as long as one
 * of the {@linkplain ModelSnapshot snapshots} that show it is open; later access throws {@link
 * IllegalStateException}.
 */
public final class ModelWeight {
  private static final int ALIGNMENT = 64;

  private final TensorPlan plan;
  private final WeightState state;
  private final List<MemorySegment> parts;
  private final long byteSize;
  private final Region region;
  private final AtomicLong liveBytes;
  private final AtomicInteger holders = new AtomicInteger(1);

  private ModelWeight(
      TensorPlan plan,
      WeightState state,
      List<MemorySegment> parts,
      Region region,
      AtomicLong liveBytes) {
    this.plan = plan;
    this.state = state;
    this.parts = parts;
    this.byteSize = region.byteSize();
    this.region = region;
    this.liveBytes = liveBytes;
    liveBytes.addAndGet(byteSize);
  }

  /** Of unspecified contents, with one holder; the counter follows its memory. */
  static ModelWeight allocate(TensorPlan plan, WeightState state, AtomicLong liveBytes) {
    long total = 0;
    for (TensorEntry entry : plan.outputs()) {
      total += aligned(entry.byteLength());
    }
    Arena arena = Arena.ofShared();
    MemorySegment whole = arena.allocate(Math.max(ALIGNMENT, total), ALIGNMENT);
    Region region =
        new Region(
            "weight \"" + state.tensor() + "\"",
            whole,
            Access.READWRITE,
            Backing.PRIVATE,
            arena::close);
    List<MemorySegment> parts = new ArrayList<>(plan.outputs().size());
    long byteOffset = 0;
    for (TensorEntry entry : plan.outputs()) {
      parts.add(whole.asSlice(byteOffset, entry.byteLength()));
      byteOffset += aligned(entry.byteLength());
    }
    return new ModelWeight(plan, state, List.copyOf(parts), region, liveBytes);
  }

  private static long aligned(long byteLength) {
    return (byteLength + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * The tensor's name in the base model.
   *
   * @return unique in a session
   */
  public String name() {
    return state.tensor();
  }

  /**
   * How it is stored.
   *
   * @return a dtype or a scheme
   */
  public String encoding() {
    return plan.encoding();
  }

  /**
   * Why it is stored otherwise than asked for.
   *
   * @return empty if it isn't
   */
  public String note() {
    return plan.note();
  }

  /**
   * The number of adapters that are merged into it.
   *
   * @return 0 for a weight of the base model
   */
  public int adapterCount() {
    return state.applied().size();
  }

  /**
   * What a file would list for it.
   *
   * @return an entry for each of its parts
   */
  public List<TensorEntry> entries() {
    return plan.outputs();
  }

  /**
   * The bytes of its parts.
   *
   * @return read-only, aligned to 64 bytes, in the order of {@link #entries()}
   */
  public List<MemorySegment> parts() {
    return parts.stream().map(MemorySegment::asReadOnly).toList();
  }

  /**
   * What it takes.
   *
   * @return bytes, with what aligns its parts
   */
  public long byteSize() {
    return byteSize;
  }

  /**
   * Keeps the memory beyond the snapshot.
   *
   * @param holder who, for messages
   * @return the lease, owned by the caller
   * @throws io.tensorbridge.BridgeClosedException if the memory is gone
   */
  public Lease lease(String holder) {
    return region.lease(holder);
  }

  WeightState state() {
    return state;
  }

  TensorPlan plan() {
    return plan;
  }

  /** The parts, to be filled before anyone sees them. */
  List<MemorySegment> writable() {
    return parts;
  }

  /** To be called by one that holds it, or knows one who does. */
  ModelWeight retain() {
    holders.incrementAndGet();
    return this;
  }

  void release() {
    if (holders.decrementAndGet() == 0) {
      liveBytes.addAndGet(-byteSize);
      region.close();
    }
  }
}
