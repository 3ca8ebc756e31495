package io.tensorbridge.shm.npy;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.Arrays;

/**
 * Reads the Python literal of a header, and no other Python.
 *
 * <pre>
 *   header = "{" entry ("," entry)* [","] "}" whitespace
 *   entry  = "'descr'" ":" string | "'fortran_order'" ":" ("True" | "False") | "'shape'" ":" tuple
 *   tuple  = "(" [ integer ("," integer)* [","] ] ")"
 *   string = in single or double quotes, without a backslash
 *   integer = decimal digits ["L"]                  (Python 2 wrote the L)
 * </pre>
 *
 * <p>All three keys, each once, in any order; one integer alone in a tuple needs its comma.
 */
final class NpyDictionaryParser {
  private static final int MAX_DIGITS = 19;

  private final ByteSource source;
  private final int textOffset;
  private final String text;
  private int at;

  private String descr = "";
  private int descrAt = -1;
  private boolean fortranOrder;
  private int fortranOrderAt = -1;
  private long[] shape = new long[0];
  private int shapeAt = -1;

  NpyDictionaryParser(ByteSource source, int textOffset, String text) {
    this.source = source;
    this.textOffset = textOffset;
    this.text = text;
  }

  NpyDictionary parse() {
    expect('{');
    while (!found('}')) {
      readEntry();
      if (!found(',')) {
        expect('}');
        break;
      }
    }
    skipSpace();
    if (at < text.length()) {
      throw broken("nothing follows the header's dictionary", at);
    }
    if (descrAt < 0 || fortranOrderAt < 0 || shapeAt < 0) {
      throw broken("the header has the keys descr, fortran_order and shape", 0);
    }
    return new NpyDictionary(descr, descrAt, fortranOrder, shape, shapeAt);
  }

  private void readEntry() {
    skipSpace();
    int keyAt = at;
    String key = readString();
    expect(':');
    skipSpace();
    switch (key) {
      case "descr" -> {
        requireFirst(descrAt, keyAt);
        descrAt = at;
        descr = readDescr();
      }
      case "fortran_order" -> {
        requireFirst(fortranOrderAt, keyAt);
        fortranOrderAt = at;
        fortranOrder = readBoolean();
      }
      case "shape" -> {
        requireFirst(shapeAt, keyAt);
        shapeAt = at;
        shape = readTuple();
      }
      default ->
          throw broken("the header has no other key than descr, fortran_order, shape", keyAt);
    }
  }

  private void requireFirst(int before, int keyAt) {
    if (before >= 0) {
      throw broken("each key comes once", keyAt);
    }
  }

  private String readDescr() {
    if (at < text.length() && (text.charAt(at) == '[' || text.charAt(at) == '(')) {
      throw broken(
          "structured dtypes are not tensors: save each field as an array of its own, for example"
              + " np.savez(path, **{n: a[n] for n in a.dtype.names})",
          at);
    }
    return readString();
  }

  private String readString() {
    skipSpace();
    char quote = at < text.length() ? text.charAt(at) : 0;
    int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
    if (end < 0 || text.substring(at, end).indexOf('\\') >= 0) {
      throw broken("a string in quotes, without a backslash, stands here", at);
    }
    String value = text.substring(at + 1, end);
    at = end + 1;
    return value;
  }

  private boolean readBoolean() {
    for (String word : new String[]{"True", "False"}) {
      if (text.startsWith(word, at)) {
        at += word.length();
        return word.equals("True");
      }
    }
    throw broken("fortran_order is True or False", at);
  }

  private long[] readTuple() {
    expect('(');
    long[] values = new long[8];
    int count = 0;
    boolean comma = true;
    while (!found(')')) {
      if (!comma) {
        throw broken("a comma stands between the dimensions", at);
      }
      values = count == values.length ? Arrays.copyOf(values, 2 * count) : values;
      values[count++] = readInteger();
      comma = found(',');
    }
    if (count == 1 && !comma) {
      throw broken("the shape is a tuple, such as (3,)", at);
    }
    return Arrays.copyOf(values, count);
  }

  private long readInteger() {
    skipSpace();
    int from = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    try {
      if (at == from || at - from > MAX_DIGITS) {
        throw new NumberFormatException();
      }
      long value = Long.parseLong(text, from, at, 10);
      at += at < text.length() && text.charAt(at) == 'L' ? 1 : 0;
      return value;
    } catch (NumberFormatException notALong) {
      throw broken("a dimension is a decimal number from 0 to 2^63-1", from);
    }
  }

  private boolean found(char wanted) {
    skipSpace();
    boolean there = at < text.length() && text.charAt(at) == wanted;
    at += there ? 1 : 0;
    return there;
  }

  private void expect(char wanted) {
    if (!found(wanted)) {
      throw broken("'" + wanted + "' stands here", at);
    }
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private FormatException broken(String rule, int position) {
    int end = Math.min(text.length(), position + 40);
    String found =
        position < end ? "found " + text.substring(position, end).strip() : "the header ends";
    return source.broken(textOffset + position, rule, found);
  }
}
