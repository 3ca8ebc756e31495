package io.tensorbridge.arrow;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A column of a schema, or the values within one.
 *
 * @param name not necessarily unique
 * @param type of the values; of those in the dictionary if there is one
 * @param nullable whether rows may be null
 * @param dictionary the dictionary that columns refer to, if they hold indexes
 * @param children the fields of nested values
 * @param metadata text in its order, also the names of extension types
 */
public record ArrowField(
    String name,
    ArrowType type,
    boolean nullable,
    Optional<DictionaryEncoding> dictionary,
    List<ArrowField> children,
    Map<String, String> metadata) {
  /** The key of the metadata under which the name of an extension type stands. */
  public static final String EXTENSION_NAME = "ARROW:extension:name";

  /** The key of the metadata under which the parameters of an extension type stand. */
  public static final String EXTENSION_METADATA = "ARROW:extension:metadata";

  /**
   * Copies the lists and checks the number of children, and the children of maps and runs.
   *
   * @throws IllegalArgumentException if the type needs other ones
   */
  public ArrowField {
    children = List.copyOf(children);
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    int wanted = type.layout().childCount();
    if (wanted != ArrowLayout.ANY && children.size() != wanted) {
      throw new IllegalArgumentException(
          "the field \"" + name + "\" is a " + type + " of " + children.size() + " children");
    }
    if (type instanceof ArrowType.Map && !isEntry(children.getFirst())) {
      throw new IllegalArgumentException(
          "the field \"" + name + "\" is a map of " + children.getFirst().typeText());
    }
    if (type instanceof ArrowType.RunEndEncoded && !isRunEnd(children.getFirst())) {
      throw new IllegalArgumentException(
          "the field \"" + name + "\" has " + children.getFirst().typeText() + " as ends of runs");
    }
  }

  private static boolean isEntry(ArrowField field) {
    return field.type instanceof ArrowType.Struct && field.children.size() == 2
        && !field.dictionaryEncoded();
  }

  private static boolean isRunEnd(ArrowField field) {
    return field.type instanceof ArrowType.Int(int bits, boolean signed) && signed && bits > 8
        && !field.dictionaryEncoded();
  }

  /**
   * A field without metadata.
   *
   * @param name of the field
   * @param type of its values
   * @param nullable whether rows may be null
   * @param children the fields of nested values
   * @return the field
   * @throws IllegalArgumentException if the type has another number of children
   */
  public static ArrowField of(
      String name, ArrowType type, boolean nullable, ArrowField... children) {
    return new ArrowField(name, type, nullable, Optional.empty(), List.of(children), Map.of());
  }

  /**
   * This field with other metadata.
   *
   * @param newMetadata text in its order
   * @return a field
   */
  public ArrowField withMetadata(Map<String, String> newMetadata) {
    return new ArrowField(name, type, nullable, dictionary, children, newMetadata);
  }

  /**
   * This field as indexes into a dictionary of its values.
   *
   * @param encoding id and type of the indexes
   * @return a field
   */
  public ArrowField withDictionary(DictionaryEncoding encoding) {
    return new ArrowField(name, type, nullable, Optional.of(encoding), children, metadata);
  }

  /**
   * The field of the dictionary's values.
   *
   * @return this field without its dictionary; this one if it has none
   */
  public ArrowField valueField() {
    return dictionary.isEmpty()
        ? this
        : new ArrowField(name, type, true, Optional.empty(), children, metadata);
  }

  /**
   * Whether columns hold indexes into a dictionary.
   *
   * @return true if there is one
   */
  public boolean dictionaryEncoded() {
    return dictionary.isPresent();
  }

  /**
   * The type of what the columns themselves hold.
   *
   * @return that of the indexes if there is a dictionary, else that of the values
   */
  public ArrowType storageType() {
    return dictionary.isPresent() ? dictionary.get().indexType() : type;
  }

  /**
   * The fields of the columns' children.
   *
   * @return none if there is a dictionary, whose values have them
   */
  public List<ArrowField> storageChildren() {
    return dictionary.isPresent() ? List.of() : children;
  }

  /**
   * The name of the extension type.
   *
   * @return for example {@code arrow.fixed_shape_tensor}, or empty
   */
  public Optional<String> extensionName() {
    return Optional.ofNullable(metadata.get(EXTENSION_NAME));
  }

  /**
   * The type with those of the children, as Arrow writes it.
   *
   * @return for example {@code list<float>}
   */
  public String typeText() {
    String values = children.isEmpty()
        ? type.toString()
        : type + children.stream()
            .map(ArrowField::typeText)
            .collect(Collectors.joining(", ", "<", ">"));
    return dictionary
        .map(encoding -> "dictionary<values=" + values + ", indices=" + encoding.indexType()
            + ", ordered=" + (encoding.ordered() ? 1 : 0) + ">")
        .orElse(values);
  }

  @Override
  public String toString() {
    return name + ": " + typeText();
  }
}
