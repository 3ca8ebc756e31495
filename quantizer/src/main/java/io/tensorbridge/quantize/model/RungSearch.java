package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.RaisedTensor.Rung;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the least rung of the ladder with which each of some tensors passes the gate. */
final class RungSearch {
  private final QualityGate gate;
  private final QualityLadder ladder;
  private final ConversionPlanner planner;

  RungSearch(QualityGate gate, QualityLadder ladder, ConversionPlanner planner) {
    this.gate = gate;
    this.ladder = ladder;
    this.planner = planner;
  }

  /** Measures tensors without writing them. */
  @FunctionalInterface
  interface Measurement {
    Map<String, TensorQuality> of(List<TensorPlan> plans, int threads);
  }

  /** A tensor on its way up. */
  static final class Climb {
    private final List<Rung> rungs = new ArrayList<>();
    private TensorPlan plan;

    /** Begins with what missed the gate. */
    Climb(TensorPlan plan, TensorQuality quality) {
      this.plan = plan;
      rungs.add(new Rung(plan.encoding(), quality));
    }

    /** The plan at the present rung. */
    TensorPlan plan() {
      return plan;
    }

    boolean hasMoved() {
      return rungs.size() > 1;
    }

    RaisedTensor result() {
      return new RaisedTensor(plan.source().name(), rungs);
    }

    private void moveTo(TensorPlan higher) {
      plan = higher;
    }

    private void measured(TensorQuality quality) {
      rungs.add(new Rung(plan.encoding(), quality));
    }
  }

  boolean admits(TensorQuality quality) {
    return gate.admits(quality);
  }

  /** Climbs with all of them until each passes, or is at the top; rung by rung, all at once. */
  void run(List<Climb> climbs, Measurement measurement, int threads) {
    List<Climb> below = climbs;
    while (!below.isEmpty()) {
      List<Climb> moved = new ArrayList<>();
      List<TensorPlan> toMeasure = new ArrayList<>();
      for (Climb climb : below) {
        Optional<TensorPlan> higher = higher(climb.plan());
        if (higher.isPresent()) {
          climb.moveTo(higher.get());
          moved.add(climb);
          if (higher.get().treatment() instanceof Treatment.Quantize) {
            toMeasure.add(higher.get());
          }
        }
      }
      Map<String, TensorQuality> found =
          toMeasure.isEmpty() ? Map.of() : measurement.of(toMeasure, threads);
      below = new ArrayList<>();
      for (Climb climb : moved) {
        TensorQuality quality =
            found.getOrDefault(climb.plan().source().name(), exact(climb.plan()));
        climb.measured(quality);
        if (!gate.admits(quality)) {
          below.add(climb);
        }
      }
    }
  }

  private Optional<TensorPlan> higher(TensorPlan plan) {
    if (!(plan.treatment() instanceof Treatment.Quantize quantize)) {
      return Optional.empty();
    }
    QuantScheme scheme = quantize.quantization().scheme();
    return ladder
        .above(scheme, plan.source().shape())
        .map(rung -> planner.raised(plan, rung));
  }

  /** The figures of a copy. */
  private static TensorQuality exact(TensorPlan plan) {
    return new TensorQuality(plan.source().shape().elementCount(), 0, 0, 0, 0, 0);
  }
}
