package io.tensorbridge.batch.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;

/**
 * Looks at every state that a {@link Model} can reach, breadth first, so that the trace to what is
 * wrong is the shortest.
 *
 * <p>Then at every way to go round in circles: a strongly connected component in which each fair
 * agent takes steps or is blocked now and then is a way in which the world never ends.
 */
final class Explorer {
  private final Model model;
  private final List<Agent> agents;
  private final int stateBytes;
  private final int maxStates;

  private byte[] states;
  private int[] parents = new int[1 << 12];
  private int[] table = new int[1 << 14];
  private int count;
  /** Where the edges of each state begin; they are in the order of the states. */
  private int[] edgesOf = new int[(1 << 12) + 1];
  private int[] targets = new int[1 << 14];
  private byte[] movers = new byte[1 << 14];
  private int edges;
  /** The states of which only the step of one agent was followed. */
  private final BitSet reduced = new BitSet();

  /**
   * What was found.
   *
   * @param states that can be reached
   * @param transitions between them
   * @param violation what is wrong, or empty
   * @param trace how to get there, a step a line
   */
  record Result(int states, int transitions, String violation, List<String> trace) {
    boolean isRight() {
      return violation.isEmpty();
    }

    String text() {
      return violation + "\n" + String.join("\n", trace);
    }
  }

  private Explorer(Model model, int maxStates) {
    this.model = model;
    this.agents = model.agents();
    this.stateBytes = model.variables().initial().values().length;
    this.maxStates = maxStates;
    this.states = new byte[stateBytes << 12];
  }

  /**
   * Looks at every state.
   *
   * @param maxStates more are too many: the model must be made smaller
   */
  static Result explore(Model model, int maxStates) {
    return new Explorer(model, maxStates).explore();
  }

  private Result explore() {
    add(model.variables().initial(), -1);
    for (int at = 0; at < count; at++) {
      edgesOf[at] = edges;
      State state = state(at);
      boolean stuck = true;
      int only = localAgent(state);
      reduced.set(at, only >= 0);
      for (int agent = 0; agent < agents.size(); agent++) {
        Agent mover = agents.get(agent);
        if (only >= 0 && only != agent) {
          continue;
        }
        for (int choice = 0; choice < mover.choices(); choice++) {
          State next = state.copy();
          try {
            mover.step(next, choice);
          } catch (Agent.Blocked now) {
            continue;
          } catch (Agent.Violation wrong) {
            List<String> trace = trace(at);
            trace.add(mover.name() + ": the last step");
            return new Result(count, edges, wrong.getMessage(), trace);
          }
          stuck &= !mover.isFair(state);
          addEdge(add(next, at), agent);
        }
      }
      String wrong = stuck ? model.end().wrongWith(state) : "";
      if (!wrong.isEmpty()) {
        return new Result(count, edges, wrong, trace(at));
      }
      edgesOf[at + 1] = edges;
    }
    int circle = endlessState();
    return circle < 0
        ? new Result(count, edges, "", List.of())
        : new Result(count, edges, "goes round in circles for ever", trace(circle));
  }

  private int localAgent(State state) {
    for (int agent = 0; agent < agents.size(); agent++) {
      Agent mover = agents.get(agent);
      if (mover.isLocal(state)) {
        try {
          mover.step(state.copy(), 0);
          return agent;
        } catch (Agent.Blocked now) {
          // looks at the next agent
        }
      }
    }
    return -1;
  }

  // ---- the set of states ----

  private State state(int index) {
    int from = index * stateBytes;
    return new State(Arrays.copyOfRange(states, from, from + stateBytes));
  }

  private int add(State state, int parent) {
    byte[] values = state.values();
    int mask = table.length - 1;
    int slot = hash(values, 0) & mask;
    while (table[slot] != 0) {
      int known = table[slot] - 1;
      int from = known * stateBytes;
      if (Arrays.equals(states, from, from + stateBytes, values, 0, stateBytes)) {
        return known;
      }
      slot = slot + 1 & mask;
    }
    if (count == maxStates) {
      throw new AssertionError("more than " + maxStates + " states: make the model smaller");
    }
    if (count == parents.length) {
      parents = Arrays.copyOf(parents, 2 * count);
      states = Arrays.copyOf(states, 2 * count * stateBytes);
      edgesOf = Arrays.copyOf(edgesOf, 2 * count + 1);
    }
    System.arraycopy(values, 0, states, count * stateBytes, stateBytes);
    parents[count] = parent;
    table[slot] = ++count;
    if (2 * count > table.length) {
      rehash();
    }
    return count - 1;
  }

