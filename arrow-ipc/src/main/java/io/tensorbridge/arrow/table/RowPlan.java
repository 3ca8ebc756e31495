package io.tensorbridge.arrow.table;

import io.tensorbridge.arrow.BatchPlan;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The columns of a batch of one row, added in the order of the schema. */
final class RowPlan {
  /** No bytes: a buffer that nothing reads. */
  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[0]);

  private final BatchPlan batch = new BatchPlan(1);

  BatchPlan batch() {
    return batch;
  }

  /** A column of one text. */
  void text(String text) {
    texts(List.of(text));
  }

  /** A column of texts. */
  void texts(List<String> texts) {
    byte[][] bytes =
        texts.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toArray(byte[][]::new);
    long[] lengths = new long[bytes.length];
    int sum = 0;
    for (int i = 0; i < bytes.length; i++) {
      lengths[i] = bytes[i].length;
      sum = Math.addExact(sum, bytes[i].length);
    }
    ByteBuffer all = ByteBuffer.allocate(sum);
    for (byte[] text : bytes) {
      all.put(text);
    }
    batch.node(bytes.length, 0);
    batch.buffer(NOTHING);
    batch.buffer(offsets(lengths, false));
    batch.buffer(MemorySegment.ofArray(all.array()));
  }

  /**
   * A column of bytes that are written later.
   *
   * @param lengths of each row; -1 for null
   * @param large whether offsets have 64 bits
   * @return where the first row begins in the body; the others follow without gaps
   */
  long bytes(long[] lengths, boolean large) {
    validity(lengths);
    batch.buffer(offsets(lengths, large));
    return batch.reserve(sum(lengths));
  }

  /**
   * A column of one list of numbers that are written later.
   *
   * @param count of numbers; -1 for a null list
   * @param elementBytes the size of a number
   * @param large whether offsets have 64 bits
   * @return where the numbers begin in the body
   */
  long numbers(long count, int elementBytes, boolean large) {
    long[] lengths = {count};
    validity(lengths);
    batch.buffer(offsets(lengths, large));
    batch.node(sum(lengths), 0);
    batch.buffer(NOTHING);
    return batch.reserve(Math.multiplyExact(sum(lengths), elementBytes));
  }

  /** A column of lists of whole numbers of 64 bits. */
  void shapes(List<long[]> shapes) {
    wholeNumbers(shapes, true);
  }

  /** A column of one list of whole numbers of 32 bits. */
  void shape32(long[] shape) {
    wholeNumbers(List.of(shape), false);
  }

  private void wholeNumbers(List<long[]> lists, boolean large) {
    long[] lengths = lists.stream().mapToLong(list -> list.length).toArray();
    int size = large ? Long.BYTES : Integer.BYTES;
    ByteBuffer all =
        ByteBuffer.allocate((int) sum(lengths) * size).order(ByteOrder.LITTLE_ENDIAN);
    for (long[] list : lists) {
      for (long number : list) {
        put(all, number, large);
      }
    }
    validity(lengths);
    batch.buffer(offsets(lengths, false));
    batch.node(sum(lengths), 0);
    batch.buffer(NOTHING);
    batch.buffer(MemorySegment.ofArray(all.array()));
  }

  /** A column of one number; null for a negative one. */
  void uint8(int value) {
    validity(new long[]{value});
    batch.buffer(MemorySegment.ofArray(new byte[]{(byte) Math.max(value, 0)}));
  }

  /** A column of one list of structs, whose children follow. */
  void structs(int count) {
    long[] lengths = {count};
    validity(lengths);
    batch.buffer(offsets(lengths, false));
    batch.node(count, 0);
    batch.buffer(NOTHING);
  }

  /** Begins a column of rows that are null if they are negative; one bit each, 1 for a value. */
  private void validity(long[] rows) {
    byte[] bits = new byte[(rows.length + 7) / 8];
    int nulls = 0;
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0) {
        nulls++;
      } else {
        bits[i / 8] |= (byte) (1 << i % 8);
      }
    }
    batch.node(rows.length, nulls);
    batch.buffer(nulls == 0 ? NOTHING : MemorySegment.ofArray(bits));
  }

  private static MemorySegment offsets(long[] lengths, boolean large) {
    int size = large ? Long.BYTES : Integer.BYTES;
    ByteBuffer offsets =
        ByteBuffer.allocate((lengths.length + 1) * size).order(ByteOrder.LITTLE_ENDIAN);
    long offset = 0;
    put(offsets, offset, large);
    for (long length : lengths) {
      offset += Math.max(length, 0);
      put(offsets, offset, large);
    }
    return MemorySegment.ofArray(offsets.array());
  }

  private static void put(ByteBuffer numbers, long number, boolean large) {
    if (large) {
      numbers.putLong(number);
    } else {
      numbers.putInt(Math.toIntExact(number));
    }
  }

  private static long sum(long[] lengths) {
    long sum = 0;
    for (long length : lengths) {
      sum += Math.max(length, 0);
    }
    return sum;
  }
}
