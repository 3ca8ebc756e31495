package io.tensorbridge.batch.model;

import java.util.ArrayList;
import java.util.List;

/** The variables of a model, while it is put together. */
final class Variables {
  private final List<String> names = new ArrayList<>();
  private final List<Integer> values = new ArrayList<>();

  int one(String name, int initial) {
    names.add(name);
    values.add(initial);
    return names.size() - 1;
  }

  /** Several in a row; gives the first. */
  int many(String name, int count) {
    int first = names.size();
    for (int i = 0; i < count; i++) {
      one(name + i, 0);
    }
    return first;
  }

  /** Sets with what a variable begins. */
  void begin(int variable, int value) {
    values.set(variable, value);
  }

  State initial() {
    State state = new State(new byte[names.size()]);
    for (int i = 0; i < names.size(); i++) {
      state.set(i, values.get(i));
    }
    return state;
  }

  /** What differs between two states, for a trace. */
  String changes(State before, State after) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      if (before.get(i) != after.get(i) && !name.endsWith(".pc")) {
        text.append(text.isEmpty() ? "" : ", ")
            .append(name)
            .append('=')
            .append(after.get(i));
      }
    }
    return text.toString();
  }
}
