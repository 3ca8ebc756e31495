package io.tensorbridge.arrow;

import io.tensorbridge.arrow.ArrowType.IntervalUnit;
import io.tensorbridge.arrow.ArrowType.TimeUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A field of every type of the columnar format. */
public final class EveryType {
  private static final ArrowType INT8 = new ArrowType.Int(8, true);
  private static final ArrowType UTF8 = new ArrowType.Bytes(true, false);

  private EveryType() {}

  public static List<ArrowField> fields() {
    List<ArrowField> fields = new ArrayList<>();
    for (ArrowType leaf : leaves()) {
      fields.add(ArrowField.of(leaf.toString(), leaf, true));
    }
    ArrowField item = ArrowField.of("item", INT8, true);
    ArrowField text = ArrowField.of("text", UTF8, true);
    for (boolean large : List.of(false, true)) {
      fields.add(ArrowField.of("list", new ArrowType.ListOf(large), true, item));
      fields.add(ArrowField.of("list view", new ArrowType.ListView(large), false, item));
      fields
          .add(ArrowField.of("union", new ArrowType.Union(large, List.of(5, 0)), true, item, text));
      ArrowField entries =
          ArrowField.of("entries", new ArrowType.Struct(), false,
              ArrowField.of("key", UTF8, false), item);
      fields.add(ArrowField.of("map", new ArrowType.Map(large), true, entries));
    }
    fields.add(ArrowField.of("fixed list", new ArrowType.FixedSizeList(3), true, item));
    fields.add(ArrowField.of("struct", new ArrowType.Struct(), true, item, text));
    fields.add(ArrowField.of("empty struct", new ArrowType.Struct(), true));
    for (int bits : List.of(16, 32, 64)) {
      ArrowField ends = ArrowField.of("run_ends", new ArrowType.Int(bits, true), false);
      fields.add(ArrowField.of("runs", new ArrowType.RunEndEncoded(), true, ends, text));
    }
    fields.add(text.withDictionary(
        new DictionaryEncoding(-7, new ArrowType.Int(16, false), true)));
    fields.add(item.withMetadata(Map.of(ArrowField.EXTENSION_NAME, "arrow.bool8")));
    return fields;
  }

  private static List<ArrowType> leaves() {
    List<ArrowType> leaves = new ArrayList<>();
    leaves.add(new ArrowType.Null());
    leaves.add(new ArrowType.Bool());
    for (int bits : List.of(8, 16, 32, 64)) {
      leaves.add(new ArrowType.Int(bits, true));
      leaves.add(new ArrowType.Int(bits, false));
    }
    for (int bits : List.of(16, 32, 64)) {
      leaves.add(new ArrowType.Floating(bits));
    }
    leaves.add(new ArrowType.Decimal(9, -2, 32));
    leaves.add(new ArrowType.Decimal(18, 18, 64));
    leaves.add(new ArrowType.Decimal(38, 3, 128));
    leaves.add(new ArrowType.Decimal(76, 0, 256));
    leaves.add(new ArrowType.Date(false));
    leaves.add(new ArrowType.Date(true));
    for (TimeUnit unit : TimeUnit.values()) {
      leaves.add(new ArrowType.Time(unit));
      leaves.add(new ArrowType.Timestamp(unit, ""));
      leaves.add(new ArrowType.Timestamp(unit, "Asia/Tōkyō"));
      leaves.add(new ArrowType.Duration(unit));
    }
    for (IntervalUnit unit : IntervalUnit.values()) {
      leaves.add(new ArrowType.Interval(unit));
    }
    leaves.add(new ArrowType.FixedSizeBinary(0));
    leaves.add(new ArrowType.FixedSizeBinary(1 << 30));
    for (boolean text : List.of(false, true)) {
      leaves.add(new ArrowType.Bytes(text, false));
      leaves.add(new ArrowType.Bytes(text, true));
      leaves.add(new ArrowType.BytesView(text));
    }
    return leaves;
  }
}
