package io.tensorbridge.batch.model;

/** A value of every variable of a model, each a signed byte. */
final class State {
  private final byte[] values;

  State(byte[] values) {
    this.values = values;
  }

  byte[] values() {
    return values;
  }

  int get(int variable) {
    return values[variable];
  }

  void set(int variable, int value) {
    values[variable] = (byte) value;
  }

  void add(int variable, int change) {
    set(variable, get(variable) + change);
  }

  /** Whether a bit of a variable that holds a set is 1. */
  boolean has(int variable, int element) {
    return (get(variable) & 1 << element) != 0;
  }

  void put(int variable, int element) {
    set(variable, get(variable) | 1 << element);
  }

  void remove(int variable, int element) {
    set(variable, get(variable) & ~(1 << element));
  }

  State copy() {
    return new State(values.clone());
  }
}
