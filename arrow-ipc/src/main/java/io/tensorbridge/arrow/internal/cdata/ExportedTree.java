package io.tensorbridge.arrow.internal.cdata;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Supplier;

/**
 * A struct with its children and dictionaries, which consumers may move out and release apart;
 * thread-safe.
 *
 * <p>Structs are numbered in the order of a walk, parents first, children before the dictionary. All
 * lie in one block of memory, where the consumer finds the children; the root is copied from there
 * to the address that the consumer gave. Block and owner end with the last release.
 */
public final class ExportedTree implements Exported {
  /** More structs than this have no numbers. */
  public static final int MAX_STRUCTS = 1 << 24;

  private static final int NODE_BITS = 24;

  private final StructKind kind;
  private final long id;
  private final long block;
  private final long[] structs;
  private final int[] ends;
  private Runnable owner = () -> {};
  private final AtomicIntegerArray released;
  private final AtomicInteger live;

  /**
   * Takes over a block.
   *
   * @param kind what the structs are
   * @param block of {@link CCalls#allocate}; freed at the end
   * @param structs the addresses of the structs in the block
   * @param ends for each struct, the number behind those of its children and dictionary
   */
  public ExportedTree(StructKind kind, long block, long[] structs, int[] ends) {
    this.kind = kind;
    this.block = block;
    this.structs = structs;
    this.ends = ends;
    this.id = Exports.newId();
    this.released = new AtomicIntegerArray(structs.length);
    this.live = new AtomicInteger(structs.length);
  }

  /**
   * Hands the structs over: from now on only their release ends them. If this throws, the block is
   * still the caller's.
   *
   * @param target where the root goes
   * @param giveOwner asked last for what ends the memory that the structs lead to; that is called
   *     once, after the block is gone
   */
  public void publish(long target, Supplier<Runnable> giveOwner) {
    long callback = Callbacks.release(kind);
    for (int i = 0; i < structs.length; i++) {
      Memory.setWord(structs[i] + kind.release(), callback);
      Memory.setWord(structs[i] + kind.privateData(), id << NODE_BITS | i);
    }
    owner = giveOwner.get();
    Exports.add(id, this);
    Memory.at(target, kind.byteSize()).copyFrom(Memory.at(structs[0], kind.byteSize()));
  }

  /** Releases the struct at an address; one that was released already is left alone. */
  static void release(StructKind kind, long struct) {
    long word = Memory.word(struct + kind.privateData());
    Memory.setWord(struct + kind.release(), 0);
    if (Exports.find(word >>> NODE_BITS) instanceof ExportedTree tree && tree.kind == kind) {
      tree.release((int) (word & MAX_STRUCTS - 1));
    }
  }

  private void release(int node) {
    if (node >= structs.length || !released.compareAndSet(node, 0, 1)) {
      return;
    }
    for (int child = node + 1; child < ends[node]; child = ends[child]) {
      long callback = structs[child] + kind.release();
      if (Memory.word(callback) != 0) { // else the consumer has moved it out
        Memory.setWord(callback, 0);
        release(child);
      }
    }
    if (live.decrementAndGet() == 0) {
      Exports.remove(id);
      CCalls.free(block);
      owner.run();
    }
  }
}
