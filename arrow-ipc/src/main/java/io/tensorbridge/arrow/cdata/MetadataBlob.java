package io.tensorbridge.arrow.cdata;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.internal.cdata.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code ArrowSchema.metadata} leads to: the number of pairs, then the length and the bytes of
 * each key and value, one behind the other; numbers have 32 bits in the machine's order.
 */
final class MetadataBlob {
  static final String RULE = "metadata of text with its length before it";

  /** More than any schema has; a wild length is not followed. */
  private static final int MAX_BYTES = 1 << 28;

  private long at;
  private long left = MAX_BYTES;
  private final Place place;

  private MetadataBlob(long address, Place place) {
    this.at = address;
    this.place = place;
  }

  /** Encodes pairs, of which there is at least one. */
  static byte[] encode(Map<String, String> pairs) {
    List<byte[]> texts = new ArrayList<>(pairs.size() * 2);
    pairs.forEach(
        (key, value) -> {
          texts.add(key.getBytes(StandardCharsets.UTF_8));
          texts.add(value.getBytes(StandardCharsets.UTF_8));
        });
    int size = Integer.BYTES;
    for (byte[] text : texts) {
      size = Math.addExact(size, Math.addExact(Integer.BYTES, text.length));
    }
    ByteBuffer blob = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    blob.putInt(pairs.size());
    for (byte[] text : texts) {
      blob.putInt(text.length).put(text);
    }
    return blob.array();
  }

  /**
   * Decodes pairs; of those with one key, the last one counts.
   *
   * @param address of the blob, or 0
   * @throws FormatException if lengths or text are wrong
   */
  static Map<String, String> decode(long address, Place place) {
    Map<String, String> pairs = new LinkedHashMap<>();
    if (address != 0) {
      MetadataBlob blob = new MetadataBlob(address, place);
      int count = blob.number("pairs");
      for (int i = 0; i < count; i++) {
        String key = blob.text("a key");
        pairs.put(key, blob.text("the value of \"" + key + '"'));
      }
    }
    return pairs;
  }

  private int number(String what) {
    int number = Memory.half(at);
    left -= Integer.BYTES;
    if (number < 0 || number > left) {
      throw place.broken(RULE, "metadata with " + number + " as the length of " + what);
    }
    at += Integer.BYTES;
    return number;
  }

  private String text(String what) {
    int length = number(what);
    String text = decode(Memory.read(at, length), place, what);
    at += length;
    left -= length;
    return text;
  }

  /** Decodes UTF-8 without replacing what is malformed. */
  static String decode(byte[] bytes, Place place, String what) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException malformed) {
      throw place.broken("text in UTF-8", what + " is " + bytes.length
          + " bytes of which some are no character");
    }
  }
}
