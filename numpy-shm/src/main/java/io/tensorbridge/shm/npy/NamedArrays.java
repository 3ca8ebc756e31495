package io.tensorbridge.shm.npy;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.EncodingMetadata;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/** The arrays of an open file, by name. */
final class NamedArrays {
  private static final int SUGGESTIONS = 3;

  private final MappedFile file;
  private final SequencedMap<String, LazyArray> arrays;
  private final SequencedMap<String, TensorEntry> entries;

  NamedArrays(
      MappedFile file, SequencedMap<String, LazyArray> arrays, Map<String, String> metadata) {
    this.file = file;
    this.arrays = arrays;
    this.entries = new LinkedHashMap<>();
    arrays.forEach(
        (name, array) -> entries.put(
            name,
            EncodingMetadata.restore(
                TensorEntry.of(name, array.type()), metadata, file.path(), 0)));
  }

  List<TensorEntry> entries() {
    return List.copyOf(entries.values());
  }

  TensorEntry entry(String name) {
    find(name);
    return Objects.requireNonNull(entries.get(name));
  }

  /** The stored bytes in C order. */
  MemorySegment bytes(String name) {
    return stored(name).data();
  }

  private Tensor stored(String name) {
    LazyArray array = find(name);
    file.requireOpen();
    return ByteSource.reading(file.path(), array::plain);
  }

  /** The elements, of whatever dtype the metadata tell. */
  Tensor tensor(String name) {
    TensorEntry entry = entry(name);
    Tensor stored = stored(name);
    if (entry.equals(TensorEntry.of(name, stored.type()))) {
      return stored;
    }
    DType dtype =
        entry.dtype().orElseThrow(
            () -> new TensorException(
                ErrorCode.UNSUPPORTED_DTYPE,
                name,
                -1,
                "is stored as " + entry.encoding() + "; dequantize it to get plain elements",
                null));
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(dtype, entry.shape()));
    return Tensor.of(stored.data(), layout, stored.backing());
  }

  NpyArray array(String name) {
    LazyArray array = find(name);
    file.requireOpen();
    return ByteSource.reading(file.path(), array::array);
  }

  private LazyArray find(String name) {
    LazyArray found = arrays.get(name);
    if (found == null) {
      throw new TensorException(
          ErrorCode.TENSOR_FAILED,
          name,
          -1,
          file.path() + " has no such tensor; the nearest names of its " + arrays.size() + " are "
              + nearest(name),
          null);
    }
    return found;
  }

  private String nearest(String name) {
    return arrays.keySet().stream()
        .map(known -> Map.entry(known, commonCharacters(known, name)))
        .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()))
        .limit(SUGGESTIONS)
        .map(Map.Entry::getKey)
        .collect(Collectors.joining(", "));
  }

  /** The length of what two names share at their beginning and end. */
  private static int commonCharacters(String one, String other) {
    int shorter = Math.min(one.length(), other.length());
    int begin = 0;
    while (begin < shorter && one.charAt(begin) == other.charAt(begin)) {
      begin++;
    }
    int end = 0;
    while (end < shorter - begin
        && one.charAt(one.length() - 1 - end) == other.charAt(other.length() - 1 - end)) {
      end++;
    }
    return begin + end;
  }
}
