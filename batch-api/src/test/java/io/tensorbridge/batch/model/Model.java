package io.tensorbridge.batch.model;

import java.util.List;

/**
 * A closed world.
 *
 * @param variables what it consists of
 * @param agents who changes it
 * @param end tells what is wrong with a state in which nothing more happens
 */
record Model(Variables variables, List<Agent> agents, End end) {
  /** How a world may end. */
  interface End {
    /**
     * Looks at a state.
     *
     * @return empty if everybody has reached an end
     */
    String wrongWith(State state);
  }
}
