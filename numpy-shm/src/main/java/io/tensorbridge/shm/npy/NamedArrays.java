package io.tensorbridge.shm.npy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/** The arrays of an open file, by name. */
final class NamedArrays {
  private static final int SUGGESTIONS = 3;

  private final MappedFile file;
  private final SequencedMap<String, LazyArray> arrays;
  private final List<TensorEntry> entries;

  NamedArrays(MappedFile file, SequencedMap<String, LazyArray> arrays) {
    this.file = file;
    this.arrays = arrays;
    this.entries =
        arrays.entrySet().stream()
            .map(array -> TensorEntry.of(array.getKey(), array.getValue().type()))
            .toList();
  }

  List<TensorEntry> entries() {
    return entries;
  }

  TensorEntry entry(String name) {
    return TensorEntry.of(name, find(name).type());
  }

  Tensor tensor(String name) {
    LazyArray array = find(name);
    file.requireOpen();
    return ByteSource.reading(file.path(), array::plain);
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
