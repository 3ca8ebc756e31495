package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * GPTQ and AWQ, which share names: {@code P.qweight}, {@code P.qzeros}, {@code P.scales} and maybe
 * {@code P.g_idx} hold {@code P.weight}, transposed. Both are made with activations, hence only read.
 *
 * <pre>
 *             GPTQ                                 AWQ (GEMM)
 *   qweight   I32 (columns * bits / 32, rows)      I32 (columns, rows / 8)
 *   qzeros    I32 (groups, rows * bits / 32)       I32 (groups, rows / 8)
 *   scales    F16 (groups, rows)                   F16 (groups, rows)
 *   g_idx     I32 (columns), maybe                 none
 *   zero      qzeros + 1, in the first format      qzeros
 * </pre>
 */
final class TransposedLayout implements CheckpointLayout {
  private static final String CODES = ".qweight";
  private static final int WORD = Integer.SIZE;

  @Override
  public String title() {
    return "GPTQ and AWQ";
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return false;
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    throw new UnsupportedOperationException(title());
  }

  @Override
  public List<CheckpointTensor> recognise(CheckpointEntries entries) {
    List<CheckpointTensor> found = new ArrayList<>();
    for (String prefix : entries.stems(CODES)) {
      boolean ours =
          entries.has(prefix + CODES, DType.I32)
              && (entries.find(prefix + ".scales") != null
                  || entries.find(prefix + ".qzeros") != null);
      if (ours) {
        found.add(recognise(entries, prefix));
      }
    }
    return found;
  }

  /** The entries of one tensor; {@code groupIndex} may be missing. */
  private record Parts(
      TensorEntry codes, TensorEntry zeros, TensorEntry scales, Optional<TensorEntry> groupIndex) {}

  private static CheckpointTensor recognise(CheckpointEntries entries, String prefix) {
    String name = prefix + ".weight";
    Parts parts =
        new Parts(
            entries.require(name, prefix + CODES),
            entries.require(name, prefix + ".qzeros"),
            entries.require(name, prefix + ".scales"),
            Optional.ofNullable(entries.find(prefix + ".g_idx")));
    boolean matrices =
        parts.codes.shape().rank() == 2
            && parts.scales.shape().rank() == 2
            && parts.codes.shape().elementCount() > 0
            && parts.scales.shape().elementCount() > 0;
    DType dtype = parts.scales.dtype().orElse(DType.BOOL);
    if (!matrices || !ScaleValues.isFloat(dtype)) {
      throw CheckpointEntries.mismatch(name, parts.scales, "a matrix of floats beside another");
    }
    long rows = parts.scales.shape().dimension(1);
    return parts.codes.shape().dimension(1) == rows
        ? gptq(entries, name, parts, rows)
        : awq(name, parts, rows);
  }

