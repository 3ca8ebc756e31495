package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.Int4Scheme;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The pack-quantized format of compressed-tensors: {@code W_packed} (I32, a row after another),
 * {@code W_scale}, {@code W_shape}, maybe {@code W_zero_point} (I32, packed down the rows, or I8) and
 * {@code W_g_idx}. Codes are offset by half their range.
 */
final class PackQuantized {
  private static final int WORD = Integer.SIZE;
  private static final int LONGEST_SHAPE = 64;
  private static final int[] BITS = {4, 8, 2, 3, 1, 5, 6, 7};

  private static final List<Integer> GROUPS = List.of(16, 32, 64, 128, 256);

  private PackQuantized() {}

  static List<StoredEntry> store(String name, Int4Scheme scheme, Shape shape) {
    List<OutputSpec> parts = scheme.parts(shape);
    long rows = shape.flattenedToMatrix().dimension(0);
    long words = parts.getFirst().type().byteLength() / Integer.BYTES / Math.max(1, rows);
    long groups = parts.get(1).type().shape().elementCount() / Math.max(1, rows);
    ByteBuffer extents = ByteBuffer.allocate(shape.rank() * Long.BYTES);
    extents.order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().put(shape.dimensions());
    List<StoredEntry> entries = new ArrayList<>();
    entries.add(part(0, name + "_packed", DType.I32, Shape.of(rows, words)));
    entries.add(part(1, name + "_scale", DType.F32, Shape.of(rows, groups)));
    entries.add(
        new StoredEntry(
            TensorEntry.of(
                name + "_shape", new TensorType(DType.I64, Shape.of(shape.rank()))),
            new StoredEntry.Content.Constant(extents.array())));
    if (!scheme.isSymmetric()) {
      Shape packed = Shape.of(Math.ceilDiv(rows * scheme.bits(), WORD), groups);
      entries.add(
          new StoredEntry(
              TensorEntry.of(name + "_zero_point", new TensorType(DType.I32, packed)),
              new StoredEntry.Content.Converted(
                  2, zeros -> packedDown(zeros, rows, (int) groups, scheme.bits()))));
    }
    return entries;
  }

  private static StoredEntry part(int index, String name, DType dtype, Shape shape) {
    return new StoredEntry(
        TensorEntry.of(name, new TensorType(dtype, shape)), new StoredEntry.Content.Part(index));
  }

  /** Signed zero points, offset by half their range, each column of them a stream of bits. */
  private static byte[] packedDown(byte[] zeros, long rows, int groups, int bits) {
    int[] words = new int[Math.toIntExact(Math.ceilDiv(rows * bits, WORD)) * groups];
    int mask = (1 << bits) - 1;
    for (int i = 0; i < zeros.length; i++) {
      int bit = i / groups * bits;
      int code = zeros[i] + (1 << (bits - 1)) & mask;
      words[bit / WORD * groups + i % groups] |= code << (bit % WORD);
    }
    return MemorySegment.ofArray(words).toArray(ValueLayout.JAVA_BYTE);
  }

