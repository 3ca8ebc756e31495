package io.tensorbridge.quantize.internal.kernel;

/** Which twins serve in this JVM; the benches pin one by the property {@value #PROPERTY}. */
public enum KernelPolicy {
  /** The scalar twin first, the vector twin once it is trained; the default with vectors. */
  ADAPTIVE,
  /** The scalar twins alone; the default without vectors. */
  SCALAR,
  /** The vector twins from the first chunk on, where there are any. */
  VECTOR;

  /** The system property: {@code adaptive}, {@code scalar} or {@code vector}. */
  public static final String PROPERTY = "tensorbridge.kernels";

  /**
   * What the property asks for.
   *
   * @param vectors whether the module {@code jdk.incubator.vector} is there
   * @throws IllegalArgumentException if the property has another value, or one that this JVM lacks
   *     the module for
   */
  static KernelPolicy ofProperty(boolean vectors) {
    String asked = System.getProperty(PROPERTY, "adaptive");
    return switch (asked) {
      case "adaptive" -> vectors ? ADAPTIVE : SCALAR;
      case "scalar" -> SCALAR;
      case "vector" -> {
        if (!vectors) {
          throw new IllegalArgumentException(
              "-D" + PROPERTY + "=vector needs --add-modules jdk.incubator.vector");
        }
        yield VECTOR;
      }
      default ->
          throw new IllegalArgumentException(
              "-D" + PROPERTY + "=" + asked + " is unknown; take adaptive, scalar or vector");
    };
  }
}
