package io.tensorbridge.shm.npy;

import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import java.lang.foreign.Arena;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An array of an open file that is read, and where it must be copied, at its first use. */
final class LazyArray {
  private final TensorType type;
  private final Arena arena;
  private final Supplier<NpyArray> reader;
  private @Nullable NpyArray array;
  private @Nullable Tensor plain;

  /** The arena, of the file, owns what is copied. */
  LazyArray(TensorType type, Arena arena, Supplier<NpyArray> reader) {
    this.type = type;
    this.arena = arena;
    this.reader = reader;
  }

  static LazyArray of(NpyArray array, Arena arena) {
    return new LazyArray(array.type(), arena, () -> array);
  }

  TensorType type() {
    return type;
  }

  synchronized NpyArray array() {
    if (array == null) {
      array = reader.get();
    }
    return array;
  }

  /** Row-major and little-endian, copied only if it is not stored so. */
  synchronized Tensor plain() {
    if (plain == null) {
      NpyArray stored = array();
      plain = stored.isPlain() ? stored.view() : stored.copy(arena);
    }
    return plain;
  }
}
