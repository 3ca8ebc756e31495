package io.tensorbridge.batch.wire;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What an item's outputs will be: the answer to PLAN, and to items that need space.
 *
 * <pre>
 *   0               4               8                              16
 *   +---------------+---------------+-------------------------------+------------------------------
 *   | output_count  | label_length  | work_bytes                    | label, padded to 8; outputs ...
 *   +---------------+---------------+-------------------------------+------------------------------
 *
 *   PlanOutput
 *   0       2   3   4               8
 *   +-------+---+---+---------------+------------------------------------------
 *   |name_l |dt |rk | reserved      | i64 dims[rank], name padded to 8
 *   +-------+---+---+---------------+------------------------------------------
 * </pre>
 *
 * @param label what the outputs are, in the operation's words
 * @param workBytes memory traffic of the item
 * @param outputs name and type of each output
 */
public record PlanRecord(String label, long workBytes, List<OutputSpec> outputs) {
  private static final int OUTPUT_COUNT_OFFSET = 0;
  private static final int LABEL_LENGTH_OFFSET = OUTPUT_COUNT_OFFSET + 4;
  private static final int WORK_BYTES_OFFSET = LABEL_LENGTH_OFFSET + 4;
  private static final int LABEL_OFFSET = WORK_BYTES_OFFSET + 8;

  private static final int NAME_LENGTH_OFFSET = 0;
  private static final int DTYPE_OFFSET = NAME_LENGTH_OFFSET + 2;
  private static final int RANK_OFFSET = DTYPE_OFFSET + 1;
  private static final int RESERVED_OFFSET = RANK_OFFSET + 1;
  private static final int DIMENSIONS_OFFSET = RESERVED_OFFSET + 4;

  private static final int MAX_NAME_BYTES = 0xFFFF;

  /**
   * The size of the record on the wire.
   *
   * @return bytes, a multiple of 8
   */
  public long byteLength() {
    long length = LABEL_OFFSET + LittleEndian.padTo8(bytes(label).length);
    for (OutputSpec output : outputs) {
      length += DIMENSIONS_OFFSET
          + (long) Long.BYTES * output.type().shape().rank()
          + LittleEndian.padTo8(bytes(output.name()).length);
    }
    return length;
  }

  /**
   * Writes the record.
   *
   * @param segment where to write
   * @param at where the record begins
   */
  public void write(MemorySegment segment, long at) {
    byte[] text = bytes(label);
    LittleEndian.putInt(segment, at + OUTPUT_COUNT_OFFSET, outputs.size());
    LittleEndian.putInt(segment, at + LABEL_LENGTH_OFFSET, text.length);
    LittleEndian.putLong(segment, at + WORK_BYTES_OFFSET, workBytes);
    long next = writePadded(segment, at + LABEL_OFFSET, text);
    for (OutputSpec output : outputs) {
      next = writeOutput(segment, next, output);
    }
  }

  private static long writeOutput(MemorySegment segment, long at, OutputSpec output) {
    byte[] name = bytes(output.name());
    Shape shape = output.type().shape();
    LittleEndian.putShort(segment, at + NAME_LENGTH_OFFSET, name.length);
    LittleEndian.putByte(segment, at + DTYPE_OFFSET, output.type().dtype().code());
    LittleEndian.putByte(segment, at + RANK_OFFSET, shape.rank());
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    long next = at + DIMENSIONS_OFFSET;
    for (int i = 0; i < shape.rank(); i++, next += Long.BYTES) {
      LittleEndian.putLong(segment, next, shape.dimension(i));
    }
    return writePadded(segment, next, name);
  }

  private static long writePadded(MemorySegment segment, long at, byte[] text) {
    long end = at + LittleEndian.padTo8(text.length);
    segment.asSlice(at, end - at).fill((byte) 0);
    Utf8.write(segment, at, text);
    return end;
  }

  private static byte[] bytes(String text) {
    return Utf8.encode(text, MAX_NAME_BYTES);
  }

  /**
   * Reads a record.
   *
   * @param record exactly the bytes of the record, private memory
   * @return what it says
   * @throws ProtocolException if it breaks the format
   */
  public static PlanRecord read(MemorySegment record) {
    requireRoom(record, 0, LABEL_OFFSET);
    long count = LittleEndian.getSize(record, OUTPUT_COUNT_OFFSET);
    long labelLength = LittleEndian.getSize(record, LABEL_LENGTH_OFFSET);
    requireRoom(record, LABEL_OFFSET, labelLength);
    String label = Utf8.decode(record, LABEL_OFFSET, labelLength);
    List<OutputSpec> outputs = new ArrayList<>();
    long next = LABEL_OFFSET + LittleEndian.padTo8(labelLength);
    for (long i = 0; i < count; i++) {
      next = readOutput(record, next, outputs);
    }
    return new PlanRecord(
        label, LittleEndian.getLong(record, WORK_BYTES_OFFSET), List.copyOf(outputs));
  }

  private static long readOutput(MemorySegment record, long at, List<OutputSpec> outputs) {
    requireRoom(record, at, DIMENSIONS_OFFSET);
    int nameLength = LittleEndian.getShort(record, at + NAME_LENGTH_OFFSET);
    DType dtype = DType.ofCode(LittleEndian.getByte(record, at + DTYPE_OFFSET));
    int rank = LittleEndian.getByte(record, at + RANK_OFFSET);
    long name = at + DIMENSIONS_OFFSET + (long) Long.BYTES * rank;
    requireRoom(record, at, name - at + nameLength);
    long[] dimensions = new long[rank];
    for (int i = 0; i < rank; i++) {
      dimensions[i] =
          LittleEndian.getLong(record, at + DIMENSIONS_OFFSET + (long) Long.BYTES * i);
    }
    TensorType type = new TensorType(dtype, Shape.of(dimensions));
    outputs.add(new OutputSpec(Utf8.decode(record, name, nameLength), type));
    return name + LittleEndian.padTo8(nameLength);
  }

  private static void requireRoom(MemorySegment record, long at, long length) {
    if (at > record.byteSize() || length > record.byteSize() - at) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "a plan record ends before its last field");
    }
  }
}
