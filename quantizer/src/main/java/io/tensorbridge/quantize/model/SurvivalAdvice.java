package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Looks for the scheme that keeps adapters which quantization drowns. */
final class SurvivalAdvice {
  /** Where the error of quantization is half as large as what the adapters do. */
  private static final double LEAST_SHARE = 0.5;

  /** Those on which the adapters act most stand for all. */
  private static final int SAMPLE = 8;

  private final ConversionPlanner planner;
  private final QualityLadder ladder;

  SurvivalAdvice(ConversionPlanner planner, QualityLadder ladder) {
    this.planner = planner;
    this.ladder = ladder;
  }

  /** Measures tensors without writing them. */
  @FunctionalInterface
  interface Measurement {
    Map<String, Survival> of(List<TensorPlan> plans);
  }

  /** A warning if less than the least share is left, with a scheme that keeps it. */
  Optional<String> warning(
      List<TensorPlan> plans, Map<String, Survival> survivals, Measurement measurement) {
    Survival total = Survival.total(survivals.values());
    if (total.share() >= LEAST_SHARE) {
      return Optional.empty();
    }
    Comparator<TensorPlan> byEffect =
        Comparator.comparingDouble(
            plan -> survivals.getOrDefault(plan.source().name(), Survival.NONE).effect());
    List<TensorPlan> sample = plans.stream().sorted(byEffect.reversed()).limit(SAMPLE).toList();
    return Optional.of(
        "only " + percent(total) + " of what the adapters do survives quantization"
            + keeping(sample, measurement));
  }

  /** Climbs with the whole sample until enough is left. */
  private String keeping(List<TensorPlan> sample, Measurement measurement) {
    List<TensorPlan> rung = higher(sample);
    while (!rung.isEmpty()) {
      Survival total = Survival.total(measurement.of(rung).values());
      if (total.share() >= LEAST_SHARE) {
        return "; " + rung.getFirst().encoding() + " would keep " + percent(total)
            + " (measured on " + rung.size() + " tensors)";
      }
      rung = higher(rung);
    }
    return "";
  }

  private List<TensorPlan> higher(List<TensorPlan> plans) {
    List<TensorPlan> higher = new ArrayList<>(plans.size());
    for (TensorPlan plan : plans) {
      if (plan.adapterCount() > 0 && plan.treatment() instanceof Treatment.Quantize quantize) {
        QuantScheme scheme = quantize.quantization().scheme();
        ladder
            .above(scheme, plan.source().shape())
            .filter(rung -> rung != FloatScheme.F32)
            .ifPresent(rung -> higher.add(planner.raised(plan, rung)));
      }
    }
    return higher;
  }

  private static String percent(Survival survival) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * survival.share());
  }
}