  private void rehash() {
    table = new int[2 * table.length];
    int mask = table.length - 1;
    for (int i = 0; i < count; i++) {
      int slot = hash(states, i * stateBytes) & mask;
      while (table[slot] != 0) {
        slot = slot + 1 & mask;
      }
      table[slot] = i + 1;
    }
  }

  private int hash(byte[] bytes, int from) {
    long hash = 0xCBF2_9CE4_8422_2325L;
    for (int i = 0; i < stateBytes; i++) {
      hash = (hash ^ bytes[from + i]) * 0x100_0000_01B3L;
    }
    return (int) (hash ^ hash >>> 32);
  }

  private void addEdge(int target, int agent) {
    if (edges == targets.length) {
      targets = Arrays.copyOf(targets, 2 * edges);
      movers = Arrays.copyOf(movers, 2 * edges);
    }
    targets[edges] = target;
    movers[edges++] = (byte) agent;
  }

  // ---- traces ----

  private List<String> trace(int end) {
    Deque<Integer> way = new ArrayDeque<>();
    for (int at = end; at >= 0; at = parents[at]) {
      way.push(at);
    }
    List<String> lines = new ArrayList<>();
    int from = way.pop();
    for (int to : way) {
      lines.add(line(from, to));
      from = to;
    }
    return lines;
  }

  private String line(int from, int to) {
    State before = state(from);
    State wanted = state(to);
    for (Agent agent : agents) {
      for (int choice = 0; choice < agent.choices(); choice++) {
        State next = before.copy();
        try {
          String what = agent.step(next, choice);
          if (Arrays.equals(next.values(), wanted.values())) {
            return agent.name() + ": " + what + "   [" + model.variables().changes(before, next)
                + "]";
          }
        } catch (Agent.Blocked | Agent.Violation other) {
          // another way
        }
      }
    }
    throw new IllegalStateException("no step leads there");
  }

  // ---- circles: Tarjan's components, without recursion ----

  private int endlessState() {
    int[] low = new int[count];
    int[] number = new int[count];
    int[] edge = new int[count];
    int[] component = new int[count];
    Arrays.fill(component, -1);
    int[] open = new int[count];
    int[] path = new int[count];
    int openCount = 0;
    int depth = 0;
    int next = 1;
    path[0] = 0;
    number[0] = low[0] = next++;
    edge[0] = edgesOf[0];
    open[openCount++] = 0;
    while (depth >= 0) {
      int at = path[depth];
      if (edge[at] < edgesOf[at + 1]) {
        int to = targets[edge[at]++];
        if (number[to] == 0) {
          number[to] = low[to] = next++;
          edge[to] = edgesOf[to];
          open[openCount++] = to;
          path[++depth] = to;
        } else if (component[to] < 0) {
          low[at] = Math.min(low[at], number[to]);
        }
        continue;
      }
      if (low[at] == number[at]) {
        int first = openCount;
        do {
          component[open[--first]] = at;
        } while (open[first] != at);
        if (isEndless(Arrays.copyOfRange(open, first, openCount), component, at)) {
          return at;
        }
        openCount = first;
      }
      depth--;
      if (depth >= 0) {
        low[path[depth]] = Math.min(low[path[depth]], low[at]);
      }
    }
    return -1;
  }

  private boolean isEndless(int[] members, int[] component, int id) {
    if (members.length == 1 && !goesToItself(members[0])) {
      return false;
    }
    long moves = 0;
    long blocked = 0;
    for (int member : members) {
      long enabled = 0;
      long fair = 0;
      State state = state(member);
      for (int agent = 0; agent < agents.size(); agent++) {
        fair |= agents.get(agent).isFair(state) ? 1L << agent : 0;
      }
      for (int edge = edgesOf[member]; edge < edgesOf[member + 1]; edge++) {
        enabled |= 1L << movers[edge];
        if (component[targets[edge]] == id) {
          moves |= 1L << movers[edge];
        }
      }
      blocked |= reduced.get(member) ? 0 : ~(enabled & fair);
    }
    for (int agent = 0; agent < agents.size(); agent++) {
      long bit = 1L << agent;
      if ((moves & bit) == 0 && (blocked & bit) == 0) {
        return false;
      }
    }
    return true;
  }

  private boolean goesToItself(int member) {
    for (int edge = edgesOf[member]; edge < edgesOf[member + 1]; edge++) {
      if (targets[edge] == member) {
        return true;
      }
    }
    return false;
  }
}