  static CheckpointTensor recognise(CheckpointEntries entries, String name) {
    TensorEntry packed = entries.require(name, name + "_packed");
    TensorEntry scales = entries.require(name, name + "_scale");
    TensorEntry shapeEntry = entries.require(name, name + "_shape");
    @Nullable
    TensorEntry zeros = entries.find(name + "_zero_point");
    @Nullable
    TensorEntry groupIndex = entries.find(name + "_g_idx");
    Shape shape = shape(entries, name, shapeEntry);
    Shape matrix = shape.flattenedToMatrix();
    long rows = matrix.dimension(0);
    long columns = matrix.dimension(1);
    DType dtype = scales.dtype().orElse(DType.BOOL);
    if (!ScaleValues.isFloat(dtype)) {
      throw CheckpointEntries.mismatch(name, scales, "scales of a float dtype");
    }
    ScaleGrid grid = ScaleGrid.of(name, scales, rows, columns);
    int bits = bits(name, packed, rows, columns);
    long words = Math.ceilDiv(columns * bits, WORD);
    requireZeros(name, zeros, bits, rows, grid);
    if (groupIndex != null
        && !(groupIndex.dtype().equals(Optional.of(DType.I32))
            && groupIndex.shape().elementCount() == columns)) {
      throw CheckpointEntries.mismatch(name, groupIndex, "i32 for each of " + columns + " columns");
    }
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      Tensor stored = mapped.tensor(scales);
      ScaleValues points =
          zeros == null ? _ -> 1 << (bits - 1) : zeros(mapped.tensor(zeros), bits, grid);
      return new AffineFloats(
          shape,
          mapped.all(),
          new PackedRows(mapped.tensor(packed).data(), words, bits),
          new BlockScales(grid.groups(), grid.blockRows(), ScaleValues.of(stored), points),
          groups(name, mapped, groupIndex, grid),
          Rounding.to(dtype));
    };
    String encoding = "compressed-tensors:type=int,bits=" + bits + ",group="
        + grid.text(rows, columns) + ",sym=" + (zeros == null);
    List<TensorEntry> all = new ArrayList<>(List.of(packed, scales, shapeEntry));
    if (zeros != null) {
      all.add(zeros);
    }
    if (groupIndex != null) {
      all.add(groupIndex);
    }
    CheckpointTensor tensor =
        new CheckpointTensor(name, shape, encoding, Optional.empty(), all, reading);
    boolean ours = (bits == 4 || bits == 8)
        && dtype == DType.F32
        && groupIndex == null
        && grid.blockRows() == 1
        && (grid.groupColumns() == columns || GROUPS.contains(grid.groupColumns()));
    if (!ours) {
      return tensor;
    }
    Int4Scheme scheme =
        new Int4Scheme(
            Int4Scheme.Layout.COMPRESSED_TENSORS,
            bits,
            GROUPS.contains(grid.groupColumns()) ? grid.groupColumns() : 0,
            zeros == null);
    return zeros == null
        ? tensor.as(scheme)
        : new CheckpointTensor(
            name, shape, scheme.toString(), Optional.of(scheme), all, reading);
  }

  private static Shape shape(CheckpointEntries entries, String name, TensorEntry entry) {
    boolean wide = entry.dtype().equals(Optional.of(DType.I64));
    boolean numbers = wide || entry.dtype().equals(Optional.of(DType.I32));
    if (!numbers || entry.byteLength() > LONGEST_SHAPE || entry.shape().elementCount() < 2) {
      throw CheckpointEntries.mismatch(name, entry, "the two extents of a matrix");
    }
    MemorySegment bytes = MemorySegment.ofArray(entries.read(entry));
    long[] dimensions = new long[(int) entry.shape().elementCount()];
    for (int i = 0; i < dimensions.length; i++) {
      dimensions[i] = wide
          ? bytes.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i)
          : bytes.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i);
    }
    return CheckpointShapes.of(name, dimensions);
  }

  /** The number of bits for which the size agrees, with the usual ones first. */
  private static int bits(String name, TensorEntry packed, long rows, long columns) {
    if (columns <= Integer.MAX_VALUE) {
      for (int bits : BITS) {
        long words = Math.ceilDiv(columns * bits, WORD);
        boolean fits = packed.dtype().equals(Optional.of(DType.I32))
            && packed.shape().elementCount() / words == rows
            && packed.shape().elementCount() % words == 0;
        if (fits) {
          return bits;
        }
      }
    }
    throw CheckpointEntries.mismatch(
        name, packed, "i32 codes of 1 to 8 bits of " + rows + " rows of " + columns + " columns");
  }

  private static void requireZeros(
      String name, @Nullable TensorEntry zeros, int bits, long rows, ScaleGrid grid) {
    if (zeros == null) {
      return;
    }
    long count = Math.ceilDiv(rows, grid.blockRows()) * grid.groups();
    boolean packed = zeros.dtype().equals(Optional.of(DType.I32))
        && grid.blockRows() == 1
        && zeros.shape().elementCount() == Math.ceilDiv(rows * bits, WORD) * grid.groups();
    boolean plain =
        zeros.dtype().equals(Optional.of(DType.I8)) && zeros.shape().elementCount() == count;
    if (!packed && !plain) {
      throw CheckpointEntries.mismatch(name, zeros, count + " zero points");
    }
  }

  private static ScaleValues zeros(Tensor stored, int bits, ScaleGrid grid) {
    MemorySegment bytes = stored.data();
    if (stored.dtype() == DType.I8) {
      return index -> bytes.get(ValueLayout.JAVA_BYTE, index) + (1 << (bits - 1));
    }
    PackedColumns down = new PackedColumns(bytes, grid.groups(), bits);
    return index -> {
      float[] zero = new float[1];
      down.read(index % grid.groups(), Math.toIntExact(index / grid.groups()), zero);
      return zero[0];
    };
  }

  /** Without an order, or with -1 for one (not yet initialized), groups are of neighbours. */
  private static ColumnGroups groups(
      String name, MappedEntries mapped, @Nullable TensorEntry groupIndex, ScaleGrid grid) {
    ColumnGroups even = new ColumnGroups.Even(grid.groupColumns());
    if (groupIndex == null) {
      return even;
    }
    byte[] bytes = mapped.bytes(groupIndex);
    boolean unset = MemorySegment.ofArray(bytes).get(ValueLayout.JAVA_INT_UNALIGNED, 0) == -1;
    return unset ? even : ColumnGroups.Listed.of(name, bytes, grid.groups());
  }
}
