package io.tensorbridge.arrow;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A column of a schema, or the values within one.
 *
 * @param name not necessarily unique
 * @param type of the values
 * @param nullable whether rows may be null
 * @param dictionaryEncoded whether the columns hold indexes into a dictionary of such values
 * @param children the fields of nested values
 * @param metadata text, also the names of extension types
 */
public record ArrowField(
    String name,
    ArrowType type,
    boolean nullable,
    boolean dictionaryEncoded,
    List<ArrowField> children,
    Map<String, String> metadata) {
  /** Copies the lists. */
  public ArrowField {
    children = List.copyOf(children);
    metadata = Map.copyOf(metadata);
  }

  /**
   * A field without metadata.
   *
   * @param name of the field
   * @param type of its values
   * @param nullable whether rows may be null
   * @param children the fields of nested values
   * @return the field
   */
  public static ArrowField of(
      String name, ArrowType type, boolean nullable, ArrowField... children) {
    return new ArrowField(name, type, nullable, false, List.of(children), Map.of());
  }

  /**
   * The type with those of the children, as Arrow writes it.
   *
   * @return for example {@code list<float>}
   */
  public String typeText() {
    String own = dictionaryEncoded ? "dictionary of " + type : type.toString();
    return children.isEmpty()
        ? own
        : own + children.stream()
            .map(ArrowField::typeText)
            .collect(Collectors.joining(", ", "<", ">"));
  }

  @Override
  public String toString() {
    return name + ": " + typeText();
  }
}