  private static CheckpointTensor gptq(
      CheckpointEntries entries, String name, Parts parts, long rows) {
    long words = parts.codes.shape().dimension(0);
    int bits = gptqBits(name, parts, rows);
    long columns = parts.groupIndex.isPresent()
        ? parts.groupIndex.get().shape().elementCount()
        : words * WORD / bits;
    if (parts.groupIndex.isPresent()) {
      requireMatrix(name, parts.groupIndex.get(), Shape.of(columns));
    }
    long groups = parts.scales.shape().dimension(0);
    requireMatrix(name, parts.codes, Shape.of(Math.ceilDiv(columns * bits, WORD), rows));
    requireMatrix(name, parts.zeros, Shape.of(groups, Math.ceilDiv(rows * bits, WORD)));
    int groupColumns = groupColumns(name, parts.scales, columns, groups);
    boolean second = entries.path().map(GptqVersion::isSecond).orElse(false);
    Shape shape = Shape.of(rows, columns);
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      ColumnGroups index = parts.groupIndex.isPresent()
          ? ColumnGroups.Listed.of(name, mapped.bytes(parts.groupIndex.get()), (int) groups)
          : new ColumnGroups.Even(groupColumns);
      PackedRows zeros =
          new PackedRows(
              mapped.tensor(parts.zeros).data(), parts.zeros.shape().dimension(1), bits);
      int mask = (1 << bits) - 1;
      TransposedScales.ZeroPoints points = (group, row) -> {
        float[] zero = new float[1];
        zeros.read(group, (int) row, zero);
        return second ? zero[0] : (int) zero[0] + 1 & mask;
      };
      var scales = mapped.tensor(parts.scales);
      return new AffineFloats(
          shape,
          mapped.all(),
          new PackedColumns(mapped.tensor(parts.codes).data(), rows, bits),
          new TransposedScales((int) groups, rows, ScaleValues.of(scales), points),
          index,
          Rounding.to(scales.dtype()));
    };
    String encoding = "gptq:bits=" + bits + ",group=" + groupColumns
        + (parts.groupIndex.isPresent() ? "" : ",order=natural");
    return tensor(name, shape, encoding, parts, reading);
  }

  /** The number of bits for which the sizes agree. */
  private static int gptqBits(String name, Parts parts, long rows) {
    long zeroWords = parts.zeros.shape().rank() == 2 ? parts.zeros.shape().dimension(1) : 0;
    long words = parts.codes.shape().dimension(0);
    for (int bits : new int[]{4, 8, 2, 3}) {
      boolean zerosFit = Math.ceilDiv(rows * bits, WORD) == zeroWords;
      boolean codesFit = parts.groupIndex.isPresent()
          ? Math.ceilDiv(parts.groupIndex.get().shape().elementCount() * bits, WORD) == words
          : words * WORD % bits == 0;
      if (zerosFit && codesFit) {
        return bits;
      }
    }
    throw CheckpointEntries.mismatch(
        name, parts.zeros, "zero points of 2, 3, 4 or 8 bits for " + rows + " rows");
  }

  private static CheckpointTensor awq(String name, Parts parts, long rows) {
    long columns = parts.codes.shape().dimension(0);
    long groups = parts.scales.shape().dimension(0);
    long words = rows / AwqColumns.PER_WORD;
    if (rows % AwqColumns.PER_WORD != 0) {
      throw CheckpointEntries.mismatch(name, parts.scales, "scales of a multiple of 8 rows");
    }
    requireMatrix(name, parts.codes, Shape.of(columns, words));
    requireMatrix(name, parts.zeros, Shape.of(groups, words));
    int groupColumns = groupColumns(name, parts.scales, columns, groups);
    Shape shape = Shape.of(rows, columns);
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      AwqColumns zeros = new AwqColumns(mapped.tensor(parts.zeros).data(), words);
      TransposedScales.ZeroPoints points = (group, row) -> {
        float[] zero = new float[1];
        zeros.read(row, group, zero);
        return zero[0];
      };
      var scales = mapped.tensor(parts.scales);
      return new AffineFloats(
          shape,
          mapped.all(),
          new AwqColumns(mapped.tensor(parts.codes).data(), words),
          new TransposedScales((int) groups, rows, ScaleValues.of(scales), points),
          new ColumnGroups.Even(groupColumns),
          Rounding.to(scales.dtype()));
    };
    return tensor(name, shape, "awq:bits=4,group=" + groupColumns, parts, reading);
  }

  private static CheckpointTensor tensor(
      String name, Shape shape, String encoding, Parts parts, FloatReading reading) {
    List<TensorEntry> all = new ArrayList<>(List.of(parts.codes, parts.zeros, parts.scales));
    parts.groupIndex.ifPresent(all::add);
    return new CheckpointTensor(name, shape, encoding, Optional.empty(), all, reading);
  }

  private static void requireMatrix(String name, TensorEntry entry, Shape shape) {
    if (!entry.dtype().equals(Optional.of(DType.I32)) || !entry.shape().equals(shape)) {
      throw CheckpointEntries.mismatch(name, entry, "i32" + shape);
    }
  }

  /** Columns of a group; the last group may be shorter. */
  private static int groupColumns(String name, TensorEntry scales, long columns, long groups) {
    long each = Math.ceilDiv(columns, groups);
    if (columns > Integer.MAX_VALUE || groups > columns || Math.ceilDiv(columns, each) != groups) {
      throw CheckpointEntries.mismatch(name, scales, "equal groups of " + columns + " columns");
    }
    return (int) each;
  }
}
