package io.tensorbridge;

import java.util.Locale;

/**
 * The encoding of one tensor element, little-endian.
 *
 * <p>Each constant carries the code of the wire format ({@code spec/tensor-descriptor.md}), its
 * name in NumPy, and its DLPack type code ({@code dlpack.h}, version 1.1).
 */
public enum DType {
  /** One byte, 0 or 1. */
  BOOL(1, 1, "bool", "|b1", Kind.BOOL, 6),
  /** Signed 8-bit integer. */
  I8(2, 1, "int8", "|i1", Kind.SIGNED, 0),
  /** Signed 16-bit integer. */
  I16(3, 2, "int16", "<i2", Kind.SIGNED, 0),
  /** Signed 32-bit integer. */
  I32(4, 4, "int32", "<i4", Kind.SIGNED, 0),
  /** Signed 64-bit integer. */
  I64(5, 8, "int64", "<i8", Kind.SIGNED, 0),
  /** Unsigned 8-bit integer. */
  U8(6, 1, "uint8", "|u1", Kind.UNSIGNED, 1),
  /** Unsigned 16-bit integer. */
  U16(7, 2, "uint16", "<u2", Kind.UNSIGNED, 1),
  /** Unsigned 32-bit integer. */
  U32(8, 4, "uint32", "<u4", Kind.UNSIGNED, 1),
  /** Unsigned 64-bit integer. */
  U64(9, 8, "uint64", "<u8", Kind.UNSIGNED, 1),
  /** IEEE 754 binary16. */
  F16(10, 2, "float16", "<f2", Kind.FLOAT, 2),
  /** The upper half of a binary32; NumPy knows it through {@code ml_dtypes}. */
  BF16(11, 2, "bfloat16", "<V2", Kind.FLOAT, 4),
  /** IEEE 754 binary32. */
  F32(12, 4, "float32", "<f4", Kind.FLOAT, 2),
  /** IEEE 754 binary64. */
  F64(13, 8, "float64", "<f8", Kind.FLOAT, 2),
  /** OCP FP8 E4M3 without infinities ({@code float8_e4m3fn}). */
  F8_E4M3(14, 1, "float8_e4m3fn", "|V1", Kind.FLOAT, 10),
  /** OCP FP8 E5M2. */
  F8_E5M2(15, 1, "float8_e5m2", "|V1", Kind.FLOAT, 12),
  /** Two binary32, real part first. */
  C64(16, 8, "complex64", "<c8", Kind.COMPLEX, 5),
  /** Two binary64, real part first. */
  C128(17, 16, "complex128", "<c16", Kind.COMPLEX, 5);

  /** What an element means, whatever its width. */
  public enum Kind {
    /** True or false. */
    BOOL,
    /** Two's complement integer. */
    SIGNED,
    /** Unsigned integer. */
    UNSIGNED,
    /** Real floating point number. */
    FLOAT,
    /** Complex floating point number. */
    COMPLEX
  }

  private static final DType[] BY_CODE = byCode();

  private final int code;
  private final int byteSize;
  private final String numpyName;
  private final String numpyTypestr;
  private final Kind kind;
  private final int dlpackTypeCode;

  DType(
      int code,
      int byteSize,
      String numpyName,
      String numpyTypestr,
      Kind kind,
      int dlpackTypeCode) {
    this.code = code;
    this.byteSize = byteSize;
    this.numpyName = numpyName;
    this.numpyTypestr = numpyTypestr;
    this.kind = kind;
    this.dlpackTypeCode = dlpackTypeCode;
  }

  /**
   * The number that stands for this dtype on the wire.
   *
   * @return the code, 1 to 17
   */
  public int code() {
    return code;
  }

  /**
   * The size of one element.
   *
   * @return bytes per element
   */
  public int byteSize() {
    return byteSize;
  }

  /**
   * The size of one element in bits, as DLPack counts it.
   *
   * @return bits per element
   */
  public int bits() {
    return this == BOOL ? 8 : byteSize * 8;
  }

  /**
   * The name by which NumPy (with {@code ml_dtypes}) knows this dtype.
   *
   * @return for example {@code float32}
   */
  public String numpyName() {
    return numpyName;
  }

  /**
   * The type string of NumPy's array interface and of {@code .npy} headers.
   *
   * @return for example {@code <f4}; a void type where NumPy itself has no such dtype
   */
  public String numpyTypestr() {
    return numpyTypestr;
  }

  /**
   * What an element means.
   *
   * @return the kind
   */
  public Kind kind() {
    return kind;
  }

  /**
   * The DLPack type code ({@code DLDataTypeCode}).
   *
   * @return the code; with {@link #bits()} it identifies the dtype
   */
  public int dlpackTypeCode() {
    return dlpackTypeCode;
  }

  /**
   * The dtype with a wire code.
   *
   * @param code a number read from the wire
   * @return the dtype
   * @throws ProtocolException {@link ErrorCode#BAD_DTYPE} if no dtype has this code
   */
  public static DType ofCode(int code) {
    if (code < 1 || code >= BY_CODE.length) {
      throw new ProtocolException(
          ErrorCode.BAD_DTYPE, "dtype code " + code + " is unknown; known are 1 to 17");
    }
    return BY_CODE[code];
  }

  /**
   * The dtype with a NumPy name or one of the short names of this enum, in any case.
   *
   * @param name for example {@code float32} or {@code f32}
   * @return the dtype
   * @throws OptionException if the name is unknown
   */
  public static DType ofName(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    for (DType dtype : values()) {
      if (dtype.numpyName.equals(lower) || dtype.name().toLowerCase(Locale.ROOT).equals(lower)) {
        return dtype;
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION, "dtype", "\"" + name + "\" is no dtype; try float32");
  }

  private static DType[] byCode() {
    DType[] table = new DType[values().length + 1];
    for (DType dtype : values()) {
      table[dtype.code] = dtype;
    }
    return table;
  }
}
