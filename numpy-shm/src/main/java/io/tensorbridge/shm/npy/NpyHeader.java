package io.tensorbridge.shm.npy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.file.ByteSource;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The head of a {@code .npy} file.
 *
 * <pre>
 *    0        6       7       8              10 or 12                a multiple of 64
 *   +--------+-------+-------+--------------+------------------------+---------
 *   | \x93   | major | minor | length       | {'descr': '&lt;f4', ...} | elements
 *   | NUMPY  |       |       | u16, u32 (2+)|          spaces, \n    |
 *   +--------+-------+-------+--------------+------------------------+---------
 * </pre>
 *
 * @param type dtype and shape
 * @param byteOrder how the elements are stored
 * @param fortranOrder whether the first dimension is fastest
 * @param dataOffset where the elements begin
 */
record NpyHeader(TensorType type, ByteOrder byteOrder, boolean fortranOrder, long dataOffset) {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAJOR_OFFSET = 6;
  private static final int MINOR_OFFSET = 7;
  private static final int LENGTH_OFFSET = 8;
  private static final int ALIGNMENT = 64;
  private static final int MAX_SHORT_LENGTH = 0xFFFF;
  /** NumPy's own headers stay below 10,000 bytes; only structured dtypes need more. */
  private static final int MAX_LENGTH = 1 << 20;

  /** So many bytes tell how long the head is. */
  static final int PREFIX_BYTES = LENGTH_OFFSET + Integer.BYTES;

  /**
   * Reads a head and checks that the elements it announces are there.
   *
   * @param source begins with the head; it may be just the beginning of the array
   * @param size bytes of head and elements together
   * @param voidDType what to take elements without a type of their own for, or null
   */
  static NpyHeader read(ByteSource source, long size, @Nullable DType voidDType) {
    int dataOffset = headLength(source);
    if (dataOffset > source.size()) {
      throw source.broken(
          LENGTH_OFFSET, "the header ends within the file", "it would end at byte " + dataOffset);
    }
    int major = major(source);
    int textOffset = textOffset(major);
    String text =
        new String(
            source.copy(textOffset, dataOffset - textOffset),
            major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
    NpyDictionary dictionary = new NpyDictionaryParser(source, textOffset, text).parse();
    NpyHeader header = of(source, textOffset, dictionary, dataOffset, voidDType);
    header.requireElements(source, size);
    return header;
  }

  /**
   * The length of the whole head, which may be more than the source holds.
   *
   * @param source at least the first {@link #PREFIX_BYTES} bytes
   */
  static int headLength(ByteSource source) {
    requireMagic(source);
    int textOffset = textOffset(major(source));
    byte[] bytes = source.copy(LENGTH_OFFSET, textOffset - LENGTH_OFFSET);
    long length = 0;
    for (int i = bytes.length - 1; i >= 0; i--) {
      length = length << Byte.SIZE | Byte.toUnsignedLong(bytes[i]);
    }
    if (length > MAX_LENGTH) {
      throw source.broken(
          LENGTH_OFFSET,
          "a header has at most " + MAX_LENGTH + " bytes",
          "a header of " + length + " bytes");
    }
    return textOffset + (int) length;
  }

  private static void requireMagic(ByteSource source) {
    boolean there = source.size() >= PREFIX_BYTES;
    if (!there || !Arrays.equals(source.copy(0, MAGIC.length), MAGIC)) {
      throw source.broken(
          0, "a .npy file begins with \\x93NUMPY", there ? "other bytes" : "too few bytes");
    }
  }

  private static int major(ByteSource source) {
    byte[] version = source.copy(MAJOR_OFFSET, 2);
    if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
      throw source.broken(
          MAJOR_OFFSET,
          "versions 1.0, 2.0 and 3.0 are known",
          "the version is " + version[0] + "." + version[1]);
    }
    return version[0];
  }

  private static int textOffset(int major) {
    return LENGTH_OFFSET + (major == 1 ? Short.BYTES : Integer.BYTES);
  }

  private static NpyHeader of(
      ByteSource source,
      int textOffset,
      NpyDictionary dictionary,
      long dataOffset,
      @Nullable DType voidDType) {
    NpyDescr descr =
        NpyDescr.parse(
            source, textOffset + dictionary.descrAt(), dictionary.descr(), voidDType);
    try {
      TensorType type = new TensorType(descr.dtype(), Shape.of(dictionary.shape()));
      return new NpyHeader(type, descr.byteOrder(), dictionary.fortranOrder(), dataOffset);
    } catch (BridgeException impossible) {
      throw source.broken(
          textOffset + dictionary.shapeAt(),
          "the shape has at most " + Shape.MAX_RANK + " dimensions and 2^63 bytes",
          String.valueOf(impossible.getMessage()));
    }
  }

  private void requireElements(ByteSource source, long size) {
    if (type.byteLength() > size - dataOffset) {
      throw source.broken(
          dataOffset,
          "all elements that the header announces are there",
          type + " needs " + type.byteLength() + " bytes, but there are "
              + Math.max(0, size - dataOffset));
    }
  }

  /** Where the elements lie, relative to the first of them. */
  TensorLayout layout() {
    return fortranOrder ? TensorLayout.columnMajor(type) : TensorLayout.rowMajor(type);
  }

  /** Whether the elements are as every consumer expects them. */
  boolean isPlain() {
    return byteOrder == ByteOrder.LITTLE_ENDIAN && layout().isRowMajor();
  }

  /** The head as NumPy writes it: version 1.0, or 2.0 if that has no room; padded to 64 bytes. */
  static byte[] write(TensorType type, boolean fortranOrder) {
    String text =
        "{'descr': '" + type.dtype().numpyTypestr() + "', 'fortran_order': "
            + (fortranOrder ? "True" : "False") + ", 'shape': " + type.shape() + ", }";
    int major = paddedLength(1, text) - textOffset(1) > MAX_SHORT_LENGTH ? 2 : 1;
    int textOffset = textOffset(major);
    byte[] head = new byte[paddedLength(major, text)];
    Arrays.fill(head, (byte) ' ');
    System.arraycopy(MAGIC, 0, head, 0, MAGIC.length);
    head[MAJOR_OFFSET] = (byte) major;
    head[MINOR_OFFSET] = 0;
    int length = head.length - textOffset;
    for (int i = LENGTH_OFFSET; i < textOffset; i++) {
      head[i] = (byte) length;
      length >>= Byte.SIZE;
    }
    byte[] latin = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(latin, 0, head, textOffset, latin.length);
    head[head.length - 1] = '\n';
    return head;
  }

  private static int paddedLength(int major, String text) {
    return Math.ceilDiv(textOffset(major) + text.length() + 1, ALIGNMENT) * ALIGNMENT;
  }
}
