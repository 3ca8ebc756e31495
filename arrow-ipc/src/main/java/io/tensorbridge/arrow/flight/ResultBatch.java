package io.tensorbridge.arrow.flight;

import io.tensorbridge.Shape;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BatchPlan;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What {@code DoExchange} answers: a row for each output, and one for each failed item.
 *
 * <pre>
 *   name utf8 | output utf8 | dtype utf8 | shape list&lt;int64&gt; | data large_binary | label utf8 |
 *   error utf8 | error_code int32
 * </pre>
 */
final class ResultBatch {
  private static final ArrowType TEXT = new ArrowType.Bytes(true, false);

  /** The columns. */
  static final ArrowSchema SCHEMA = new ArrowSchema(
      List.of(
          ArrowField.of("name", TEXT, false),
          ArrowField.of("output", TEXT, true),
          ArrowField.of("dtype", TEXT, true),
          ArrowField.of("shape", new ArrowType.ListOf(false), true,
              ArrowField.of("item", new ArrowType.Int(64, true), true)),
          ArrowField.of("data", new ArrowType.Bytes(false, true), true),
          ArrowField.of("label", TEXT, true),
          ArrowField.of("error", TEXT, true),
          ArrowField.of("error_code", new ArrowType.Int(32, true), true)),
      Map.of());

  private final List<ResultRow> rows;
  private final BatchPlan plan;

  private ResultBatch(List<ResultRow> rows) {
    this.rows = rows;
    this.plan = new BatchPlan(rows.size());
  }

  /**
   * The message of some rows.
   *
   * @param data of all rows, one behind the other
   */
  static BatchPlan of(List<ResultRow> rows, MemorySegment data) {
    ResultBatch batch = new ResultBatch(rows);
    batch.text(ResultRow::name);
    batch.text(ResultRow::output);
    batch.text(ResultRow::dtype);
    batch.shapes();
    batch.data(data);
    batch.text(ResultRow::label);
    batch.text(row -> row.failure() == null ? null : row.failure().getMessage());
    batch.codes();
    return batch.plan;
  }

  private void begin(Function<ResultRow, @Nullable Object> value) {
    byte[] validity = new byte[Math.ceilDiv(rows.size(), Byte.SIZE)];
    int nulls = 0;
    for (int i = 0; i < rows.size(); i++) {
      if (value.apply(rows.get(i)) == null) {
        nulls++;
      } else {
        validity[i >> 3] |= (byte) (1 << (i & 7));
      }
    }
    plan.node(rows.size(), nulls);
    plan.buffer(MemorySegment.ofArray(nulls == 0 ? FlightMessage.NONE : validity));
  }

  private void text(Function<ResultRow, @Nullable String> value) {
    begin(value::apply);
    List<byte[]> texts = rows.stream()
        .map(row -> {
          String text = value.apply(row);
          return text == null ? FlightMessage.NONE : text.getBytes(StandardCharsets.UTF_8);
        })
        .toList();
    ByteBuffer offsets = buffer(Integer.BYTES * (rows.size() + 1)).putInt(0);
    ByteBuffer bytes = ByteBuffer.allocate(texts.stream().mapToInt(text -> text.length).sum());
    for (byte[] text : texts) {
      bytes.put(text);
      offsets.putInt(bytes.position());
    }
    plan.buffer(MemorySegment.ofBuffer(offsets.rewind()));
    plan.buffer(MemorySegment.ofBuffer(bytes.rewind()));
  }

  private void shapes() {
    begin(ResultRow::shape);
    long[] dimensions = rows.stream().map(ResultRow::shape)
        .flatMapToLong(shape -> java.util.Arrays
            .stream(shape == null ? new long[0] : shape.dimensions()))
        .toArray();
    plan.buffer(offsets(Integer.BYTES, row -> {
      Shape shape = row.shape();
      return shape == null ? 0 : shape.rank();
    }));
    plan.node(dimensions.length, 0);
    plan.buffer(MemorySegment.ofArray(FlightMessage.NONE));
    ByteBuffer values = buffer(Long.BYTES * dimensions.length);
    values.asLongBuffer().put(dimensions);
    plan.buffer(MemorySegment.ofBuffer(values.rewind()));
  }

  private void data(MemorySegment data) {
    begin(ResultRow::dtype);
    plan.buffer(offsets(Long.BYTES, ResultRow::byteLength));
    plan.buffer(data);
  }

  private MemorySegment offsets(int bytes, ToLongFunction<ResultRow> length) {
    ByteBuffer offsets = buffer(bytes * (rows.size() + 1));
    long end = 0;
    put(offsets, bytes, end);
    for (ResultRow row : rows) {
      end += length.applyAsLong(row);
      put(offsets, bytes, end);
    }
    return MemorySegment.ofBuffer(offsets.rewind());
  }

  private static void put(ByteBuffer offsets, int bytes, long offset) {
    if (bytes == Long.BYTES) {
      offsets.putLong(offset);
    } else {
      offsets.putInt((int) offset);
    }
  }

  private void codes() {
    begin(ResultRow::failure);
    ByteBuffer codes = buffer(Integer.BYTES * rows.size());
    for (ResultRow row : rows) {
      codes.putInt(row.failure() == null ? 0 : row.failure().code().number());
    }
    plan.buffer(MemorySegment.ofBuffer(codes.rewind()));
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
