package io.tensorbridge.arrow;

import java.util.List;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.Type;
import org.jspecify.annotations.Nullable;

/**
 * The tables of Arrow's metadata and what their slots hold: {@code Schema.fbs}, {@code Message.fbs}
 * and {@code File.fbs} of the columnar format 1.5, as far as they are read here.
 */
enum MetadataTable {
  /** One pair of metadata. */
  KEY_VALUE,
  /** How a dictionary is referred to. */
  DICTIONARY_ENCODING,
  /** A whole number. */
  INT,
  /** A number with a point. */
  FLOATING_POINT,
  /** A number of decimal digits. */
  DECIMAL,
  /** A time of day. */
  TIME,
  /** A time in a zone. */
  TIMESTAMP,
  /** A type that only has a unit. */
  UNIT,
  /** A list of equal lengths, or bytes of one. */
  FIXED_SIZE,
  /** Keys and values. */
  MAP,
  /** A union, dense or sparse. */
  UNION,
  /** A type of which nothing but its name is read. */
  PLAIN_TYPE,
  /** A column. */
  FIELD,
  /** All columns. */
  SCHEMA,
  /** How a body is compressed. */
  BODY_COMPRESSION,
  /** Rows. */
  RECORD_BATCH,
  /** Values of a dictionary. */
  DICTIONARY_BATCH,
  /** A dimension of a tensor. */
  TENSOR_DIM,
  /** A dense tensor. */
  TENSOR,
  /** What a message begins with. */
  MESSAGE,
  /** What a file ends with. */
  FOOTER;

  static final int NODE_BYTES = 16;
  static final int BUFFER_BYTES = 16;
  static final int BLOCK_BYTES = 24;

  /** What may stand in a slot of a table. */
  sealed interface Slot {
    /** A number within the table. */
    record Scalar(int index, int bytes) implements Slot {}

    /** UTF-8. */
    record Text(int index) implements Slot {}

    /** Another table. */
    record Child(int index, MetadataTable table) implements Slot {}

    /** A vector of tables. */
    record Tables(int index, MetadataTable table) implements Slot {}

    /** A vector of numbers or structs. */
    record Structs(int index, int bytes) implements Slot {}

    /** A number that tells which table the next slot holds. */
    record Choice(int index) implements Slot {}
  }

  List<Slot> slots() {
    return switch (this) {
      case KEY_VALUE -> List.of(new Slot.Text(0), new Slot.Text(1));
      case INT -> List.of(new Slot.Scalar(0, 4), new Slot.Scalar(1, 1));
      case FLOATING_POINT, UNIT -> List.of(new Slot.Scalar(0, 2));
      case FIXED_SIZE -> List.of(new Slot.Scalar(0, 4));
      case DECIMAL -> List.of(new Slot.Scalar(0, 4), new Slot.Scalar(1, 4), new Slot.Scalar(2, 4));
      case TIME -> List.of(new Slot.Scalar(0, 2), new Slot.Scalar(1, 4));
      case TIMESTAMP -> List.of(new Slot.Scalar(0, 2), new Slot.Text(1));
      case MAP -> List.of(new Slot.Scalar(0, 1));
      case UNION -> List.of(new Slot.Scalar(0, 2), new Slot.Structs(1, Integer.BYTES));
      case DICTIONARY_ENCODING ->
          List.of(
              new Slot.Scalar(0, 8),
              new Slot.Child(1, INT),
              new Slot.Scalar(2, 1),
              new Slot.Scalar(3, 2));
      case PLAIN_TYPE -> List.of();
      case BODY_COMPRESSION -> List.of(new Slot.Scalar(0, 1), new Slot.Scalar(1, 1));
      case FIELD ->
          List.of(
              new Slot.Text(0),
              new Slot.Scalar(1, 1),
              new Slot.Choice(2),
              new Slot.Child(4, DICTIONARY_ENCODING),
              new Slot.Tables(5, FIELD),
              new Slot.Tables(6, KEY_VALUE));
      case SCHEMA ->
          List.of(
              new Slot.Scalar(0, 2), new Slot.Tables(1, FIELD), new Slot.Tables(2, KEY_VALUE));
      case RECORD_BATCH ->
          List.of(
              new Slot.Scalar(0, 8),
              new Slot.Structs(1, NODE_BYTES),
              new Slot.Structs(2, BUFFER_BYTES),
              new Slot.Child(3, BODY_COMPRESSION),
              new Slot.Structs(4, Long.BYTES));
      case DICTIONARY_BATCH ->
          List.of(new Slot.Scalar(0, 8), new Slot.Child(1, RECORD_BATCH), new Slot.Scalar(2, 1));
      case TENSOR_DIM -> List.of(new Slot.Scalar(0, 8), new Slot.Text(1));
      case TENSOR ->
          List.of(
              new Slot.Choice(0),
              new Slot.Tables(2, TENSOR_DIM),
              new Slot.Structs(3, Long.BYTES),
              new Slot.Scalar(4, BUFFER_BYTES));
      case MESSAGE ->
          List.of(
              new Slot.Scalar(0, 2),
              new Slot.Choice(1),
              new Slot.Scalar(3, 8),
              new Slot.Tables(4, KEY_VALUE));
      case FOOTER ->
          List.of(
              new Slot.Scalar(0, 2),
              new Slot.Child(1, SCHEMA),
              new Slot.Structs(2, BLOCK_BYTES),
              new Slot.Structs(3, BLOCK_BYTES),
              new Slot.Tables(4, KEY_VALUE));
    };
  }

  /** The table that a choice of this table leads to; null for one that is never looked at. */
  @Nullable
  MetadataTable chosen(byte type) {
    if (this == MESSAGE) {
      return switch (type) {
        case MessageHeader.Schema -> SCHEMA;
        case MessageHeader.RecordBatch -> RECORD_BATCH;
        case MessageHeader.DictionaryBatch -> DICTIONARY_BATCH;
        case MessageHeader.Tensor -> TENSOR;
        default -> null;
      };
    }
    return switch (type) {
      case Type.Int -> INT;
      case Type.FloatingPoint -> FLOATING_POINT;
      case Type.Decimal -> DECIMAL;
      case Type.Date, Type.Interval, Type.Duration -> UNIT;
      case Type.Time -> TIME;
      case Type.Timestamp -> TIMESTAMP;
      case Type.FixedSizeList, Type.FixedSizeBinary -> FIXED_SIZE;
      case Type.Map -> MAP;
      case Type.Union -> UNION;
      default -> PLAIN_TYPE;
    };
  }
}
