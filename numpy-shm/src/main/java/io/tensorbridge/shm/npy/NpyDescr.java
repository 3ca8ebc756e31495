package io.tensorbridge.shm.npy;

import io.tensorbridge.DType;
import io.tensorbridge.shm.file.ByteSource;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A dtype's type string, such as {@code <f4}: byte order, kind, and bytes per element.
 *
 * @param dtype the element encoding
 * @param byteOrder how elements are stored; little-endian where there is but one byte
 */
record NpyDescr(DType dtype, ByteOrder byteOrder) {
  private static final String RULE = "the dtype is one that tensors can have";

  static NpyDescr parse(
      ByteSource source, int at, String descr, @Nullable DType voidDType) {
    if (descr.length() < 2 || "<>|=".indexOf(descr.charAt(0)) < 0) {
      throw source.broken(at, "a type string is like '<f4'", "found '" + descr + "'");
    }
    char order = descr.charAt(0);
    String code = descr.substring(1);
    DType dtype = code.startsWith("V") ? ofVoid(descr, voidDType) : ofNumber(code);
    if (dtype == null || (order == '|' && code.charAt(0) != 'V' && dtype.byteSize() > 1)) {
      throw source.broken(at, RULE, "found '" + descr + "'; " + remedy(code));
    }
    boolean big = dtype.byteSize() > 1 && isBig(order);
    return new NpyDescr(dtype, big ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
  }

  private static boolean isBig(char order) {
    return order == '>' || (order == '=' && ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN);
  }

  private static @Nullable DType ofNumber(String code) {
    if (code.equals("f1")) {
      return DType.F8_E5M2; // as ml_dtypes 0.6 writes it
    }
    for (DType dtype : DType.values()) {
      if (dtype.numpyTypestr().substring(1).equals(code)) {
        return dtype;
      }
    }
    return null;
  }

  /** NumPy has no name for the types of ml_dtypes, only their size; plain void is {@code |V2}. */
  private static @Nullable DType ofVoid(String descr, @Nullable DType voidDType) {
    if (voidDType != null && descr.substring(2).equals(Integer.toString(voidDType.byteSize()))) {
      return voidDType;
    }
    return descr.equals(DType.BF16.numpyTypestr()) ? DType.BF16 : null;
  }

  private static String remedy(String code) {
    return switch (code.charAt(0)) {
      case 'O' ->
          "object arrays are pickles, which are never loaded; save array.astype(np.float32)";
      case 'V' ->
          "a void type has lost its name; open the file with the dtype it stands for, for example"
              + " NpyFile.open(path, DType.F8_E4M3)";
      case 'S', 'U' -> "text is no tensor";
      case 'M', 'm' -> "save dates as numbers: array.view(np.int64)";
      case 'f', 'c' -> "save it with another precision, for example array.astype(np.float64)";
      default -> "save it with another dtype, for example array.astype(np.float32)";
    };
  }
}
